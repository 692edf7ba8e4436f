# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies for services as the Compose specification has them: each property in every form that it may be written."""

from __future__ import annotations

from typing import Any

from any_values import profile
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

IMAGE = "sha256:" + "0" * 64
TOP: dict[str, Any] = {
    "version": "3.13",
    "networks": {"one": None, "two": {"driver_opts": {"a": "b"}}},
    "volumes": {"data": None, "made": {"driver": "local", "driver_opts": {"o": 1}, "labels": ["a=b"]}},
    "secrets": {"password": {"external": True, "name": "generated-secret"}},
    "configs": {"settings": {"external": True, "name": "generated-config"}},
}
one_of = st.sampled_from


def lists(one: Any, least: int = 0, most: int = 3) -> Any:
    return st.lists(one, min_size=least, max_size=most, unique_by=str)


def some(**optional: Any) -> Any:
    return st.fixed_dictionaries({}, optional=optional)


# A dollar sign would be a variable; a null byte is no YAML.
TEXT = st.text(alphabet="ab0 =:/.,#'\"\\-_{}[]é&*!?|%@~\t", max_size=8)
WORD = st.text(alphabet="abcxyz019", min_size=1, max_size=6)
NUMBER = st.one_of(
    st.integers(-5, 2**40), one_of([0.1, 1.0, 1.5, 100.0, 1e6, 12345678.0, 1e20, 1e21, 1e-7, 0.30000000000000004, -2.5])
)
SCALAR = st.one_of(TEXT, NUMBER, st.booleans())
STRINGS = st.dictionaries(WORD, TEXT, max_size=3)
PAIRS = st.one_of(
    st.dictionaries(WORD, st.one_of(SCALAR, st.none()), max_size=3),
    lists(st.builds("{}={}".format, WORD, TEXT)),
    lists(WORD),
)
VARIABLES = st.one_of(st.dictionaries(WORD, SCALAR, max_size=3), lists(st.builds("{}={}".format, WORD, TEXT)))
OPTIONS = st.dictionaries(WORD, st.one_of(TEXT, NUMBER), max_size=2)
COMMAND = st.one_of(
    st.text(alphabet="ab0= '\"\\#-\t\n/é", max_size=14),
    lists(TEXT),
    one_of([r'sh -c "echo \"a\\b\" \d"', "a 'b\\c' d", 'x "" y', "# a\nb", "a#b # c"]),
)
DURATION = one_of(["0s", "5ms", "300ms", "1s", "1.5s", "90s", "1m", "1m30s", "2h", "1h0m0.5s", "1000000ns", "1000us"])
SIZE = one_of(["4194304b", "64m", "64M", "1g", "1gb", "1GB", "0.5g", "65536k", "1GiB", "8388608", 8388608])
TRUTH = st.booleans()
MODE = one_of([256, 288, 0o444, 0])
PORT = st.one_of(
    one_of(["80", "8000:80", "8001-8003:80", "8100-8102:90-92", "53:53/udp", "54:54/UDP", "55:55/tcp", "3000-3002",
            "0.0.0.0:81:81", "82-82:80", "07:7", ":83", "0:84", "85:85/", "9-8:80", "80:9-8", "86:86/sctp", 87]),
    some(published=st.integers(0, 65535), protocol=one_of(["tcp", "udp", "UDP", "sctp"]),
         mode=one_of(["host", "ingress"])).map(lambda one: {"target": 80, **one}),
)  # fmt: skip
TARGET = st.builds("/{}".format, WORD)
VOLUME = st.one_of(
    TARGET,
    st.builds("{}:{}{}".format, one_of(["data", "made", "/srv", "/a.b"]), TARGET,
              one_of(["", ":ro", ":rw", ":ro,rw", ":rw,ro"])),
    st.builds("data:{}:nocopy".format, TARGET),
    st.builds("/srv:{}:{}".format, TARGET, one_of(["rslave", "ro,rshared", "private", "cached"])),
    st.builds(lambda target, more: {"type": "volume", "source": "data", "target": target, **more}, TARGET,
              some(read_only=TRUTH, volume=some(nocopy=TRUTH))),
    st.builds(lambda target, more: {"type": "bind", "source": "/srv", "target": target, **more}, TARGET,
              some(read_only=TRUTH, bind=some(propagation=one_of(["rprivate", "shared", "slave"])))),
    st.builds(lambda target, more: {"type": "tmpfs", "target": target, **more}, TARGET,
              some(tmpfs=some(size=one_of([0, 1 << 20, 64 << 20])))),
)  # fmt: skip


def target_of(volume: Any) -> str:
    if isinstance(volume, dict):
        return str(volume["target"])
    parts = volume.split(":")
    return str(parts[min(1, len(parts) - 1)])


