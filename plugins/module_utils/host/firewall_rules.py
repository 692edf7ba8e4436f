# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of our nftables table, from what the inventory deploys: pure.

The cluster's own ports are judged on every interface. On interfaces that are declared for it, everything else is
dropped that is not listed. Both happen ahead of the Engine's address translation, which takes published ports past
every rule for input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import collapse_addresses, ip_address, ip_network
from typing import Any, Optional

from ..errors import InputError

Options = Mapping[str, Any]

RULESET = """\
# Written by baremetal.overlay.firewall. Changes by hand are lost in the next run.
# One transaction: at no moment is the table absent.
table inet baremetal_overlay
delete table inet baremetal_overlay
table inet baremetal_overlay_closed
delete table inet baremetal_overlay_closed
table inet baremetal_overlay {{
    comment "who may reach the cluster's ports"
{sets}{counters}
    chain arrives {{
        comment "ahead of the translation of published ports"
        type filter hook prerouting priority mangle; policy accept;
        tcp dport {{ {tcp} }} jump ours comment "S3, console, swarm management, gossip"
        udp dport {{ {udp} }} jump ours comment "overlay data path, gossip"
{gre}{guarded}    }}
    chain ours {{
        iifname "lo" counter name "host_itself" accept comment "the host itself"
        ct state established,related counter name "established" accept comment "what was let in before"
        fib daddr type {{ local, broadcast, multicast }} goto judge comment "to this host"
        fib daddr oifname {{ {containers} }} goto judge comment "to its containers, past its address"
    }}
    chain judge {{
        tcp dport {{ {client} }} goto clients comment "S3 and console"
        ip saddr @peers4 counter name "members_cluster" accept comment "members"
        ip6 saddr @peers6 counter name "members_cluster" accept comment "members"
{overlay_cluster}        counter name "strangers_cluster" drop comment "nobody else"
    }}
    chain clients {{
        iifname {{ {containers} }} counter name "containers_s3" accept comment "the host's own containers"
        ip saddr @peers4 counter name "members_s3" accept comment "members"
        ip6 saddr @peers6 counter name "members_s3" accept comment "members"
{overlay_s3}        ip saddr @clients4 counter name "clients_s3" accept comment "clients"
        ip6 saddr @clients6 counter name "clients_s3" accept comment "clients"
        counter name "strangers_s3" drop comment "nobody else"
    }}
{chains}}}
"""
# No set that is named, no state of connections, no lookup of routes: what an nft or a kernel may fail at is left out.
CLOSED = """\
# Written by baremetal.overlay.firewall. Loaded where the whole table cannot be, and gone once it is.
table inet baremetal_overlay_closed
delete table inet baremetal_overlay_closed
table inet baremetal_overlay_closed {{
    chain arrives {{
        type filter hook prerouting priority -150; policy accept;
        iifname {{ {containers} }} accept
{members}        tcp dport {{ {tcp} }} counter drop
        udp dport {{ {udp} }} counter drop
{gre}    }}
}}
"""
GUARDED = """\
    chain guarded {{
        comment "default drop: what is not listed here does not come in"
        ct state established,related counter name "established" accept comment "what was let in before"
        icmp type {{ {icmp} }} counter name "essentials" accept comment "errors, path MTU, ping"
        icmpv6 type {{ {icmpv6} }} counter name "essentials" accept comment "neighbours, errors, path MTU, ping"
        udp sport 67 udp dport 68 counter name "essentials" accept comment "DHCP"
        ip6 saddr fe80::/10 udp sport 547 udp dport 546 counter name "essentials" accept comment "DHCPv6"
        tcp dport {{ {management} }} ip saddr @management4 counter name "management" accept comment "management"
        tcp dport {{ {management} }} ip6 saddr @management6 counter name "management" accept comment "management"
{rules}        counter name "unlisted" drop comment "nobody and nothing else"
    }}
"""
ICMP = ("destination-unreachable", "echo-request", "parameter-problem", "time-exceeded")
ICMPV6 = (
    "destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "echo-request",
    "mld-listener-query", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert",
)  # fmt: skip
# Those without ports, by number: a host need not have /etc/protocols.
PROTOCOLS = {"igmp": 2, "gre": 47, "esp": 50, "ah": 51, "ospf": 89, "vrrp": 112}
WITH_PORTS = ("tcp", "udp", "sctp")
INTERFACE = re.compile(r"[\w.-]{1,15}\*?")
COMMENT = re.compile(r'[^"\\\n]{0,100}')
# What would end the chain that such a rule stands in, or begin another rule.
NO_RULE = re.compile(r"[\n;#]|^\s*$|^[^{]*}|{[^}]*$")
COUNTERS = {
    "members_cluster": "members to swarm and overlay",
    "strangers_cluster": "dropped: others to swarm and overlay",
    "containers_s3": "the host's own containers to S3 and console",
    "members_s3": "members to S3 and console",
    "clients_s3": "clients to S3 and console",
    "strangers_s3": "dropped: others to S3 and console",
    "host_itself": "the host to itself",
    "established": "what was let in before",
}
GUARDED_COUNTERS = {
    "essentials": "neighbours, DHCP, errors, path MTU, ping",
    "management": "management, such as ssh",
    "members_ipsec": "members: IKE and ESP",
    "allowed": "what the inventory allows beside",
    "unlisted": "dropped: what nothing lets in",
}


