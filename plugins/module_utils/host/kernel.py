# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running kernel can do: found out by reading, and where that says nothing, by a try that leaves no trace.

A look never loads a module. So there are three answers, and "unknown" is one of them.
"""

from __future__ import annotations

import contextlib
import gzip
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .system import System

Verdict = tuple[Optional[bool], str]


@dataclass(frozen=True)
class Feature:
    """Where a feature shows. ``attempt`` is a shell command for a network namespace of its own."""

    option: str
    module: str
    filesystem: str = ""
    attempt: str = ""


# As the Engine asks for it, algorithm included.
_ESP = (
    "ip xfrm state add src 127.0.0.1 dst 127.0.0.2 proto esp spi 1 mode transport "
    "aead 'rfc4106(gcm(aes))' 0x0000000000000000000000000000000000000001 64"
)
# Both need an interface that they are on.
_ON_A_PARENT = (
    "ip link add overlay-r type veth peer name overlay-s && ip link add link overlay-r name overlay-t type {kind}"
)
FEATURES: dict[str, Feature] = {
    "overlay": Feature("OVERLAY_FS", "overlay", filesystem="overlay"),
    "xfs": Feature("XFS_FS", "xfs", filesystem="xfs"),
    "vxlan": Feature("VXLAN", "vxlan", attempt="ip link add overlay-v type vxlan id 1 dstport 4789"),
    "geneve": Feature("GENEVE", "geneve", attempt="ip link add overlay-n type geneve id 1 remote 127.0.0.2"),
    "gre": Feature(
        "NET_IPGRE", "ip_gre", attempt="ip link add overlay-g type gretap local 127.0.0.1 remote 127.0.0.2 key 1"
    ),
    "gre6": Feature("IPV6_GRE", "ip6_gre", attempt="ip link add overlay-6 type ip6gretap local ::1 remote ::2 key 1"),
    "bridge": Feature("BRIDGE", "bridge", attempt="ip link add overlay-b type bridge"),
    "veth": Feature("VETH", "veth", attempt="ip link add overlay-p type veth peer name overlay-q"),
    "macvlan": Feature("MACVLAN", "macvlan", attempt=_ON_A_PARENT.format(kind="macvlan")),
    "ipvlan": Feature("IPVLAN", "ipvlan", attempt=_ON_A_PARENT.format(kind="ipvlan")),
    "br_netfilter": Feature("BRIDGE_NETFILTER", "br_netfilter"),
    "nf_tables": Feature("NF_TABLES", "nf_tables", attempt="nft add table inet overlay"),
    "ip_vs": Feature("IP_VS", "ip_vs"),
    "esp": Feature("INET_ESP", "esp4", attempt=_ESP),
    "esp6": Feature("INET6_ESP", "esp6", attempt=_ESP.replace("127.0.0.1", "fd00::1").replace("127.0.0.2", "fd00::2")),
    "xfrm": Feature("XFRM_USER", "xfrm_user", attempt="ip xfrm state list"),
}
# How the tools say that it is the kernel which does not have it.
REFUSALS = re.compile(r"not supported|unknown device type|algorithm not found", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """What the running kernel says of itself; None where it says nothing."""

    loaded: frozenset[str] = frozenset()
    filesystems: frozenset[str] = frozenset()
    builtin: Optional[frozenset[str]] = None
    loadable: Optional[frozenset[str]] = None
    config: Optional[Mapping[str, str]] = None
    source: str = ""
    may_load: bool = True
    tried: Mapping[str, Verdict] = field(default_factory=dict)


def parse_modules(text: str) -> frozenset[str]:
    """The names in modules.builtin or modules.dep, written with underscores as the kernel does."""
    paths = (line.partition(":")[0] for line in text.splitlines())
    return frozenset(path.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for path in paths)


def parse_config(text: str) -> dict[str, str]:
    """The options that features ask for: y, m or n."""
    wanted = {feature.option for feature in FEATURES.values()}
    found = re.findall(r"^(?:# )?CONFIG_(\w+)(?:=([ym])| is not set)$", text, re.MULTILINE)
    return {option: value or "n" for option, value in found if option in wanted}


def parse_attempts(text: str) -> dict[str, Verdict]:
    """One line an attempt: name, exit code, last words. Only a plain refusal of the kernel is a no."""
    found: dict[str, Verdict] = {}
    for line in text.splitlines():
        name, code, words = line.split("\t", 2)
        refused = REFUSALS.search(words)
        has = True if code == "0" else False if refused else None
        found[name] = (has, "a try in a namespace of its own" + (f": {words.strip()}" if words.strip() else ""))
    return found


def judge(feature: Feature, name: str, evidence: Evidence) -> Verdict:
    """Yes and no only where something says so."""
    module, option = feature.module, feature.option
    if module in evidence.loaded or (feature.filesystem and feature.filesystem in evidence.filesystems):
        return True, "is in use or loaded"
    if module in (evidence.builtin or ()):
        return True, "is built in"
    setting = (evidence.config or {}).get(option)
    if evidence.config is not None and setting in ("y", "n", None):
        return setting == "y", f"{evidence.source} says CONFIG_{option} is {'y' if setting == 'y' else 'not set'}"
    if evidence.loadable is not None and module in evidence.loadable:
        return (True, "is a module") if evidence.may_load else (False, "kernel.modules_disabled is 1")
    if evidence.loadable is not None:
        return False, f"the running kernel has no module {module}"
    return evidence.tried.get(name, (None, "neither modules nor a configuration of the running kernel are here"))


def read(system: System, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The verdict on each feature that is asked for."""
    names = [name for name in wanted if name in FEATURES]
    if not names:
        return {}
    evidence = _read_evidence(system)
    verdicts = {name: judge(FEATURES[name], name, evidence) for name in names}
    open_ones = [name for name, (has, _why) in verdicts.items() if has is None and FEATURES[name].attempt]
    if open_ones and not evidence.may_load:
        verdicts.update(attempt(system, open_ones))
    return {name: {"has": has, "why": why} for name, (has, why) in verdicts.items()}