LIMIT = st.integers(1, 1 << 20)
HEALTH = st.one_of(
    some(test=st.one_of(TEXT.filter(bool), lists(TEXT).map(lambda words: ["CMD", *words]), st.just(["NONE"])),
         interval=DURATION, timeout=DURATION, start_period=DURATION, retries=st.integers(0, 9)),
    st.just({"disable": True}),
)  # fmt: skip
ADDRESS = one_of(["10.0.0.1", "192.168.7.9", "fd00::1", "::1"])
HOSTS = st.one_of(lists(st.builds("{}:{}".format, WORD, ADDRESS)), st.dictionaries(WORD, ADDRESS, max_size=3))
UPDATE = {
    "parallelism": st.integers(0, 5), "delay": DURATION, "monitor": DURATION,
    "max_failure_ratio": one_of([0, 0.1, 0.25, 1]), "order": one_of(["start-first", "stop-first"]),
}  # fmt: skip
CPUS = one_of(["0.001", "0.5", ".5", "2", "1.25", "0.3"])
DEPLOY = some(
    endpoint_mode=st.just("vip"),
    labels=PAIRS,
    placement=some(
        constraints=lists(one_of(["node.role==manager", "node.labels.a != b", "node.id==x", " node.hostname == h "])),
        preferences=lists(st.builds(lambda word: {"spread": f"node.labels.{word}"}, WORD), most=2),
        max_replicas_per_node=st.integers(0, 4),
    ),
    resources=some(
        limits=some(cpus=CPUS, memory=SIZE, pids=st.integers(0, 99)),
        reservations=some(
            cpus=CPUS,
            memory=SIZE,
            generic_resources=lists(
                st.builds(lambda kind, count: {"discrete_resource_spec": {"kind": kind, "value": count}}, WORD,
                          st.integers(1, 9)), most=2),
        ),
    ),
    restart_policy=some(condition=one_of(["none", "on-failure", "any"]), delay=DURATION, window=DURATION,
                        max_attempts=st.integers(0, 9)),
    update_config=some(**UPDATE, failure_action=one_of(["pause", "continue", "rollback"])),
    rollback_config=some(**UPDATE, failure_action=one_of(["pause", "continue"])),
)  # fmt: skip
FILE = {"target": WORD, "uid": one_of(["0", "9000"]), "gid": one_of(["0", "9000"]), "mode": MODE}
CAPS = lists(one_of(["NET_ADMIN", "cap_kill", "CAP_CHOWN", "all", "Sys_Time"]))


def _reference(source: str) -> Any:
    return lists(st.one_of(st.just(source), some(**FILE).map(lambda more: {"source": source, **more})), most=1)


SERVICE: dict[str, Any] = {
    "cap_add": CAPS,
    "cap_drop": CAPS,
    "command": COMMAND,
    "configs": _reference("settings"),
    "credential_spec": one_of([{"file": "a.json"}, {"registry": "b"}]),
    "dns": st.one_of(ADDRESS, lists(ADDRESS)),
    "dns_search": st.one_of(WORD, lists(WORD)),
    "deploy": DEPLOY,
    "entrypoint": COMMAND,
    "environment": VARIABLES,
    "extra_hosts": HOSTS,
    "healthcheck": HEALTH,
    "hostname": WORD,
    "init": TRUTH,
    "isolation": one_of(["default", "process"]),
    "labels": PAIRS,
    "logging": some(driver=one_of(["json-file", "none"]), options=OPTIONS),
    "networks": st.one_of(
        lists(one_of(["one", "two"])),
        st.dictionaries(one_of(["one", "two"]), st.one_of(st.none(), some(aliases=lists(WORD))), max_size=2),
    ),
    "ports": lists(PORT),
    "read_only": TRUTH,
    "restart": one_of(["no", "always", "unless-stopped", "on-failure", "on-failure:3"]),
    "secrets": _reference("password"),
    "stdin_open": TRUTH,
    "stop_grace_period": DURATION,
    "stop_signal": one_of(["SIGINT", "SIGQUIT"]),
    "sysctls": PAIRS,
    "tty": TRUTH,
    "ulimits": st.dictionaries(one_of(["nofile", "nproc", "core"]), st.one_of(
        LIMIT, st.builds(lambda soft, more: {"soft": soft, "hard": soft + more}, LIMIT, LIMIT)), max_size=3),
    "user": one_of(["0", "1000:1000", "name"]),
    "volumes": st.lists(VOLUME, max_size=3, unique_by=target_of),
    "working_dir": TARGET,
}  # fmt: skip


@st.composite
def services(draw: Any) -> dict[str, Any]:
    """Each property comes up as often as the others, alone and beside a few."""
    names = draw(st.lists(one_of(sorted(SERVICE)), min_size=1, max_size=4, unique=True))
    return {"image": IMAGE, **{name: draw(SERVICE[name]) for name in names}}


def sample(count: int) -> dict[str, dict[str, Any]]:
    """So many services, by their names; outside of a soak always the same."""
    found: list[dict[str, Any]] = []

    @settings(profile(count), phases=[Phase.generate])
    @given(services())
    def gather(one: dict[str, Any]) -> None:
        found.append(one)

    gather()
    return {f"s{number}": one for number, one in enumerate(found)}
