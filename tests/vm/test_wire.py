# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire between the hosts: nothing to read where encryption is on, everything where it is off."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Machines, eventually
from traffic import TEXT, between, nothing_is_read, transfer
from wire import DATA_PATH, ESP

LENGTH = 1 << 21
IMAGE = "overlay-test-busybox"


def test_s3_leaves_no_host_in_clear_text(deployed: Machines) -> None:
    nothing_is_read(between(deployed, lambda: transfer(deployed)), DATA_PATH)


def policies(vm: Machines, name: str) -> list[str]:
    """The kernel's policies of one host, as what adds each of them again."""
    found = []
    for block in re.split(r"\n(?=src )", vm.hosts[name].check_output("ip xfrm policy show")):
        if "0xd0c4e3" in block and "dir out" in block:
            words = " ".join(block.split())
            words = re.sub(r"mark (\S+?)/(\S+)", r"mark \1 mask \2", words)
            found.append(re.sub(r" priority 0 ptype main", "", words))
    return found


def encryption(vm: Machines, directory: Path) -> tuple[int, Counter[str]]:
    """What verify.yml comes to, and the cells of the layer encryption."""
    run = vm.play("verify", "-e", f"connectivity_report_dir={directory}")
    layers = json.loads((directory / "connectivity.json").read_text())["layers"]
    (layer,) = [one for one in layers if one["name"] == "encryption"]
    return run.rc, Counter(cell["status"] for cell in layer["cells"])


def test_verify_finds_a_policy_for_every_server_and_misses_one(deployed: Machines, tmp_path: Path) -> None:
    """On the kernels themselves; the control: what it finds is what it would miss."""
    pairs = len(deployed.hosts) * (len(deployed.hosts) - 1)
    assert encryption(deployed, tmp_path) == (0, Counter({"pass": pairs}))
    one = next(iter(deployed.hosts))
    (policy, *_others) = policies(deployed, one)
    selector = policy.partition(" tmpl ")[0]
    deployed.hosts[one].check_output(f"ip xfrm policy delete {selector}")
    try:
        code, cells = encryption(deployed, tmp_path)
        assert (code != 0, cells["fail"]) == (True, 1)
    finally:
        deployed.hosts[one].check_output(f"ip xfrm policy add {policy}")
    assert encryption(deployed, tmp_path) == (0, Counter({"pass": pairs}))


@pytest.fixture(scope="module")
def busybox(deployed: Machines) -> Machines:
    """An image with the one program that every guest has as it is, so that anything can be run on a network."""
    for host in deployed.hosts.values():
        host.check_output(f"tar -C / -c bin/busybox | docker import -c 'LABEL test=' - {IMAGE}")
    return deployed


@pytest.fixture(params=["clear", "encrypted"])
def network(request: pytest.FixtureRequest, busybox: Machines) -> Iterator[str]:
    """An overlay network with the Engine's own encryption, and one without."""
    name = f"test-{request.param}"
    manager, *_others = busybox.hosts.values()
    option = "--opt encrypted" if request.param == "encrypted" else ""
    manager.check_output(f"docker network create --driver overlay --attachable {option} {name}")
    yield str(request.param)
    for host in busybox.hosts.values():
        host.check_output(
            f"docker ps --quiet --all --filter network={name} | xargs --no-run-if-empty docker rm --force"
        )
    manager.check_output(f"docker network rm {name}")


def test_the_look_tells_clear_text_from_encrypted(network: str, busybox: Machines) -> None:
    """The control: what finds nothing to read above does find it where it is."""
    one, other = list(busybox.hosts)[:2]
    run = f"docker run --detach --network test-{network}"
    # With its standard input open: one that has nothing to say would hang up, and its client with it.
    count = f"{run} --interactive --name server-{network} {IMAGE}"
    script = "/bin/busybox nc -l -p 7777 | /bin/busybox wc -c"
    server = busybox.hosts[one].check_output(f'{count} /bin/busybox sh -c "{script}"')
    address = busybox.hosts[one].check_output(
        f"docker inspect --format '{{{{(index .NetworkSettings.Networks \"test-{network}\").IPAddress}}}}' {server}"
    )
    # Text that a shell can make, through a network in which nothing else is.
    script = f"/bin/busybox yes '{TEXT.decode()}' | /bin/busybox head -c {LENGTH} | /bin/busybox nc {address} 7777"

    def sent() -> None:
        busybox.hosts[other].check_output(f'{run} {IMAGE} /bin/busybox sh -c "{script}"')
        eventually(lambda: busybox.hosts[one].check_output(f"docker logs {server}"), str(LENGTH), 300)

    seen = between(busybox, sent)
    for name, wire in seen.items():
        if network == "encrypted":
            assert (wire.count(ESP) > 0, wire.packets(DATA_PATH), wire.payloads(TEXT)) == (True, [], 0), name
        else:
            # Beside what MinIO's servers tell each other all the time, in their own encrypted network.
            assert wire.count(DATA_PATH) > 0, name
    assert (seen[other].payloads(TEXT) > 100) is (network == "clear")
