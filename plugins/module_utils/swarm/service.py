# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a service: every option, and its field in the Engine's ServiceSpec.

Option names are those of community.docker's docker_swarm_service; what it lacks has the Engine's names in snake case.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Callable

from ..errors import InputError
from ..image_names import familiar
from ..rows import GIVEN, IN_PLACE, KEYED, ORDERED, SET, WRITE_ONLY, Arm, Convert, Field, OneOf, Row, Table
from ..units import (
    CPUS,
    DURATION,
    ENV,
    SIZE,
    TEXT_MAP,
    WORDS,
    collected,
    duration,
    items,
    mapping,
    show_duration,
    text,
    texts,
)

SECOND = 1_000_000_000
JOBS = (1, 41)
MODE_MAX = 0o7777
PORT_MAX = 65535


def _test(value: Any, where: str) -> list[str]:
    if isinstance(value, str):
        return ["CMD-SHELL", value] if value else []
    test = collected(partial(text, one, at) for at, one in items(value, where, "a string or a list of strings"))
    if test and test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise InputError(f'option "{where}" starts with "{test[0]}"; a list starts with NONE, CMD or CMD-SHELL')
    return test


def _hosts(value: Any, where: str) -> list[str]:
    """Lines of a hosts file, as Compose gives them, or a mapping that has names as keys."""
    if isinstance(value, (list, tuple)):
        return texts(value, where)
    return collected(partial(_host, f"{where}.{name}", name, one) for name, one in mapping(value, where).items())


def _host(where: str, name: str, value: Any) -> str:
    address = text(value, where).strip()
    if not name or name != "".join(name.split()) or not address or address != "".join(address.split()):
        raise InputError(f'option "{where}": "{address}" is not an address for "{name}"; give for example 10.0.0.1')
    return f"{address} {name}"


def _ulimits(value: Any, where: str) -> list[dict[str, Any]]:
    """Mappings, or ``nofile=1024:2048`` as on the command line."""
    return collected(partial(_ulimit, at, one) for at, one in items(value, where))


def _ulimit(where: str, item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return dict(item)
    found = re.fullmatch(r"([a-z]+)=(-?[0-9]+)(?::(-?[0-9]+))?", item) if isinstance(item, str) else None
    if not found:
        raise InputError(f'option "{where}" is no limit: {item!r}; give for example nofile=65536:65536')
    return {"name": found[1], "soft": int(found[2]), "hard": int(found[3] or found[2])}


def _networks(value: Any, where: str) -> list[dict[str, Any]]:
    """Names, or mappings with ``name``."""
    return collected(partial(_attachment, at, one) for at, one in items(value, where))


def _attachment(where: str, item: Any) -> dict[str, Any]:
    found = dict(item) if isinstance(item, Mapping) else {"name": text(item, where)}
    if not found.get("name"):
        raise InputError(f'option "{where}" has no name; give the name of a network')
    return found


def _files(name_option: str) -> Callable[[Any, str], list[dict[str, Any]]]:
    """The file of a secret or config has its name, unless another one is given; what is no file has none."""

    def parse(value: Any, where: str) -> list[dict[str, Any]]:
        return collected(partial(_file_of, at, one) for at, one in items(value, where))

    def _file_of(where: str, value: Any) -> dict[str, Any]:
        item = mapping(value, where)
        if item.get("target") == "runtime":
            return item
        return {**item, "filename": item.get("filename") or item.get(name_option)}

    return parse


def _constraint(expression: str) -> str:
    return re.sub(r"\s*(==|!=)\s*", r" \1 ", expression.strip())


def _capability(name: str) -> str:
    upper = name.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def _each(change: Callable[[str], str]) -> Convert:
    return Convert(parse=lambda value, where: [change(one) for one in texts(value, where)],
                   decode=lambda value: [change(item) for item in value])  # fmt: skip


def _resources(value: Any, where: str) -> list[dict[str, Any]]:
    """``kind=value`` or mappings; a number is an amount, anything else names one piece."""
    return collected(partial(_resource, at, one) for at, one in items(value, where))


def _resource(where: str, item: Any) -> dict[str, Any]:
    given = item if isinstance(item, Mapping) else dict(zip(("kind", "value"), text(item, where).split("=", 1)))
    strange = sorted(str(key) for key in set(given) - {"kind", "value"})
    if strange or not given.get("kind") or given.get("value") in (None, ""):
        raise InputError(f'option "{where}": {item!r} is not a resource; give for example gpu=2')
    kind, amount = text(given["kind"], f"{where}.kind"), text(given["value"], f"{where}.value")
    return {"kind": kind, "value": int(amount) if re.fullmatch("[0-9]{1,18}", amount) else amount}


def _send_resources(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "DiscreteResourceSpec" if isinstance(item["value"], int) else "NamedResourceSpec": {
                "Kind": item["kind"],
                "Value": item["value"],
            }
        }
        for item in value
    ]


