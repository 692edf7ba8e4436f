# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From hosts, drives and pools to MinIO's server list, by MinIO's own rules: pure.

The rules are those of MinIO's cmd/endpoint-ellipses.go (how drives are cut into erasure sets) and
internal/config/storageclass (parity), release RELEASE.2026-02-12T20-18-48Z.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import InputError

SET_SIZES = range(2, 17)
DEFAULT_PARITY = {1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 3}
POOL = re.compile(
    r"(?P<scheme>https?)://(?P<name>[a-z][a-z0-9-]*?)(?:\{(?P<first>\d+)\.\.\.(?P<last>\d+)\}|(?P<only>\d+))"
    r":(?P<port>\d+)(?P<path>/\S*?)(?:\{1\.\.\.(?P<drives>\d+)\}|(?P<one>1))"
)


@dataclass(frozen=True)
class Endpoints:
    """How the servers are addressed: equal on all of them."""

    scheme: str = "http"
    name: str = "minio"
    port: int = 9000
    path: str = "/drives/drive"


@dataclass(frozen=True)
class Pool:
    """Servers with consecutive numbers and equally many drives, cut into erasure sets of one size."""

    number: int
    servers: tuple[int, ...]
    drives: int
    set_size: int

    @property
    def walk(self) -> list[tuple[int, int]]:
        """Server and drive in MinIO's order: it walks the servers first, then the drives."""
        return [(server, drive) for drive in range(1, self.drives + 1) for server in self.servers]

    @property
    def sets(self) -> list[list[int]]:
        """The server number of every drive, set by set."""
        walk = [server for server, _drive in self.walk]
        return [walk[start : start + self.set_size] for start in range(0, len(walk), self.set_size)]

    def argument(self, endpoints: Endpoints) -> str:
        """The pool as MinIO's command line has it."""
        if len(self.servers) == self.drives == 1:
            return f"{endpoints.path}1"
        first, last = self.servers[0], self.servers[-1]
        servers = f"{{{first}...{last}}}" if last > first else str(first)
        drives = f"{{1...{self.drives}}}" if self.drives > 1 else "1"
        return f"{endpoints.scheme}://{endpoints.name}{servers}:{endpoints.port}{endpoints.path}{drives}"

    def left(self, absent: Collection[int]) -> list[list[int]]:
        """The erasure sets without the drives of these servers."""
        return [[server for server in members if server not in absent] for members in self.sets]

    def servers_that_may_fail(self, drives_that_may_fail: int) -> int:
        """How many servers any set can lose, the worst ones first."""
        return min(_largest_loss(erasure_set, drives_that_may_fail) for erasure_set in self.sets)


@dataclass(frozen=True)
class Remainder:
    """A pool without the servers ``names``; ``fewest``: the drives of the erasure set that lost most."""

    pool: int
    names: Sequence[str]
    drives: int
    of: int
    fewest: int
    write_quorum: int
    reads: int
    writes: int

    @property
    def works(self) -> bool:
        """Whether every erasure set can still be written to."""
        return self.fewest >= self.write_quorum

    @property
    def sentence(self) -> str:
        """What is missing and what it tolerates; empty where nothing is missing."""
        if not self.names:
            return ""
        names = ", ".join(self.names)
        return (
            f"pool {self.pool}: without {names}, {self.drives} of {self.of} drives are there; meanwhile "
            f"{_may_fail(self.reads, 'more ')} for reads, {_may_fail(self.writes, 'more ')} for writes"
        )


@dataclass(frozen=True)
class Layout:
    """The whole deployment."""

    pools: tuple[Pool, ...]
    parity: int
    endpoints: Endpoints

    @property
    def args(self) -> list[str]:
        """MinIO's server list, one argument a pool."""
        return [pool.argument(self.endpoints) for pool in self.pools]

    def quorums(self, pool: Pool) -> tuple[int, int]:
        """How many drives of a set have to answer for a read and for a write."""
        data = pool.set_size - self.parity
        return data, data + 1 if data == self.parity else data

    def tolerance(self, pool: Pool) -> tuple[int, int]:
        """How many servers of a pool may fail for reads and for writes."""
        read, write = (pool.set_size - quorum for quorum in self.quorums(pool))
        return pool.servers_that_may_fail(read), pool.servers_that_may_fail(write)

    def without(self, pool: Pool, absent: Collection[int]) -> Remainder:
        """What is left of a pool while servers are away."""
        gone = [server for server in pool.servers if server in absent]
        left, (read, write) = pool.left(gone), self.quorums(pool)
        return Remainder(
            pool=pool.number,
            names=[f"{self.endpoints.name}{number}" for number in gone],
            drives=sum(map(len, left)),
            fewest=min(map(len, left)),
            write_quorum=write,
            reads=min(_largest_loss(members, len(members) - read) for members in left),
            writes=min(_largest_loss(members, len(members) - write) for members in left),
            of=len(pool.servers) * pool.drives,
        )

    def describe(self) -> dict[str, Any]:
        """What users and reports get to see."""
        return {
            "args": self.args,
            "parity": self.parity,
            "pools": [self._describe(pool) for pool in self.pools],
            "summary": [self._sentence(pool) for pool in self.pools],
        }

    def _describe(self, pool: Pool) -> dict[str, Any]:
        read, write = self.tolerance(pool)
        return {
            "pool": pool.number,
            "servers": [f"{self.endpoints.name}{number}" for number in pool.servers],
            "drives_per_server": pool.drives,
            "set_size": pool.set_size,
            "sets": len(pool.sets),
            "read_tolerance": read,
            "write_tolerance": write,
        }

    def _sentence(self, pool: Pool) -> str:
        read, write = self.tolerance(pool)
        sets = len(pool.sets)
        return (
            f"pool {pool.number}: {_count(len(pool.servers), 'server')} x {_count(pool.drives, 'drive')}, "
            f"{_count(sets, 'erasure set')} of {pool.set_size}, EC:{self.parity}; "
            f"{_may_fail(read)} for reads, {_may_fail(write)} for writes"
        )


