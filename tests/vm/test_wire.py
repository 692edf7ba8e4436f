# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire between the hosts: nothing to read where encryption is on, everything where it is off."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from conftest import Machines, eventually
from wire import DATA_PATH, ESP, Capture

# Easily found where it can be read. Random bytes would tell as little in clear text as encrypted ones.
TEXT = b"in clear text on the wire; "
DATA = TEXT * (4 * (1 << 20) // len(TEXT))
LENGTH = 1 << 21
IMAGE = "overlay-test-busybox"


def looked_at(vm: Machines, work: Callable[[], None]) -> dict[str, Capture]:
    """What the first two hosts sent to each other while something was done; this machine's own traffic is not meant."""
    one, other = list(vm.hosts)[:2]
    to_other, to_one = (f"dst host {vm.guests[name].data}" for name in (other, one))
    with vm.capture(one, to_other) as from_one, vm.capture(other, to_one) as from_other:
        work()
    return {one: from_one, other: from_other}


def test_s3_leaves_no_host_in_clear_text(deployed: Machines) -> None:
    """An object goes in through one host and comes back through the other; its parts are on both."""
    one, other = list(deployed.hosts)[:2]

    def transfer() -> None:
        client = deployed.s3(one)
        if not client.bucket_exists(bucket_name="wire"):
            client.make_bucket(bucket_name="wire")
        client.put_object(bucket_name="wire", object_name="object", data=io.BytesIO(DATA), length=len(DATA))
        assert deployed.s3(other).get_object(bucket_name="wire", object_name="object").read() == DATA

    for name, wire in looked_at(deployed, transfer).items():
        assert wire.count(ESP) > 100, name
        assert wire.packets(DATA_PATH) == [], name
        assert wire.payloads(TEXT) == 0, name


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

    def transfer() -> None:
        busybox.hosts[other].check_output(f'{run} {IMAGE} /bin/busybox sh -c "{script}"')
        eventually(lambda: busybox.hosts[one].check_output(f"docker logs {server}"), str(LENGTH), 300)

    seen = looked_at(busybox, transfer)
    for name, wire in seen.items():
        if network == "encrypted":
            assert (wire.count(ESP) > 0, wire.packets(DATA_PATH), wire.payloads(TEXT)) == (True, [], 0), name
        else:
            # Beside what MinIO's servers tell each other all the time, in their own encrypted network.
            assert wire.count(DATA_PATH) > 0, name
    assert (seen[other].payloads(TEXT) > 100) is (network == "clear")
