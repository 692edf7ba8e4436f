# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel overlay has to do, whatever its kind: each case gets a field, and is wrong where it raises.

No test framework is needed, so that a virtual machine can run them: `python3 cases.py KIND VERSION [CASE ...]`.
"""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import links, links_back, links_plan, overhead
from field import Field, Host, laid_out

MARK = b"overlay!"
# The header of ICMP, and that of IPv4 inside the overlay.
ICMP, INNER = 8, 20

Options = dict[str, Any]
Case = Callable[[Field, Options], None]


def overlay(host: Host) -> str:
    return f"10.78.0.{host.number}"


def all_reach_all(hosts: list[Host]) -> None:
    for one in hosts:
        for other in hosts:
            if one is not other:
                got = one.ping(overlay(other))
                assert got == (1, 1), f"{one.name} to {other.name}: {got}"


def nothing_to_do(hosts: list[Host], options: Options) -> None:
    for host in hosts:
        plan = host.plan(host.options(hosts, **options))
        assert not plan.violations, plan.violations
        assert not plan.steps, plan.sentences


def tunnels(host: Host) -> list[str]:
    return [name for name in host.state("ovl0").ours if name != "ovl0"]


def reach_and_no_op(field: Field, options: Options) -> None:
    """All reach all by the addresses of their numbers, and a second run has nothing to do."""
    plans = field.apply(field.members, **options)
    assert all(plan.changed for plan in plans)
    all_reach_all(field.members)
    nothing_to_do(field.members, options)


def boot(field: Field, options: Options) -> None:
    """The unit makes all from nothing, and once more without harm."""
    field.apply(field.members, **options)
    host, other = field.members[0], field.members[1]
    host.ip("link", "delete", "group", str(links_plan.GROUP))
    assert not host.state("ovl0").ours
    host.system.boot()
    nothing_to_do(field.members, options)
    running = host.start_ping(overlay(other))
    host.system.boot()
    sent, received = running.result()
    assert sent == received, (sent, received)


def boot_before_the_underlay(field: Field, options: Options) -> None:
    """Links are made where no address is yet, and work once it is there."""
    field.apply(field.members, **options)
    host = field.members[0]
    host.ip("link", "delete", "group", str(links_plan.GROUP))
    host.ip("link", "set", "eth0", "down")
    host.ip("address", "flush", "dev", "eth0")
    host.system.boot()
    host.ip("link", "set", "eth0", "up")
    host.take_address(host.address)
    deadline = time.monotonic() + 20
    while host.ping(overlay(field.members[1])) != (1, 1):
        assert time.monotonic() < deadline, "nothing arrives after the underlay came up"
    nothing_to_do(field.members, options)


def no_packet_is_lost(field: Field, options: Options) -> None:
    """A ping goes on while nothing is done, a peer comes and a peer goes, on both of its ends."""
    one, other, third = field.members
    pair = [one, other]
    field.apply(pair, **options)
    assert one.ping(overlay(other)) == (1, 1)
    # Dense enough that every change, some 20 ms long, has packets before, in and after it.
    running = one.start_ping(overlay(other), interval=0.005)
    for _round in range(2):
        came = field.apply(field.members, **options)
        all_reach_all([one, third])
        none = field.apply(field.members, **options)
        went = field.apply(pair, **options)
        assert [bool(plan.steps) for plan in (*came[:2], *none, *went)] == [True] * 2 + [False] * 3 + [True] * 2
    sent, received = running.result()
    assert sent == received > 20, (sent, received)


def stale_peers_go(field: Field, options: Options) -> None:
    """A peer that is not named any more gets nothing, not even what is for all."""
    one, other, third = field.members
    field.apply(field.members, **options)
    all_reach_all(field.members)
    for host in (one, other):
        plan = host.apply(host.options([one, other], **options))
        assert plan.changed
    state = one.state("ovl0")
    known = {entry.dst for entry in state.entries} | {state.found[name].data.get("remote") for name in state.ours}
    assert third.address not in known, known
    with third.capture("eth0") as seen:
        one.ping("10.78.0.99")
        assert one.ping(overlay(third)) == (1, 0)
    # What it says itself comes back to it in messages that nobody takes it: it is about what the others ask.
    assert not [frame for out, frame in seen.frames if not out and bytes([10, 78, 0, 99]) in frame]
    assert one.ping(overlay(other)) == (1, 1)


def full_size(field: Field, options: Options) -> None:
    """The largest inner packet is one outer packet of exactly the underlay's MTU; four more are too many."""
    field.apply(field.members, **options)
    one, other = field.members[:2]
    version = 6 if ":" in one.address else 4
    mtu = overhead.room(1500, options["kind"], version).mtu
    assert one.state("ovl0").found["ovl0"].mtu == mtu
    assert _outer_sizes(one, other, mtu) == [1500]
    # A wrong arithmetic would be seen: the overlay promises four bytes more than it has.
    for host in (one, other):
        for name in host.state("ovl0").ours:
            host.ip("link", "set", "dev", name, "mtu", str(mtu + 4))
    sizes = _outer_sizes(one, other, mtu + 4, answered=False)
    assert sizes != [1504] and not any(size > 1500 for size in sizes), sizes
    nothing_is = [host.plan(host.options(field.members, **options)).sentences for host in (one, other)]
    assert all(any("adjust" in sentence for sentence in sentences) for sentences in nothing_is), nothing_is