def set_size(servers: int, drives: int) -> Optional[int]:
    """The erasure set size that MinIO chooses for a pool, or None where it refuses the pool."""
    total = servers * drives
    if total == 1:
        return 1
    # MinIO keeps symmetry with the leftmost ellipsis: the servers, or the drives where there is one server.
    ellipsis = servers if servers > 1 else drives
    sizes = [size for size in SET_SIZES if total % size == 0 and _symmetric(size, ellipsis)]
    return sizes[-1] if sizes else None


def _symmetric(size: int, ellipsis: int) -> bool:
    return ellipsis % size == 0 if ellipsis > size else size % ellipsis == 0


def default_parity(size: int) -> int:
    """MinIO's own choice for a set of this size."""
    return DEFAULT_PARITY.get(size, 4)


def plan(
    servers: Sequence[Mapping[str, Any]], parity: Optional[int] = None, endpoints: Optional[Endpoints] = None
) -> Layout:
    """Lay the servers out, given as dicts of ``host``, ``number``, ``drives`` (a count) and ``pool``."""
    found = violations(servers, parity)
    if found:
        raise InputError(found)
    pools = []
    for number, members in _by_pool(servers).items():
        numbers = tuple(sorted(int(member["number"]) for member in members))
        drives = int(members[0]["drives"])
        pools.append(Pool(number, numbers, drives, set_size(len(numbers), drives) or 1))
    chosen = default_parity(pools[0].set_size) if parity is None else parity
    return Layout(tuple(pools), chosen, endpoints or Endpoints())


def violations(servers: Sequence[Mapping[str, Any]], parity: Optional[int] = None) -> list[str]:
    """Every reason why these servers cannot be one deployment."""
    pools = _by_pool(servers)
    if not pools:
        return ["MinIO: there is no server; list the hosts that carry drives in the group minio"]
    found = [sentence for number, members in pools.items() for sentence in _pool(number, members, len(pools))]
    return found or list(_parity(pools, parity))