def ruleset(options: Options) -> str:
    """What is loaded, the same text for the same declarations in whatever order."""
    wrong = violations(options)
    if wrong:
        raise InputError(wrong)
    guarded = bool(options["drop_interfaces"])
    return RULESET.format(
        sets="".join(_sets(options)),
        counters="".join(
            f'    counter {name} {{ comment "{text}"; }}\n'
            for name, text in {**COUNTERS, **(GUARDED_COUNTERS if guarded else {})}.items()
        ),
        tcp=_ports(options["client_ports"], options["cluster_tcp_ports"]),
        udp=_ports(options["cluster_udp_ports"]),
        client=_ports(options["client_ports"]),
        containers=_names(options["container_interfaces"]),
        gre=_gre(options["gre_vsid"]),
        guarded=_enter_guarded(options["drop_interfaces"]),
        overlay_cluster=_overlay("members_cluster", options),
        overlay_s3=_overlay("members_s3", options),
        chains=_guarded(options) if guarded else "",
    )


def closed(options: Options) -> str:
    """What is loaded in its place where that cannot be: the cluster's ports are for members, and for no client.

    Nothing else is judged, ssh least of all. Containers may go out to the same ports elsewhere.
    """
    members = ""
    for family, version in (("ip", 4), ("ip6", 6)):
        for match, given in (("", options["peers"]), (_by_overlay(options), options["overlay_networks"])):
            elements = _elements(version, given)
            if elements and match is not None:
                members += f"        {match}{family} saddr {{ {elements} }} accept\n"
    return CLOSED.format(
        containers=_names(["lo", *sorted(options["container_interfaces"])]),
        members=members,
        tcp=_ports(options["client_ports"], options["cluster_tcp_ports"]),
        udp=_ports(options["cluster_udp_ports"]),
        gre=f"        {match} counter drop\n" if (match := _tunnels(options["gre_vsid"])) else "",
    )


def _by_overlay(options: Options) -> Optional[str]:
    names = options["overlay_interfaces"]
    return f"iifname {{ {_names(sorted(names))} }} " if names else None


def _sets(options: Options) -> Iterator[str]:
    given = [
        ("clients", options["client_networks"], "who may use S3"),
        ("peers", options["peers"], "members of the cluster"),
    ]
    if options["overlay_networks"]:
        given.append(("overlay", options["overlay_networks"], "members by their overlay addresses"))
    if options["drop_interfaces"]:
        given.append(("management", options["management_networks"], "who may manage this host"))
    for name, networks, comment in given:
        for version in (4, 6):
            yield _set(f"{name}{version}", version, networks, comment)


def _set(name: str, version: int, given: Sequence[Any], comment: str) -> str:
    kind = "ipv4_addr" if version == 4 else "ipv6_addr"
    elements = _elements(version, given)
    filled = f"        elements = {{ {elements} }}\n" if elements else ""
    return (
        f'    set {name} {{\n        type {kind}; flags interval; comment "{comment}, IPv{version}"\n{filled}    }}\n'
    )


def _elements(version: int, given: Sequence[Any]) -> str:
    networks: list[Any] = [network for text in given if (network := ip_network(str(text))).version == version]
    return ", ".join(str(network) for network in collapse_addresses(networks))


def _gre(vsid: Any) -> str:
    """Our own tunnels only: those with a key whose upper 24 bits are the VSID. Others on the host are not judged.

    That there is a key at all is not looked at: nft 1.0.6 aborts when it is to show such a rule.
    """
    match = _tunnels(vsid)
    return f'        {match} jump ours comment "overlay data path (NVGRE)"\n' if match else ""


def _tunnels(vsid: Any) -> str:
    return "" if vsid is None else f"meta l4proto 47 @th,32,24 {int(vsid)}"


def _overlay(counter: str, options: Options) -> str:
    """A member's overlay address is believed on the overlay's own interface only."""
    if not (options["overlay_interfaces"] and options["overlay_networks"]):
        return ""
    names = _names(sorted(options["overlay_interfaces"]))
    return "".join(
        f'        iifname {{ {names} }} {family} saddr @overlay{version} counter name "{counter}" accept comment '
        '"members by the overlay"\n'
        for family, version in (("ip", 4), ("ip6", 6))
    )


def _enter_guarded(interfaces: Sequence[str]) -> str:
    if not interfaces:
        return ""
    return f'        iifname {{ {_names(sorted(interfaces))} }} goto guarded comment "default drop"\n'


def _guarded(options: Options) -> str:
    rules = [
        *_ipsec(),
        *(rule for allowed in options["allowed"] for rule in _allowed(allowed)),
        *(" ".join(rule.split()) for rule in options["extra_rules"]),
    ]
    return GUARDED.format(
        icmp=", ".join(ICMP),
        icmpv6=", ".join(ICMPV6),
        management=_ports(options["management_ports"]),
        rules="".join(f"        {rule}\n" for rule in rules),
    )