def _outer_sizes(one: Host, other: Host, inner: int, answered: bool = True) -> list[int]:
    assert one.ping(overlay(other)) == (1, 1)
    with one.capture("eth0") as seen:
        got = one.ping(overlay(other), payload=MARK.ljust(inner - INNER - ICMP, b"."))
    if answered:
        assert got == (1, 1), got
    fragments = [frame for out, frame in seen.frames if out and MARK in frame]
    return [len(frame) - 14 for frame in fragments]


def changes_in_place(field: Field, options: Options) -> None:
    """MTU, bridge and port attributes are changed without a link being made anew; a new number makes tunnels anew."""
    field.apply(field.members, **options)
    host = field.members[0]
    before = {one["ifname"]: one["ifindex"] for one in json.loads(host.ip("-j", "link", "show"))}
    host.apply(host.options(field.members, **{**options, "mtu": 1300}))
    host.ip("link", "set", "dev", tunnels(host)[0], "type", "bridge_slave", "isolated", "off", "learning", "on")
    host.ip("link", "set", "dev", tunnels(host)[0], "down")
    plan = host.apply(host.options(field.members, **options))
    assert plan.changed
    after = {one["ifname"]: one["ifindex"] for one in json.loads(host.ip("-j", "link", "show"))}
    assert before == after
    nothing_to_do(field.members, options)
    all_reach_all(field.members)
    field.apply(field.members, **{**options, "vni": 7701})
    anew = {one["ifname"]: one["ifindex"] for one in json.loads(host.ip("-j", "link", "show"))}
    assert anew["ovl0"] == before["ovl0"]
    assert all(anew[name] != before[name] for name in tunnels(host))
    all_reach_all(field.members)
    nothing_to_do(field.members, {**options, "vni": 7701})


def an_address_moves(field: Field, options: Options) -> None:
    """A peer with another underlay address is followed; another subnet takes the old address away."""
    one, other, third = field.members
    field.apply(field.members, **options)
    other.take_address(other.address[:-1] + "55")
    field.apply(field.members, **options)
    all_reach_all(field.members)
    nothing_to_do(field.members, options)
    somebodys = "10.80.0.1/32"
    one.ip("address", "add", somebodys, "dev", "ovl0")
    field.apply(field.members, **{**options, "subnet": "10.79.0.0/24"})
    has = one.state("ovl0").found["ovl0"].addresses
    assert {"10.79.0.1/24", somebodys} <= set(has) and "10.78.0.1/24" not in has, has
    # Another number, in the same subnet.
    third.number = 9
    field.apply(field.members, **{**options, "subnet": "10.79.0.0/24"})
    has = [address for address in third.state("ovl0").found["ovl0"].addresses if ":" not in address]
    assert has == ["10.79.0.9/24"], has
    assert one.ping("10.79.0.9") == (1, 1)
    nothing_to_do(field.members, {**options, "subnet": "10.79.0.0/24"})