def _read_evidence(system: System) -> Evidence:
    modules = f"/lib/modules/{platform.release()}"
    builtin, loadable = system.read(f"{modules}/modules.builtin"), system.read(f"{modules}/modules.dep")
    config, source = _read_config(system)
    listed = (system.read("/proc/filesystems") or "").splitlines()
    names = {feature.module for feature in FEATURES.values()}
    return Evidence(
        loaded=frozenset(name for name in names if system.exists(f"/sys/module/{name}")),
        filesystems=frozenset(line.split()[-1] for line in listed if line.strip()),
        builtin=None if builtin is None else parse_modules(builtin),
        loadable=None if loadable is None else parse_modules(loadable),
        config=None if config is None else parse_config(config),
        source=source,
        may_load=may_load(system),
    )


def may_load(system: System) -> bool:
    """A kernel without modules, or with its door closed, cannot be made to load one by a try."""
    disabled = (system.read("/proc/sys/kernel/modules_disabled") or "").strip()
    return system.exists("/proc/modules") and disabled != "1"


def _read_config(system: System) -> tuple[Optional[str], str]:
    """The configuration of the running kernel, where it is kept."""
    with contextlib.suppress(OSError, EOFError):
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode("ascii", "replace"), "/proc/config.gz"
    path = f"/boot/config-{platform.release()}"
    return system.read(path), path


def attempt(system: System, names: Sequence[str]) -> dict[str, Verdict]:
    """Each in a network namespace that goes with its process."""
    lines = [
        f"words=$( ({FEATURES[name].attempt}) 2>&1 | tail -n 1; exit ${{PIPESTATUS[0]}}); "
        f"printf '%s\\t%s\\t%s\\n' {name} $? \"$words\""
        for name in names
    ]
    return parse_attempts(system.query(("unshare", "--net", "bash", "-c", "\n".join(lines))))