def _ipsec() -> Iterator[str]:
    """Whether or not somebody encrypts already: who is about to has to reach the others first."""
    for family, version in (("ip", 4), ("ip6", 6)):
        for match, words in (("udp dport { 500, 4500 }", "IKE"), ("meta l4proto 50", "ESP")):
            yield f'{family} saddr @peers{version} {match} counter name "members_ipsec" accept comment "{words}"'


def _allowed(given: Mapping[str, Any]) -> Iterator[str]:
    protocol = given["protocol"]
    match = f"{protocol} dport {given['port']}" if protocol in WITH_PORTS else f"meta l4proto {PROTOCOLS[protocol]}"
    comment = given.get("comment") or f"allowed: {protocol} {given.get('port') or ''}".strip()
    for family, version in (("ip", 4), ("ip6", 6)):
        elements = _elements(version, given["sources"])
        if elements:
            yield f'{match} {family} saddr {{ {elements} }} counter name "allowed" accept comment "{comment}"'


def _ports(*lists: Sequence[int]) -> str:
    return ", ".join(str(port) for port in sorted({int(port) for ports in lists for port in ports}))


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def violations(options: Options) -> list[str]:
    """What cannot be a rule; the controller says the same of its inventory."""
    return [
        *network_violations("client network", options["client_networks"]),
        *_peer_violations(options["peers"]),
        *_interface_violations("container interfaces", options["container_interfaces"] or [""]),
        *_interface_violations("overlay interfaces", options["overlay_interfaces"]),
        *_interface_violations("default drop interfaces", options["drop_interfaces"]),
        *_cidr_violations("overlay network", options["overlay_networks"]),
        *_cidr_violations("management network", options["management_networks"]),
        *_allowed_violations(options),
        *_extra_violations(options),
    ]


def network_violations(what: str, networks: Sequence[Any]) -> list[str]:
    """Nobody, and nonsense."""
    if not networks:
        return [
            f"{what}: the list is empty, and nobody could reach S3; list the networks of the clients, or, to let "
            "everybody in, 0.0.0.0/0 (and ::/0)"
        ]
    return _cidr_violations(what, networks)


def _cidr_violations(what: str, networks: Sequence[Any]) -> list[str]:
    found = []
    for text in networks:
        try:
            ip_network(str(text))
        except ValueError as error:
            found.append(f'{what} "{text}": is not a CIDR ({error}); give for example 192.0.2.0/24 or 2001:db8::/32')
    return found


def _peer_violations(peers: Sequence[Any]) -> list[str]:
    found = []
    for text in peers:
        try:
            ip_address(str(text))
        except ValueError:
            found.append(f'member "{text}": is not an IP address; give the host\'s overlay_underlay_address')
    return found


def _interface_violations(what: str, names: Sequence[str]) -> list[str]:
    wrong = [name or "an empty list" for name in names if not INTERFACE.fullmatch(name)]
    return [f"{what}: {name} is no name of an interface; give for example eth0 or docker_gwbridge" for name in wrong]


def _allowed_violations(options: Options) -> Iterator[str]:
    judged = {
        "tcp": {*options["client_ports"], *options["cluster_tcp_ports"]},
        "udp": {*options["cluster_udp_ports"]},
    }
    for given in options["allowed"]:
        protocol, port = given["protocol"], given.get("port")
        name = f"allowed {protocol} {port or ''}".strip()
        if protocol in WITH_PORTS and not (port and 1 <= port <= 65535):
            yield f"{name}: {port} is no port; give one from 1 to 65535"
        if protocol in PROTOCOLS and port is not None:
            yield f"{name}: {protocol} has no ports; leave port out"
        if not COMMENT.fullmatch(given.get("comment") or ""):
            yield f"{name}: the comment has quotes, backslashes, line breaks or more than 100 characters; shorten it"
        if port in judged.get(protocol, ()):
            yield (
                f"{name}: the port is the cluster's own, and who may reach it is said elsewhere: clients by "
                "overlay_client_networks, members by being in the inventory; take it out"
            )
        if not given["sources"]:
            yield f"{name}: sources is empty; list networks, or, for everybody, 0.0.0.0/0 and ::/0"
        yield from _cidr_violations(f"{name}: source", given["sources"])


def _extra_violations(options: Options) -> Iterator[str]:
    if not options["drop_interfaces"]:
        if options["allowed"] or options["extra_rules"]:
            yield (
                "allowed ports and extra rules: nothing is dropped that they could let in, as no interface is declared "
                "for it; set firewall_default_drop_interfaces, or take them out"
            )
        return
    for rule in options["extra_rules"]:
        if NO_RULE.search(rule):
            yield (
                f'extra rule "{rule}": is not one rule; give matches and a verdict on one line, without ";", "#" and '
                "open braces, for example: tcp dport 9100 ip saddr 192.0.2.0/24 accept"
            )
