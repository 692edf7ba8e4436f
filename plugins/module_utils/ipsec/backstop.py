# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backstop: nothing of the protected traffic leaves or enters without ESP, whether charon lives or not.

One nftables table of ours. What leaves is judged last, after the translation of addresses, so that what a container
sends
through this host is seen as the wire will see it. What arrives is judged where packets for this host go, decrypted ones
once more. IKE, ESP and ssh are in no rule.

A host answers what was decrypted and has no listener, as while the Engine restarts, by an error of ICMP that quotes it,
and no policy encrypts an error. So what an error quotes is judged like the packet itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ..host import nft_table
from ..state_directory import STATE_DIRECTORY
from .protected import GRE, NUMBERS, Selector, read

TABLE = nft_table.Table(
    owner="ipsec",
    name="baremetal_overlay_ipsec",
    description="Nothing of the cluster's traffic in clear text",
    # ipsec.loaded is what charon was told.
    loaded=f"{STATE_DIRECTORY}/ipsec.table",
    before=("strongswan.service", "docker.service"),
    closes="Closes the ports that are to be encrypted",
    loads="refuse clear text by",
    deletes="let clear text through: delete",
)
# What an nft, or a kernel, that is too old for it refuses; nothing stays of it.
PROBE = (
    "sh",
    "-c",
    "nft -c 'add table inet baremetal_overlay_try; "
    "add chain inet baremetal_overlay_try i { type filter hook input priority raw; }; "
    "add chain inet baremetal_overlay_try o { type filter hook postrouting priority 110; }; "
    "add rule inet baremetal_overlay_try i meta ipsec missing counter; "
    "add rule inet baremetal_overlay_try o rt ipsec missing counter' && echo yes",
)

RULESET = """\
# Written by baremetal.overlay.ipsec. Changes by hand are lost in the next run.
# One transaction: at no moment is the table absent.
table inet baremetal_overlay_ipsec
delete table inet baremetal_overlay_ipsec
table inet baremetal_overlay_ipsec_closed
delete table inet baremetal_overlay_ipsec_closed
table inet baremetal_overlay_ipsec {{
    comment "nothing of the cluster's traffic in clear text"
{sets}    counter leaving_in_clear {{ comment "dropped: would have left in clear text"; }}
    counter arrived_in_clear {{ comment "dropped: arrived in clear text"; }}
    chain leaves {{
        comment "last of all, as the wire would see it"
        type filter hook postrouting priority 110; policy accept;
        oifname "lo" accept comment "the host itself"
{leaves}    }}
{quotes}    chain leaving {{
        rt ipsec missing counter name "leaving_in_clear" drop comment "no policy would encrypt it"
    }}
    chain arrives {{
        comment "what is for this host, after its decryption"
        type filter hook input priority raw; policy accept;
        iifname "lo" accept comment "the host itself"
{arrives}    }}
    chain arriving {{
        meta ipsec missing counter name "arrived_in_clear" drop comment "was not encrypted"
    }}
}}
"""

# Whether a packet is encrypted is what an nft or a kernel may fail to tell: here it does not count.
CLOSED = """\
# Written by baremetal.overlay.ipsec. Loaded where the whole table cannot be, and gone once it is.
table inet baremetal_overlay_ipsec_closed
delete table inet baremetal_overlay_ipsec_closed
table inet baremetal_overlay_ipsec_closed {{
{sets}    chain leaves {{
        type filter hook postrouting priority 110; policy accept;
        oifname "lo" accept
{leaves}    }}
    chain leaving {{
        counter drop
    }}
    chain arrives {{
        type filter hook input priority -300; policy accept;
        iifname "lo" accept
{arrives}    }}
    chain arriving {{
        counter drop
    }}
}}
"""


@dataclass(frozen=True)
class Errors:
    """The errors of ICMP for one version of IP. In bits from their beginning: where the packet that they quote, behind
    8 bytes of their own, names its protocol, and where its ports are, as long as nothing is ``hidden``."""

    ip: str
    version: int
    types: str
    protocol: int
    ports: int
    # What moves the ports to somewhere else: options of IPv4, and headers that IPv6 puts in between.
    hidden: Sequence[str]


