# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages: what is installed and held, what a list of names still needs, and how apt is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from . import apt
from .steps import Plan
from .system import CommandFailed, System

QUERY = ("dpkg-query", "-W", "-f", "${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Status}\n")
APT = ("apt-get", "-o", "Dpkg::Options::=--force-confold")
# States that dpkg leaves behind when it was stopped in the middle.
INTERRUPTED = frozenset({"unpacked", "half-configured", "half-installed", "triggers-awaited", "triggers-pending"})


@dataclass(frozen=True)
class Package:
    version: str
    held: bool
    status: str

    @property
    def installed(self) -> bool:
        return self.status == "installed"

    @property
    def interrupted(self) -> bool:
        return self.status in INTERRUPTED


Packages = Mapping[str, Package]


def parse(text: str) -> dict[str, Package]:
    """The answer of dpkg-query; a package that is only configured or known is not there."""
    found = {}
    for line in text.splitlines():
        name, version, want, status = line.split("\t")
        if status not in ("not-installed", "config-files"):
            found[name] = Package(version, want == "hold", status)
    return found


def read(system: System) -> dict[str, Package]:
    return parse(system.query(QUERY))


def missing(names: Sequence[str], packages: Packages) -> list[str]:
    return [name for name in names if not (name in packages and packages[name].installed)]


def repair(packages: Packages, names: Sequence[str]) -> Optional[apt.Ask]:
    """Finishes what an interrupted dpkg began with one of these packages."""
    broken = [name for name in dict.fromkeys(names) if name in packages and packages[name].interrupted]
    if not broken:
        return None
    states = ", ".join(f"{name} is {packages[name].status}" for name in broken)
    commands = (apt.CONFIGURE, (*APT, "install", "-y", "--fix-broken"))
    return apt.Ask(f"finish the interrupted installation ({states})", commands)


@dataclass(frozen=True)
class Install:
    """Packages from the host's own sources; the lists are fetched only where apt cannot do without."""

    names: Sequence[str]

    @property
    def sentence(self) -> str:
        return f"install {', '.join(self.names)}"

    def apply(self, system: System) -> None:
        command = (*APT, "install", "-y", "--no-install-recommends", *self.names)
        try:
            apt.run(system, command)
        except CommandFailed as error:
            # Some package of the host was left half installed, or the lists name what the mirror no longer has.
            mend = apt.CONFIGURE if "dpkg --configure -a" in str(error) else (*APT, "update")
            apt.run(system, mend)
            apt.run(system, command)


def hold(names: Sequence[str], packages: Packages) -> Optional[apt.Ask]:
    """Takes packages out of unattended upgrades."""
    free = [name for name in names if not (name in packages and packages[name].held)]
    if not free:
        return None
    return apt.Ask(f"hold {', '.join(free)} against unattended upgrades", (("apt-mark", "hold", *free),))


def unhold(names: Sequence[str]) -> apt.Ask:
    """Gives packages back to unattended upgrades."""
    return apt.Ask(f"let upgrades at {', '.join(names)} again", (("apt-mark", "unhold", *names),))


def plan(options: Mapping[str, Any], packages: Packages) -> Plan:
    """The section ``packages``."""
    names, held = list(options.get("names") or []), list(options.get("hold") or [])
    wanted = missing(names, packages)
    steps = [
        repair(packages, [*names, *held]),
        Install(wanted) if wanted else None,
        hold([name for name in held if name in packages or name in wanted], packages),
    ]
    return Plan(steps=[step for step in steps if step])