def _by_pool(servers: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    pools: dict[int, list[Mapping[str, Any]]] = {}
    for server in sorted(servers, key=lambda server: (int(server.get("pool") or 1), int(server["number"]))):
        pools.setdefault(int(server.get("pool") or 1), []).append(server)
    return pools


def _pool(pool: int, members: Sequence[Mapping[str, Any]], pools: int) -> Iterator[str]:
    counts = Counter(int(member["drives"]) for member in members)
    numbers = [int(member["number"]) for member in members]
    broken = False
    if len(counts) > 1:
        broken = True
        usual = counts.most_common(1)[0][0]
        odd = ", ".join(f"{_name(m)} has {m['drives']}" for m in members if int(m["drives"]) != usual)
        yield (
            f"minio_pool {pool}: its servers have unequal numbers of drives ({odd}, the others {usual}); "
            f"MinIO takes equally many on each server of a pool: give each {usual}, "
            "or put the others into a pool of their own by minio_pool"
        )
    gaps = [f"{low} and {high}" for low, high in zip(numbers, numbers[1:]) if high != low + 1]
    if gaps:
        broken = True
        yield (
            f"minio_pool {pool}: the numbers of its servers are not consecutive (overlay_host_number "
            f"{', '.join(map(str, numbers))}: a break between {' and between '.join(gaps)}); MinIO addresses a pool "
            f"as one range. Where it holds data, no host takes another number: put back the host with number "
            f"{_missing(numbers)}, or new hardware with that number. In a new deployment number the hosts of a pool in "
            "sequence, or split them by minio_pool"
        )
    drives = int(members[0]["drives"])
    if not broken and pools > 1 and len(members) * drives == 1:
        yield (
            f"minio_pool {pool}: a single drive on a single server cannot be one of several pools; "
            "give it 2 drives or more, or another server"
        )
    elif not broken and set_size(len(members), drives) is None:
        yield _refused(pool, len(members), drives)


def _missing(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in range(numbers[0], numbers[-1]) if number not in numbers)


def _refused(pool: int, servers: int, drives: int) -> str:
    with_servers = [str(count) for count in range(1, 17) if set_size(servers, count)]
    below = next((count for count in range(servers - 1, 0, -1) if set_size(count, drives)), None)
    above = next(count for count in range(servers + 1, servers + 17) if set_size(count, drives))
    beside = f"{below} or {above}" if below else str(above)
    drives_allowed = f"{', '.join(with_servers)} drives on each" if with_servers else "no number of drives up to 16"
    count, size = _count(servers, "server"), _count(drives, "drive")
    return (
        f"minio_pool {pool}: {count} x {size} = {servers * drives} drives cannot be spread evenly over erasure sets "
        f"of {SET_SIZES[0]} to {SET_SIZES[-1]} drives, so MinIO refuses them; allowed are: "
        f"with {count} {drives_allowed}, with {size} on each {beside} servers"
    )


def _parity(pools: Mapping[int, Sequence[Mapping[str, Any]]], parity: Optional[int]) -> Iterator[str]:
    """The first pool's parity holds for all, and none may need more than half of a set."""
    sizes = {pool: set_size(len(members), int(members[0]["drives"])) or 1 for pool, members in pools.items()}
    first, *_others = sizes.values()
    common = default_parity(first) if parity is None else parity
    for pool, size in sizes.items():
        if not 0 <= common <= size // 2:
            source = "minio_parity:" if parity is not None else "minio_parity is not set, and the first pool's default"
            yield (
                f"{source} EC:{common} does not fit minio_pool {pool}, whose erasure sets have "
                f"{_count(size, 'drive')}; allowed there: 0 to {size // 2}; set minio_parity to fit every pool"
            )


def argument(args: Sequence[str], flag: str) -> Optional[str]:
    """What follows a flag of the server's command."""
    return next((after for given, after in zip(args, args[1:]) if given == flag), None)


def server_list(args: Sequence[str]) -> list[str]:
    """The pools in a MinIO command line: what is no flag and no value of one."""
    return [arg for arg in args if re.match(r"(https?://|/)", arg)]


def grow(live: Sequence[str], wanted: Sequence[str]) -> Optional[str]:
    """None where the wanted server list is the live one, with whole pools after it or not; else the reason why not."""
    # Whether servers speak TLS is no part of what their data hang on.
    live, wanted = ([re.sub("^https?:", "http:", pool) for pool in pools] for pools in (live, wanted))
    alone = bool(live) and not live[0].startswith("http")
    if wanted[: len(live)] == live and (len(wanted) == len(live) or not alone):
        return None
    if alone:
        return (
            f"MinIO runs on a single drive ({live[0]}), and such a deployment cannot grow "
            f"({' '.join(wanted)} is wanted); deploy a new one and copy the data"
        )
    if len(wanted) < len(live) and live[: len(wanted)] == wanted:
        return (
            f"{' '.join(live[len(wanted) :])} is a live pool, and it is not in the inventory; its data would be "
            "lost to clients: put its hosts back, a pool is only given up after it was decommissioned"
        )
    changed = next((pair for pair in zip(live, wanted) if pair[0] != pair[1]), (" ".join(live), " ".join(wanted)))
    return (
        f"the live pool {changed[0]} would become {changed[1]}{_what_differs(*changed)}; a live server list only "
        "grows, and by whole pools: leave the servers and drives of that pool, replace a host that is gone by one with "
        "its overlay_host_number, and give additional hosts the next minio_pool"
    )


def _what_differs(live: str, wanted: str) -> str:
    """The difference in words, where both are ours."""
    old, new = POOL.fullmatch(live), POOL.fullmatch(wanted)
    if not old or not new:
        return ""
    words = [
        f"{what}: {before} live, {after} wanted"
        for what, before, after in zip(("servers", "drives per server", "address"), _parts(old), _parts(new))
        if before != after
    ]
    return f" ({'; '.join(words)})"


def _parts(match: re.Match[str]) -> tuple[str, str, str]:
    first = match["first"] or match["only"]
    servers = f"{first} to {match['last']}" if match["last"] else first
    address = f"{match['scheme']}://{match['name']}*:{match['port']}{match['path']}*"
    return servers, match["drives"] or match["one"], address


def _largest_loss(erasure_set: Sequence[int], drives_that_may_fail: int) -> int:
    left, servers = drives_that_may_fail, 0
    for _server, drives in Counter(erasure_set).most_common():
        if drives > left:
            break
        left -= drives
        servers += 1
    return servers


def _name(member: Mapping[str, Any]) -> str:
    return str(member.get("host") or f"server {member['number']}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _may_fail(servers: int, more: str = "") -> str:
    return f"no {more}server may fail" if servers == 0 else f"{_count(servers, f'{more}server')} may fail"
