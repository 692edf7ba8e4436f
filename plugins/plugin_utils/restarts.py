# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which MinIO servers a run restarts, how, and why: said before it happens, in the operator's own words; pure.

The labels of the services decide, as they do where servers are changed. What differs is named after its setting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils import units
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout, stack
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.environment import FILE_VARIABLE
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.recipe import RELEASE_LABEL
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, enumerate_names

OPTIONS = (
    *("port", "console_port", "parity", "drives_parent", "memory_limit", "tmp_size", "dns", "stop_grace_period"),
    *("log_max_size", "log_max_file", "environment", "pids_limit"),
)
# Stands for an image that this run makes first: its ID is not known before.
UNKNOWN_IMAGE = "an image that this run makes"
NOT_SET = "not set"


@dataclass(frozen=True)
class Restart:
    """Servers that are replaced for the same reasons."""

    hosts: tuple[str, ...]
    together: bool
    causes: tuple[str, ...]

    def __str__(self) -> str:
        way = "restart MinIO"
        if len(self.hosts) > 1:
            way += " on all of them together" if self.together else " one at a time"
        return f"{enumerate_names(self.hosts)}: {way}, because {enumerate_names(self.causes)}"


def draw(cluster: Cluster, minio: Mapping[str, Any], attachment: Mapping[str, Any]) -> list[Restart]:
    """Everything that runs and is not as it is wanted."""
    live = {service["name"]: service for service in minio_plan.services(cluster)}
    if not live or not minio["layout"]:
        return []
    options = _options(cluster, minio, attachment)
    args = minio["layout"]["args"]
    numbers = [server["number"] for server in minio["servers"]]
    try:
        wanted = stack.compose(numbers, args, options)
    except InputError:
        # Said by the rules.
        return []
    labels = {name: service.get("labels") or {} for name, service in live.items()}
    rolling = stack.rolling(wanted, labels) if _can_roll(minio) else []
    hosts = {f"minio{host.number}": host.name for host in cluster.group("minio")}
    found: dict[tuple[str, ...], list[str]] = {}
    for name, service in wanted["services"].items():
        if name in live and labels[name].get(stack.SERVER_LABEL) != service["deploy"]["labels"][stack.SERVER_LABEL]:
            found.setdefault(tuple(_causes(live[name], service, options)), []).append(hosts[name])
    return [Restart(tuple(names), not rolling, causes) for causes, names in found.items()]


def _can_roll(minio: Mapping[str, Any]) -> bool:
    return all(pool["write_tolerance"] for pool in minio["layout"]["pools"])


def _options(cluster: Cluster, minio: Mapping[str, Any], attachment: Mapping[str, Any]) -> dict[str, Any]:
    """What the role gives the definition of its services."""
    keys = {"drives_parent": "minio_drives_parent"}
    return {
        **{name: cluster.settings.get(keys.get(name, name)) for name in OPTIONS},
        "image": minio["image"] or UNKNOWN_IMAGE,
        "release": minio["release"],
        "attachment": attachment,
        "tls": minio["scheme"] == "https",
        "tls_dir": tls_files.DIRECTORY,
        "trust_id": minio["tls"]["trust_id"],
        **{name: minio[name] for name in ("secret_names", "secrets_id")},
        "no_new_privileges": bool(minio["no_new_privileges"]),
    }


