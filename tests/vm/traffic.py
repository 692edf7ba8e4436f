# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MinIO's servers send each other, what carries it, and what of it can be read on the wire."""

from __future__ import annotations

import contextlib
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

import urllib3
from conftest import Machines
from minio import Minio
from wire import ESP, FRAGMENTS, Capture

# Easily found where it can be read. Random bytes would tell as little in clear text as encrypted ones.
TEXT = b"in clear text on the wire; "
DATA = TEXT * (4 * (1 << 20) // len(TEXT))
BUCKET = "traffic"
# What carries the servers' traffic, by the driver or by the kind of the kernel overlay, as tcpdump's filters.
CARRIERS = {
    "overlay": "udp port 4789",
    "vxlan": "udp port 14789",
    "geneve": "udp port 6081",
    "nvgre": "(ip proto 47 or ip6 proto 47)",
    "host": "tcp port 9000",
}
PINGS = 10


def between(vm: Machines, work: Callable[[], None]) -> dict[str, Capture]:
    """What the first two hosts sent while something was done; this machine's own traffic is not meant."""
    one, other = list(vm.hosts)[:2]
    matching = f"not host {vm.controller} and not host {vm.controller_ipv6}"
    with vm.capture(one, matching) as from_one, vm.capture(other, matching) as from_other:
        work()
    return {one: from_one, other: from_other}


def transfer(vm: Machines) -> None:
    """An object goes in through one host and comes back through the other; its parts are on both."""
    one, other = list(vm.hosts)[:2]
    client = vm.s3(one)
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    client.put_object(bucket_name=BUCKET, object_name="object", data=io.BytesIO(DATA), length=len(DATA))
    assert vm.s3(other).get_object(bucket_name=BUCKET, object_name="object").read() == DATA


def nothing_is_read(captures: Mapping[str, Capture], carrier: str) -> None:
    """ESP, and of what it hides not one packet in clear text."""
    for name, wire in captures.items():
        assert wire.count(ESP) > 100, name
        assert wire.packets(carrier) == [], name
        assert wire.payloads(TEXT) == 0, name


def all_is_read(captures: Mapping[str, Capture], carrier: Optional[str]) -> None:
    """The control: the same look finds it where nobody encrypts; which host sends parts as they are, MinIO decides."""
    for name, wire in captures.items():
        assert wire.count(ESP) == 0, name
        assert carrier is None or wire.count(carrier) > 100, name
    assert sum(wire.payloads(TEXT) for wire in captures.values()) > 100, captures


@dataclass(frozen=True)
class End:
    """One host's end of the overlay: where its packets are made, and by which links they go out."""

    host: str
    address: str
    inside: str  # what runs a command in the network of the server
    links: tuple[tuple[str, str, int], ...]  # what runs a command in the link's network, its name and its MTU

    @property
    def mtu(self) -> int:
        """Of the first link, by which the server sends."""
        return self.links[0][2]


def end(vm: Machines, name: str, driver: str) -> End:
    """The end of a driver that has an overlay."""
    host = vm.hosts[name]
    if driver == "kernel":
        bridge = _links(vm, name, "", "dev ovl0")
        (address,) = (
            one["local"] for one in json.loads(host.check_output("ip -j -4 address show dev ovl0"))[0]["addr_info"]
        )
        return End(name, address, "", (*bridge, *_links(vm, name, "", "master ovl0")))
    network = host.check_output("docker network inspect -f '{{.Id}}' minio-overlay").strip()
    task = host.check_output(f"docker ps -q --filter name=^minio{vm.guests[name].number}[.]").strip()
    shown = '{{.State.Pid}} {{(index .NetworkSettings.Networks "minio-overlay").IPAddress}}'
    pid, address = host.check_output(f"docker inspect -f '{shown}' {task}").split()
    inside, switch = f"nsenter --net=/proc/{pid}/ns/net ", f"nsenter --net=/run/docker/netns/1-{network[:10]} "
    own = _links(vm, name, inside, f"to {address}/32")
    return End(name, address, inside, (*own, *(one for one in _links(vm, name, switch, "") if one[1] != "lo")))


def _links(vm: Machines, name: str, inside: str, which: str) -> tuple[tuple[str, str, int], ...]:
    """Of a namespace, those that iproute2 chooses."""
    kind = "address" if which.startswith("to ") else "link"
    found = json.loads(vm.hosts[name].check_output(f"{inside}ip -j {kind} show {which}"))
    return tuple((inside, one["ifname"], int(one["mtu"])) for one in found if one)


@contextlib.contextmanager
def raised(vm: Machines, ends: tuple[End, End], more: int) -> Iterator[None]:
    """The overlay promises more than it has."""

    def to(extra: int) -> None:
        for one in ends:
            words = [f"{inside}ip link set dev {link} mtu {mtu + extra}" for inside, link, mtu in one.links]
            # What was learned of the way's MTU goes, too.
            vm.hosts[one.host].check_output(" && ".join([*words, "ip route flush cache"]))

    to(more)
    try:
        yield
    finally:
        to(0)


def _pinged(vm: Machines, one: End, other: End, size: int) -> tuple[int, Capture]:
    """How many packets of a size were answered, and what the sender's host sent to the other one then."""
    to = vm.guests[other.host]
    with vm.capture(one.host, f"dst host {to.data} or dst host {to.data_ipv6}") as seen:
        done = vm.hosts[one.host].run(
            f"{one.inside}ping -n -q -M do -c {PINGS} -i 0.2 -W 10 -s {size - 28} {other.address}"
        )
    answered = re.search(r"(\d+) received", done.stdout)
    assert answered, done.stdout + done.stderr
    return int(answered[1]), seen


def a_full_packet_is_one(vm: Machines, driver: str, matching: str) -> None:
    """A full packet leaves as one that the underlay carries; four bytes more are fragments, or do not arrive."""
    one, other = (end(vm, name, driver) for name in list(vm.hosts)[:2])
    underlay = int(vm.hosts[one.host].check_output("cat /sys/class/net/eth1/mtu"))
    answered, seen = _pinged(vm, one, other, one.mtu)
    lengths = seen.lengths(matching)
    # ESP fills up to four bytes: three may be wanting.
    assert (answered, seen.packets(FRAGMENTS), max(lengths) <= underlay) == (PINGS, [], True), max(lengths)
    assert len([length for length in lengths if length > underlay - 4]) >= PINGS, lengths
    with raised(vm, (one, other), 4):
        answered, seen = _pinged(vm, one, other, one.mtu + 4)
    assert answered == 0 or seen.count(FRAGMENTS) >= 2 * answered, (answered, seen.packets())
    assert max(seen.lengths(matching), default=0) <= underlay


@dataclass
class Requests:
    """Objects put through one host and got through another, all the while; nothing is tried twice."""

    vm: Machines
    good: int = 0
    longest: float = 0.0
    failed: list[str] = field(default_factory=list)

    def __enter__(self) -> Requests:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self._ended.set()
        self._thread.join()

    def _client(self, name: str) -> Minio:
        user, password = self.vm.credentials()
        http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=30, read=60), retries=False)
        return Minio(
            endpoint=f"{self.vm.addresses[name]}:9000", access_key=user, secret_key=password, secure=False,
            region="us-east-1", http_client=http,
        )  # fmt: skip

    def _run(self) -> None:
        clients = [self._client(name) for name in self.vm.hosts]
        number = 0
        while not self._ended.is_set():
            into, out_of = clients[number % len(clients)], clients[(number + 1) % len(clients)]
            body, number, began = TEXT * (1 << 14), number + 1, time.monotonic()
            try:
                into.put_object(
                    bucket_name=BUCKET, object_name=f"requests-{number % 8}", data=io.BytesIO(body), length=len(body)
                )
                answer = out_of.get_object(bucket_name=BUCKET, object_name=f"requests-{number % 8}")
                assert answer.read() == body
                answer.release_conn()
                self.good += 1
            except Exception as error:
                self.failed.append(f"{time.strftime('%T')} {error!r}")
            self.longest = max(self.longest, time.monotonic() - began)


@contextlib.contextmanager
def requests(vm: Machines, at_least: int = 10) -> Iterator[Requests]:
    """Not one of the requests may fail."""
    with Requests(vm) as seen:
        yield seen
    print(f"S3 requests: {2 * seen.good} good, the longest pair {seen.longest:.1f} s")
    assert (seen.failed, seen.good >= at_least) == ([], True), seen