ERRORS = (
    Errors(
        "ip",
        4,
        "icmp type { destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem }",
        protocol=8 * (8 + 9),
        ports=8 * (8 + 20),
        hidden=("@th,64,8 != 0x45",),
    ),
    Errors(
        "ip6",
        6,
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
        protocol=8 * (8 + 6),
        ports=8 * (8 + 40),
        hidden=[f"@th,112,8 {extension}" for extension in (0, 43, 44, 60)],
    ),
)


def ruleset(options: Mapping[str, Any]) -> str:
    """What is loaded, the same text for the same declarations in whatever order."""
    selectors, parts = read(options["protect"]), _parts(options)
    parts["leaves"] += _answers(selectors)
    return RULESET.format(**parts, quotes="".join(_quotes(icmp, selectors) for icmp in ERRORS))


def closed(options: Mapping[str, Any]) -> str:
    """What is loaded in its place where that cannot be: none of that traffic passes, encrypted or not."""
    return CLOSED.format(**_parts(options))


def _parts(options: Mapping[str, Any]) -> dict[str, str]:
    selectors = read(options["protect"])
    addresses = [ip_address(str(peer["address"])) for peer in options["peers"]]
    sets = "".join(_set(version, [one for one in addresses if one.version == version]) for version in (4, 6))
    return {"sets": sets, "leaves": _rules("leaving", "d", selectors), "arrives": _rules("arriving", "s", selectors)}


def _set(version: int, addresses: Sequence[Any]) -> str:
    elements = ", ".join(str(one) for one in sorted(addresses))
    filled = f"        elements = {{ {elements} }}\n" if elements else ""
    kind = "ipv4_addr" if version == 4 else "ipv6_addr"
    return (
        f'    set peers{version} {{\n        type {kind}; comment "the other members, IPv{version}"\n{filled}    }}\n'
    )


def _rules(chain: str, end: str, selectors: Sequence[Selector]) -> str:
    """Between members: to the ports, and from them; where it is said so, to them with anybody."""
    lines = []
    for protocol in sorted({one.protocol for one in selectors}):
        ports = ", ".join(str(one.port) for one in selectors if one.protocol == protocol and one.port)
        for ip, version in (("ip", 4), ("ip6", 6)):
            peers = f"{ip} {end}addr @peers{version}"
            if protocol == GRE:
                lines.append(f"{peers} meta l4proto gre jump {chain}")
            else:
                lines += [f"{peers} {protocol} {way} {{ {ports} }} jump {chain}" for way in ("dport", "sport")]
    lines += [f'{_packets(one)} jump {chain} comment "with anybody"' for one in selectors if one.anybody]
    return "".join(f"        {line}\n" for line in lines)


def _answers(selectors: Sequence[Selector]) -> str:
    """Errors: to members by what they quote, to anybody where they quote what was sent to such a port."""
    lines = [f"{icmp.ip} daddr @peers{icmp.version} {icmp.types} jump quotes{icmp.version}" for icmp in ERRORS]
    lines += [
        f'{icmp.types} {_quoted(icmp, one, "d")} jump leaving comment "with anybody"'
        for one in selectors
        if one.anybody
        for icmp in ERRORS
    ]
    return "".join(f"        {line}\n" for line in lines)


def _quotes(icmp: Errors, selectors: Sequence[Selector]) -> str:
    """What an error to a member may not quote in clear text: the ports on either end, and what cannot be told."""
    lines = [f'{words} jump leaving comment "hides what it quotes"' for words in icmp.hidden]
    for one in selectors:
        ends = ("d", "s") if one.port else ("",)
        lines += [f"{_quoted(icmp, one, end)} jump leaving" for end in ends]
    inner = "".join(f"        {line}\n" for line in ('comment "an error to a member, by what it quotes"', *lines))
    return f"    chain quotes{icmp.version} {{\n{inner}    }}\n"


def _quoted(icmp: Errors, one: Selector, end: str) -> str:
    protocol = f"@th,{icmp.protocol},8 {NUMBERS[one.protocol]}"
    if not one.port:
        return protocol
    return f"{protocol} @th,{icmp.ports + (16 if end == 'd' else 0)},16 {one.port}"


def _packets(one: Selector) -> str:
    """As nft says it."""
    return f"{one.protocol} dport {one.port}" if one.port else f"meta l4proto {one.protocol}"