def _causes(live: Mapping[str, Any], wanted: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    """In the order in which operators would look for them; there is always one."""
    made_of = live.get("made_of") or {}
    causes = [*_image(live, wanted), *_command(live, wanted), *_network(live, wanted)]
    causes += _environment(made_of, options) if made_of else []
    causes += _secrets(live, wanted)
    startup = [labels.get(stack.STARTUP_LABEL) for labels in (live["labels"], wanted["deploy"]["labels"])]
    if startup[0] != startup[1] and not causes:
        causes.append("a value in minio_environment changes")
    causes += _settings(made_of, options) if made_of else []
    yield from causes or ["what this collection makes of a server has changed"]


def _secrets(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    before, after = (one.get(stack.SECRETS_LABEL) for one in (live["labels"], wanted["deploy"]["labels"]))
    if before and after and before != after:
        yield "minio_secret_environment changes"


def _image(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    before, after = live["labels"].get(RELEASE_LABEL), wanted["deploy"]["labels"][RELEASE_LABEL]
    if before != after:
        yield _change("MinIO's release", before, after)
    elif live.get("image") != wanted["image"]:
        yield _change("MinIO's image", live.get("image"), wanted["image"])


def _command(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    before, after = live.get("args") or [], wanted["command"]
    for name, flag in (("minio_port", "--address"), ("minio_console_port", "--console-address")):
        if _value(before, flag) != _value(after, flag):
            yield _change(name, _value(before, flag), _value(after, flag))
    encrypted = [any(arg.startswith("--certs-dir") for arg in args) for args in (before, after)]
    if encrypted[0] != encrypted[1]:
        yield _change("minio_tls", *("on" if one else "off" for one in encrypted))
    elif layout.server_list(before) != layout.server_list(after):
        servers = [" ".join(layout.server_list(args)) for args in (before, after)]
        yield _change("the list of servers", *servers)


def _value(args: Sequence[str], flag: str) -> str:
    return (layout.argument(args, flag) or NOT_SET).lstrip(":")


def _network(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    labels = (live["labels"], wanted["deploy"]["labels"])
    before, after = (one.get(stack.NETWORK_LABEL, stack.USUAL_NETWORK) for one in labels)
    if before != after:
        yield _change("the network of the servers", before, after)


def _settings(live: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    for name in ("memory_limit", "tmp_size"):
        after = units.size(options[name], name)
        if live[name] != after:
            yield _change(f"minio_{name}", units.show_size(live[name]), units.show_size(after))
    grace = units.duration(options["stop_grace_period"], "stop_grace_period")
    if live["stop_grace_period"] != grace:
        shown = [units.show_duration(one) for one in (live["stop_grace_period"], grace)]
        yield _change("minio_stop_grace_period", *shown)
    for name in ("log_max_size", "log_max_file", "drives_parent"):
        if str(live[name]) != str(options[name]):
            yield _change(f"minio_{name}", live[name], options[name])
    yield from _confinement(live, options)
    name_servers = [one for one in live["dns"] if one != stack.NO_NAME_SERVER]
    if name_servers != list(options["dns"] or []):
        yield _change("minio_dns", ", ".join(name_servers), ", ".join(options["dns"] or []))
    if options["tls"] and live["trust"] != str(options["trust_id"]):
        yield "the authorities that servers trust change"


def _confinement(live: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    if live["pids_limit"] != int(options["pids_limit"]):
        yield _change("minio_pids_limit", live["pids_limit"], options["pids_limit"])
    if live["dropped_capabilities"] != ["ALL"]:
        yield "servers give up every capability of root"
    if live["no_new_privileges"] != options["no_new_privileges"]:
        yield f"the engines {'can' if options['no_new_privileges'] else 'cannot all'} keep servers from new privileges"


def _environment(live: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    """Values are never told, but for the parity."""
    environment = stack.variables(options)
    parity = environment.get("MINIO_STORAGE_CLASS_STANDARD")
    if live["parity"] != parity:
        yield _change("minio_parity", *(one and one.removeprefix("EC:") for one in (live["parity"], parity)))
    names = [set(one) - {"MINIO_STORAGE_CLASS_STANDARD"} for one in (live["environment"], environment)]
    secret = [set(live["secret_environment"]), set(options["secret_names"])]
    for name in sorted(names[1] - names[0] - {FILE_VARIABLE}):
        yield f"{_place(name, secret[1])} gains {name}"
    for name in sorted(names[0] - names[1] - {FILE_VARIABLE}):
        yield f"{_place(name, secret[0])} loses {name}"


def _place(name: str, secret: Collection[str]) -> str:
    return "minio_secret_environment" if name in secret else "minio_environment"


def _change(name: str, before: Any, after: Any) -> str:
    known = [NOT_SET if one in (None, "", []) else one for one in (before, after)]
    return f"{name} changes from {known[0]} to {known[1]}"