def nothing_goes_in_circles(field: Field, options: Options) -> None:
    """What is for all arrives once, and what is for one arrives nowhere else."""
    one, other, third = field.members
    field.apply(field.members, **options)
    all_reach_all(field.members)
    with third.capture("ovl0") as seen:
        one.ping("10.78.0.99", count=2)
    asked = [
        frame
        for out, frame in seen.frames
        if not out and frame[12:14] == b"\x08\x06" and frame[38:42] == b"\x0a\x4e\x00\x63"
    ]
    with one.capture("eth0") as sent:
        one.ping("10.78.0.98", count=2)
    # Two peers, so each question leaves twice.
    left = [frame for out, frame in sent.frames if out and b"\x0a\x4e\x00\x62" in frame[60:]]
    assert 1 <= len(asked) <= 4, len(asked)
    assert len(left) % 2 == 0 and 2 <= len(left) <= 8, len(left)
    with third.capture("eth0") as seen:
        assert one.ping(overlay(other), count=5, payload=MARK) == (5, 5)
    assert not [frame for _out, frame in seen.frames if MARK in frame]


def any_interruption_heals(field: Field, options: Options) -> None:
    """The end after each line of the batches; the next run completes, and the one after has nothing to do."""
    one = field.members[0]
    for host in field.members[1:]:
        host.apply(host.options(field.members, **options))
    wanted = one.options(field.members, **options)
    plan = one.plan(wanted)
    lines = sum(len(step.lines) for step in plan.steps if isinstance(step, links.Batch))
    assert lines > 6, lines
    for limit in range(lines):
        if limit:
            one.ip("link", "delete", "group", str(links_plan.GROUP))
        for path in (links.ADD, links.ADJUST, links.ENTRIES, links.UNIT_PATH):
            one.system.remove(path)
        one.started = False
        one.system.limit = limit
        for step in one.plan(wanted).steps:
            if isinstance(step, links.Batch):
                step.apply(one.system)
        one.system.limit = None
        one.apply(wanted)
        assert one.ping(overlay(field.members[1])) == (1, 1), limit
        after = one.plan(wanted)
        assert not after.steps, (limit, after.sentences)


def what_is_there(host: Host) -> tuple[Any, ...]:
    """All links of ours with their addresses, and what is known behind each bridge."""
    ours = {name: one for name, one in host.state("ovl0").found.items() if one.ours}
    bridges = [name for name, one in ours.items() if one.kind == "bridge"]
    shown = {
        # Addresses of one link only follow from MACs that the kernel chooses.
        name: (one.kind, one.mtu, one.master, one.up, one.safe, {each for each in one.addresses if "fe80" not in each})
        for name, one in ours.items()
    }
    numbers = {name: {key: one.data.get(key) for key in links_back.MADE_OF[one.kind]} for name, one in ours.items()}
    return shown, numbers, {name: host.state(name).entries for name in bridges}


def any_change_is_taken_back(field: Field, options: Options) -> None:
    """After whatever line a change ends, its way back leads to what was there, and once more without harm."""
    one, other, third = field.members
    pair = [one, other]
    changes: list[tuple[list[Host], Options]] = [
        (pair, {"vni": 7701}),
        (pair, {"subnet": "10.79.0.0/24", "mtu": 1300}),
        (field.members, {"bridge": "ovl1"}),
        ([one, third], {}),
    ]
    taken_back_after_every_line(one, one.options(field.members, **options), what_is_there(one))
    field.apply(pair, **options)
    # Of somebody else, and not of the overlay's own lines.
    one.ip("address", "add", "203.0.113.9/32", "dev", "ovl0")
    before = what_is_there(one)
    for peers, changed in changes:
        taken_back_after_every_line(one, one.options(peers, **{**options, **changed}), before)
    all_reach_all(pair)
    nothing_to_do(pair, options)


