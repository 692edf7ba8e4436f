# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an engine and is not carried out, because what is there stays: said, so that it is never silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import daemon
from .packages import Package
from .units import Unit


def configuration(options: Mapping[str, Any], present: Mapping[str, Any], arguments: str) -> Iterator[str]:
    """The file of the engine and its arguments, which an operator may have written."""
    pools = [{"base": pool["base"], "size": pool["size"]} for pool in options.get("address_pools") or []]
    if pools and not daemon.sets_pools(present, arguments):
        found = [] if daemon.FLAGS["default-address-pools"] in arguments else present["default-address-pools"]
        if found != pools:
            where = f"{daemon.PATH} has {_pools(found)}" if found else "the unit of the engine sets others"
            yield (
                f"docker_engine_address_pools: {where}, which stays, as networks were made from it; "
                f"to change it, edit {daemon.PATH} and restart the engine"
            )
    if options.get("log_max_size") is None and options.get("log_max_file") is None:
        return
    driver = present.get("log-driver", "json-file")
    flag = next((daemon.FLAGS[key] for key in ("log-driver", "log-opts") if daemon.FLAGS[key] in arguments), None)
    if driver != "json-file" or flag:
        found = f"is started with {flag}" if flag else f"logs to {driver}"
        yield (
            f"docker_engine_log_max_size, docker_engine_log_max_file: the engine {found}, which stays; "
            "they limit files of the driver json-file only"
        )


def _pools(pools: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{pool.get('base')} size {pool.get('size')}" for pool in pools)


def limits(options: Mapping[str, Any], units: Mapping[str, Unit], ours: Mapping[str, Any]) -> Iterator[str]:
    """A unit that allows more open files than asked for keeps that."""
    nofile = options.get("nofile")
    for name in daemon.UNITS:
        unit = units.get(name)
        if nofile is None or unit is None or not unit.exists or ours.get(name) is not None:
            continue
        if unit.nofile == "infinity" or (unit.nofile.isdigit() and int(unit.nofile) > nofile):
            yield (
                f"docker_engine_nofile: {name} allows {unit.nofile} open files, more than {nofile}, which stays; "
                "to lower it, write a drop-in of your own"
            )


def packages(
    options: Mapping[str, Any], package: str, found: Mapping[str, Package], held: Sequence[str]
) -> Iterator[str]:
    """An engine is used and never replaced; what was held stays so."""
    wanted = options.get("package")
    if package and wanted and wanted != package:
        yield (
            f"docker_engine_package: {package} is installed and stays; {wanted} is for hosts without an engine; "
            "an engine is never replaced"
        )
    kept = [name for name in held if name in found and found[name].held]
    if kept and not options.get("hold", True):
        yield (
            f"docker_engine_hold: {', '.join(kept)} {'is' if len(kept) == 1 else 'are'} held from upgrades, which "
            f"stays; to end it, run `apt-mark unhold {' '.join(kept)}`"
        )
    missing = [name for name in options.get("along") or [] if name not in found or not found[name].installed]
    if package and missing:
        yield (
            f"docker_engine_along: {', '.join(missing)} come with the installation of an engine only, and "
            f"{package} is there; install them by yourself"
        )