def _read_resources(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    specs = [next(iter(item.values())) for item in value]
    return [{"kind": one["Kind"], "value": one["Value"]} for one in specs]


def _default(word: str) -> Convert:
    """A word that says the same as leaving the field out."""
    return Convert(parse=lambda value, where: "" if value == word else text(value, where),
                   decode=lambda value: "" if value == word else value,
                   show=lambda value: value or word)  # fmt: skip


def _monitor(value: Any, where: str) -> int:
    """The Engine takes no time at all for not given."""
    return duration(value, where) or MONITOR


BASE64 = Convert(
    encode=lambda value: base64.b64encode(value.encode()).decode(),
    decode=lambda value: base64.b64decode(value).decode(),
)
RESOURCES = Convert(parse=_resources, encode=_send_resources, decode=_read_resources)
RESTART_DELAY = MONITOR = 5 * SECOND

PROPAGATIONS = ("shared", "slave", "private", "rshared", "rslave", "rprivate")
MOUNTS: Table = (
    Field("source", "Source"),
    Field("target", "Target", required=True),
    Field("type", "Type", choices=("bind", "volume", "tmpfs", "npipe", "cluster", "image"), default="bind",
          choices_since={"cluster": (1, 42), "image": (1, 48)}),
    Field("readonly", "ReadOnly", "bool"),
    # For services the Engine takes it and never shows it.
    Field("consistency", "Consistency", convert=_default("default"), since=(1, 29), mutability=WRITE_ONLY,
          choices=("", "default", "consistent", "cached", "delegated")),
    Field("labels", "VolumeOptions.Labels", "dict", convert=TEXT_MAP),
    Field("propagation", "BindOptions.Propagation", choices=("", *PROPAGATIONS), convert=_default("rprivate")),
    Field("non_recursive", "BindOptions.NonRecursive", "bool", since=(1, 40)),
    Field("create_mountpoint", "BindOptions.CreateMountpoint", "bool", since=(1, 42)),
    Field("read_only_non_recursive", "BindOptions.ReadOnlyNonRecursive", "bool", since=(1, 44)),
    Field("read_only_force_recursive", "BindOptions.ReadOnlyForceRecursive", "bool", since=(1, 44)),
    Field("no_copy", "VolumeOptions.NoCopy", "bool"),
    Field("subpath", "VolumeOptions.Subpath", since=(1, 45)),
    Field("driver_config", "VolumeOptions.DriverConfig", "dict", fields=(
        Field("name", "Name"),
        Field("options", "Options", "dict", convert=TEXT_MAP),
    )),
    Field("image_subpath", "ImageOptions.Subpath", since=(1, 48)),
    Field("tmpfs_size", "TmpfsOptions.SizeBytes", "str", convert=SIZE, default=0),
    Field("tmpfs_mode", "TmpfsOptions.Mode", "int", maximum=MODE_MAX),
    Field("tmpfs_options", "TmpfsOptions.Options", "list", elements="list", compare=SET, since=(1, 46)),
)  # fmt: skip


def _references(kind: str, title: str, *kept: Row) -> Table:
    """``kept``: as what a task is given it."""
    return (
        Field(f"{kind}_name", f"{title}Name", ref=kind, id_path=f"{title}ID", required=True),
        Field(f"{kind}_id", f"{title}ID", compare=GIVEN),
        *kept,
    )


def _file(prefix: str = "") -> tuple[Field, ...]:
    return (
        Field("filename", f"{prefix}Name"),
        Field("uid", f"{prefix}UID", default="0"),
        Field("gid", f"{prefix}GID", default="0"),
        Field("mode", f"{prefix}Mode", "int", default=0o444, maximum=MODE_MAX),
    )


UPDATES: Table = (
    Field("parallelism", "Parallelism", "int", default=1),
    Field("delay", "Delay", convert=DURATION, default=0),
    Field("failure_action", "FailureAction", choices=("continue", "pause", "rollback"), default="pause"),
    Field("monitor", "Monitor", convert=Convert(parse=_monitor, show=show_duration), default=MONITOR),
    Field("max_failure_ratio", "MaxFailureRatio", "float", maximum=1),
    Field("order", "Order", choices=("stop-first", "start-first"), default="stop-first", since=(1, 29)),
)


CONTAINER = "TaskTemplate.ContainerSpec"
HEALTHCHECK: Table = (
    Field("test", "Test", "raw", compare=ORDERED, convert=Convert(parse=_test), default=[]),
    Field("interval", "Interval", convert=DURATION, default=0),
    Field("timeout", "Timeout", convert=DURATION, default=0),
    Field("start_period", "StartPeriod", convert=DURATION, default=0, since=(1, 29)),
    Field("start_interval", "StartInterval", convert=DURATION, default=0, since=(1, 44)),
    Field("retries", "Retries", "int"),
)
PRIVILEGES: Table = (
    Field("credential_spec", "CredentialSpec", "dict", fields=(
        Field("config", "Config", ref="config", since=(1, 40)),
        Field("file", "File"),
        Field("registry", "Registry"),
    )),
    Field("selinux_context", "SELinuxContext", "dict", fields=(
        Field("disable", "Disable", "bool"),
        Field("user", "User"),
        Field("role", "Role"),
        Field("type", "Type"),
        Field("level", "Level"),
    )),
    Field("seccomp", "Seccomp", "dict", since=(1, 44), fields=(
        Field("mode", "Mode", convert=_default("default"), choices=("", "default", "unconfined", "custom")),
        Field("profile", "Profile", convert=BASE64),
    )),
    Field("apparmor", "AppArmor", "dict", since=(1, 44), fields=(
        Field("mode", "Mode", convert=_default("default"), choices=("", "default", "disabled")),
    )),
    Field("no_new_privileges", "NoNewPrivileges", "bool", since=(1, 44)),
)  # fmt: skip
ULIMITS: Table = (
    Field("name", "Name", required=True),
    Field("soft", "Soft", "int", minimum=-1),
    Field("hard", "Hard", "int", minimum=-1),
)
NETWORKS: Table = (
    Field("name", "Target", ref="network", required=True),
    Field("aliases", "Aliases", "list", compare=SET),
    Field("options", "DriverOpts", "dict", convert=TEXT_MAP, since=(1, 39)),
)
PORTS: Table = (
    Field("name", "Name"),
    Field("published_port", "PublishedPort", "int", maximum=PORT_MAX),
    Field("target_port", "TargetPort", "int", required=True, minimum=1, maximum=PORT_MAX),
    Field("protocol", "Protocol", choices=("tcp", "udp", "sctp"), choices_since={"sctp": (1, 37)}, default="tcp"),
    Field("mode", "PublishMode", choices=("ingress", "host"), default="ingress", since=(1, 34)),
)
PLATFORMS: Table = (
    Field("os", "OS"),
    Field("architecture", "Architecture"),
)
# A config is a file in the container, or what the container's runtime reads: a credential spec.
CONFIG_TARGET = OneOf("target", "", {
    "file": Arm("File", _file()),
    "runtime": Arm("Runtime", since=(1, 40)),
}, default="file", mutability=IN_PLACE)  # fmt: skip
CONTAINER_ROWS: Table = (
    Field("image", f"{CONTAINER}.Image"),
    Field("container_labels", f"{CONTAINER}.Labels", "dict", convert=TEXT_MAP),
    Field("command", f"{CONTAINER}.Command", "raw", compare=ORDERED, convert=WORDS, default=[]),
    Field("args", f"{CONTAINER}.Args", "list", compare=ORDERED),
    Field("hostname", f"{CONTAINER}.Hostname", since=(1, 27)),
    Field("env", f"{CONTAINER}.Env", "raw", compare=SET, convert=ENV, default=[]),
    Field("working_dir", f"{CONTAINER}.Dir"),
    Field("user", f"{CONTAINER}.User"),
    Field("groups", f"{CONTAINER}.Groups", "list", compare=SET, since=(1, 27)),
    Field("privileges", f"{CONTAINER}.Privileges", "dict", fields=PRIVILEGES, since=(1, 30)),
    Field("init", f"{CONTAINER}.Init", "bool", default=None, since=(1, 38)),
    Field("stop_signal", f"{CONTAINER}.StopSignal", since=(1, 28)),
    Field("tty", f"{CONTAINER}.TTY", "bool"),
    Field("stdin_open", f"{CONTAINER}.OpenStdin", "bool", aliases=("open_stdin",), since=(1, 27)),
    Field("read_only", f"{CONTAINER}.ReadOnly", "bool", since=(1, 27)),
    Field("mounts", f"{CONTAINER}.Mounts", "list", compare=KEYED, key=("target",), fields=MOUNTS),
    Field("stop_grace_period", f"{CONTAINER}.StopGracePeriod", convert=DURATION, default=10 * SECOND),
    Field("healthcheck", f"{CONTAINER}.Healthcheck", "dict", fields=HEALTHCHECK, since=(1, 27)),
    Field("hosts", f"{CONTAINER}.Hosts", "dict", compare=SET, convert=Convert(parse=_hosts), default=[], since=(1, 27)),
    Field("dns", f"{CONTAINER}.DNSConfig.Nameservers", "list", compare=ORDERED),
    Field("dns_search", f"{CONTAINER}.DNSConfig.Search", "list", compare=ORDERED),
    Field("dns_options", f"{CONTAINER}.DNSConfig.Options", "list", compare=SET),
    Field("secrets", f"{CONTAINER}.Secrets", "list", compare=KEYED, key=("secret_name", "filename"),
          fields=_references("secret", "Secret", *_file("File.")), convert=Convert(parse=_files("secret_name")),
          since=(1, 27)),
    Field("configs", f"{CONTAINER}.Configs", "list", compare=KEYED, key=("config_name", "filename"),
          fields=_references("config", "Config", CONFIG_TARGET), convert=Convert(parse=_files("config_name")),
          since=(1, 30)),
    Field("isolation", f"{CONTAINER}.Isolation", convert=_default("default"), since=(1, 35),
          choices=("", "default", "process", "hyperv")),
    Field("sysctls", f"{CONTAINER}.Sysctls", "dict", convert=TEXT_MAP, since=(1, 40)),
    Field("cap_add", f"{CONTAINER}.CapabilityAdd", "list", compare=SET, convert=_each(_capability), since=(1, 41)),
    Field("cap_drop", f"{CONTAINER}.CapabilityDrop", "list", compare=SET, convert=_each(_capability), since=(1, 41)),
    Field("ulimits", f"{CONTAINER}.Ulimits", "list", elements="raw", compare=KEYED, key=("name",), since=(1, 41),
          convert=Convert(parse=_ulimits), fields=ULIMITS),
    Field("oom_score_adj", f"{CONTAINER}.OomScoreAdj", "int", since=(1, 46), minimum=-1000, maximum=1000),
)  # fmt: skip
TASK_ROWS: Table = (
    Field("limits", "TaskTemplate.Resources.Limits", "dict", fields=(
        Field("cpus", "NanoCPUs", "float", convert=CPUS, default=0),
        Field("memory", "MemoryBytes", convert=SIZE, default=0),
        Field("pids", "Pids", "int", since=(1, 41), minimum=-1),
    )),
    Field("reservations", "TaskTemplate.Resources.Reservations", "dict", fields=(
        Field("cpus", "NanoCPUs", "float", convert=CPUS, default=0),
        Field("memory", "MemoryBytes", convert=SIZE, default=0),
        Field("generic_resources", "GenericResources", "list", elements="raw", compare=SET, convert=RESOURCES,
              since=(1, 32)),
    )),
    Field("swap_bytes", "TaskTemplate.Resources.SwapBytes", convert=SIZE, default=None, since=(1, 52)),
    Field("memory_swappiness", "TaskTemplate.Resources.MemorySwappiness", "int", default=None, since=(1, 52),
          minimum=-1, maximum=100),
    Field("restart_config", "TaskTemplate.RestartPolicy", "dict", fields=(
        Field("condition", "Condition", choices=("none", "on-failure", "any"), default="any"),
        Field("delay", "Delay", convert=DURATION, default=RESTART_DELAY),
        Field("max_attempts", "MaxAttempts", "int"),
        Field("window", "Window", convert=DURATION, default=0),
    )),
    Field("placement", "TaskTemplate.Placement", "dict", fields=(
        Field("constraints", "Constraints", "list", compare=SET, convert=_each(_constraint)),
        Field("preferences", "Preferences", "list",
              fields=(Field("spread", "Spread.SpreadDescriptor"),), since=(1, 28)),
        Field("replicas_max_per_node", "MaxReplicas", "int", since=(1, 40)),
        Field("platforms", "Platforms", "list", compare=KEYED, key=("os", "architecture"), fields=PLATFORMS,
              since=(1, 30)),
    )),
    Field("networks", "TaskTemplate.Networks", "list", elements="raw", compare=KEYED, key=("name",),
          convert=Convert(parse=_networks), fields=NETWORKS),
    Field("logging", "TaskTemplate.LogDriver", "dict", fields=(
        Field("driver", "Name"),
        Field("options", "Options", "dict", convert=TEXT_MAP),
    )),
)  # fmt: skip
MODE = OneOf("mode", "Mode", {
    "replicated": Arm("Replicated", (Field("replicas", "Replicas", "int", default=1),)),
    "global": Arm("Global"),
    "replicated-job": Arm("ReplicatedJob", since=JOBS, fields=(
        Field("max_concurrent", "MaxConcurrent", "int", default=1),
        Field("total_completions", "TotalCompletions", "int", default=1),
    )),
    "global-job": Arm("GlobalJob", since=JOBS),
}, default="replicated")  # fmt: skip
TABLE: Table = (
    Field("name", "Name", required=True),
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    *CONTAINER_ROWS,
    *TASK_ROWS,
    MODE,
    Field("update_config", "UpdateConfig", "dict", fields=UPDATES),
    Field("rollback_config", "RollbackConfig", "dict", fields=UPDATES, since=(1, 28)),
    Field("endpoint_mode", "EndpointSpec.Mode", choices=("vip", "dnsrr"), default="vip"),
    Field("publish", "EndpointSpec.Ports", "list", compare=KEYED,
          key=("target_port", "published_port", "protocol"), fields=PORTS),
)  # fmt: skip


def same_image(want: str, have: str) -> str:
    """``name`` is what runs as ``name:latest@sha256:…``: who deployed it had the tag added, and resolved."""
    (wanted, _at, digest), (found, _and, known) = want.partition("@"), have.partition("@")
    return have if want and familiar(found) == familiar(wanted) and digest in ("", known) else want