def taken_back_after_every_line(host: Host, wanted: Options, before: tuple[Any, ...]) -> None:
    plan = host.plan(wanted)
    lines = sum(len(step.lines) for step in plan.steps if isinstance(step, links.Batch))
    assert lines, plan.sentences
    for limit in range(lines + 1):
        way_back = links.guard(wanted, host.state(wanted["bridge"]), host.system)
        host.system.limit = limit
        for step in host.plan(wanted).steps:
            if isinstance(step, links.Batch):
                step.apply(host.system)
        host.system.limit = None
        for _time in range(2 if limit == lines else 1):
            host.system.take_back(way_back)
            assert what_is_there(host) == before, (limit, wanted)


def strangers_links_stay(field: Field, options: Options) -> None:
    """A link of somebody else with our name is refused and stays as it is."""
    host = field.members[0]
    host.ip("link", "add", "ovl0", "type", "bridge")
    before = host.ip("-j", "-d", "link", "show", "ovl0")
    plan = host.plan(host.options(field.members, **options))
    assert len(plan.violations) == 1 and "was not made for it (bridge)" in plan.violations[0], plan.violations
    assert not plan.steps
    assert json.loads(host.ip("-j", "-d", "link", "show", "ovl0"))[0]["group"] == json.loads(before)[0]["group"]


def a_kind_that_the_kernel_lacks(field: Field, options: Options) -> None:
    """The batch fails at its first new link, names it, and what works goes on."""
    field.apply(field.members, **options)
    one, other = field.members[:2]
    kind = "nvgre" if options["kind"] == "geneve" else "geneve"
    plan = one.plan(one.options(field.members, **{**options, "kind": kind}))
    (batch,) = [step for step in plan.steps if isinstance(step, links.Batch) and step.tool == "ip"]
    lacking = [re.sub(r" type (geneve|gretap|ip6gretap) ", " type nothing ", line) for line in batch.lines]
    try:
        links.Batch("ip", lacking, "").apply(one.system)
    except OverlayError as error:
        assert "kernel overlay: `ip link add name ovl0-" in str(error), error
    else:
        raise AssertionError("a batch with a line that cannot be ended well")
    assert one.ping(overlay(other)) == (1, 1)


def forged_frames(field: Field, options: Options) -> None:
    """A stranger on the underlay: tunnels to peers take nothing from others; VXLAN does, and needs the firewall."""
    members, stranger = field.members, field.hosts[-1]
    field.apply(members, **options)
    # The stranger claims to be in it, and knows everything.
    stranger.apply(stranger.options([*members, stranger], **options))
    with members[0].capture("ovl0") as seen:
        stranger.ping(overlay(members[0]), payload=MARK)
    questions = [frame for out, frame in seen.frames if not out and frame[12:14] == b"\x08\x06"]
    if options["kind"] == "vxlan":
        assert questions
    else:
        assert not questions


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        reach_and_no_op, boot, boot_before_the_underlay, no_packet_is_lost, stale_peers_go, full_size, changes_in_place,
        an_address_moves, nothing_goes_in_circles, any_interruption_heals, any_change_is_taken_back,
        strangers_links_stay, a_kind_that_the_kernel_lacks, forged_frames,
    )
}  # fmt: skip


def run_case(name: str, kind: str, version: int) -> None:
    with laid_out(version) as field:
        CASES[name](field, {"kind": kind})


def main(kind: str, version: int, names: list[str]) -> None:
    """One line of JSON a case: its name, and what was wrong with it."""
    for name in names or CASES:
        failure = ""
        try:
            run_case(name, kind, version)
        except Exception:
            failure = traceback.format_exc()
        print(json.dumps({"case": name, "failure": failure}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
