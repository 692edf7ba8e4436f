# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec between the machines: what the wire shows, what happens without charon, and keys that change under traffic.

In the order of this file: the first test fails to switch it on, the second one does, the last one switches it off.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import associations
import pytest
from conftest import Machines, eventually
from wire import ESP, FRAGMENTS

MASTER = "a master of more than thirty-two characters, 0123456789"
# TCP that waits for nothing of Docker's: Swarm's management port, while no swarm is there.
PORT, DATA_PATH, GOSSIP = 2377, 4789, 7946
CLEAR = f"udp port {DATA_PATH} or tcp port {PORT} or port {GOSSIP}"
# An emulated host takes its time, and more where others run beside it.
CONFIRM = 300
TABLE = "inet baremetal_overlay_ipsec"
SECRET = "in the clear nobody reads this"
ECHO = f"""
import socketserver
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
Server(("0.0.0.0", {PORT}), Handler).serve_forever()
"""
# A request after the other, each over a connection of its own, until it is told to stop.
REQUESTS = """
import json, signal, socket, sys, time
running, seen = True, {"good": 0, "failed": [], "longest": 0.0}
def stop(*_):
    global running
    running = False
signal.signal(signal.SIGTERM, stop)
while running:
    began = time.monotonic()
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as one:
            one.settimeout(20)
            one.sendall(b"hello")
            assert one.recv(5) == b"hello"
        seen["good"] += 1
    except Exception as error:
        seen["failed"].append(f"{time.strftime('%T')} {error!r}")
    seen["longest"] = max(seen["longest"], time.monotonic() - began)
    time.sleep(0.3)
with open("/run/requests.json", "w") as file:
    json.dump(seen, file)
"""


def play(vm: Machines, *settings: str) -> Any:
    """The play of IPsec with settings; it has to succeed."""
    given = (f"ipsec_psk_master='{MASTER}'", f"ipsec_confirm_timeout={CONFIRM}", *settings)
    arguments = [part for setting in given for part in ("-e", setting)]
    done = vm.play("../tests/vm/ipsec", *arguments)
    assert done.rc == 0, done.output[-4000:]
    assert MASTER not in done.output
    return done


def on(vm: Machines, *settings: str) -> Any:
    return play(vm, "overlay_encryption=ipsec", *settings)


def service(vm: Machines, name: str, unit: str, script: str, *arguments: str) -> None:
    host = vm.hosts[name]
    host.check_output(f"printf %s {shlex.quote(script)} > /run/{unit}.py")
    host.check_output(f"systemctl reset-failed {unit} 2>/dev/null; systemctl stop {unit} 2>/dev/null; true")
    host.check_output(f"systemd-run --quiet --unit={unit} python3 /run/{unit}.py {' '.join(arguments)}")


def listens(vm: Machines, name: str, port: int) -> None:
    """What was started on a host is there to be spoken to."""
    eventually(lambda: vm.hosts[name].check_output(f"ss -Hltun 'sport = :{port}'") != "", True)


def answers(vm: Machines) -> None:
    """A server on the second host."""
    service(vm, "n2", "echo-server", ECHO)
    listens(vm, "n2", PORT)


@contextmanager
def sink(vm: Machines, port: int) -> Iterator[str]:
    """The file into which the second host writes the datagrams that it gets on a port."""
    host, file = vm.hosts["n2"], "/run/datagrams"
    write = f"socat -u UDP4-RECV:{port} OPEN:{file},creat,append"
    host.check_output(f"rm -f {file}; systemd-run --quiet --unit=sink timeout 600 {write}")
    try:
        listens(vm, "n2", port)
        yield file
    finally:
        host.run("systemctl stop sink; systemctl reset-failed sink")


@pytest.fixture(scope="module")
def pair(vm: Machines) -> Iterator[Machines]:
    """Both hosts, with a server on the second that n1 speaks to."""
    answers(vm)
    yield vm
    vm.hosts["n2"].run("systemctl stop echo-server")


@pytest.fixture(scope="module")
def encrypted(pair: Machines) -> Machines:
    """Keys drawn from a master, on both."""
    on(pair)
    return pair


def kernel_spis(host: Any) -> set[str]:
    """What the kernel has, whoever knows of it."""
    return set(re.findall(r"spi 0x([0-9a-f]+)", host.check_output("ip xfrm state")))


def request(vm: Machines, seconds: int = 5) -> str:
    """One request from n1 to n2 over a connection of its own; what comes back."""
    to = f"TCP4:{vm.addresses['n2']}:{PORT},connect-timeout={seconds}"
    done = vm.hosts["n1"].run(f"echo {shlex.quote(SECRET)} | timeout {seconds + 3} socat -t 3 - {to}")
    return str(done.stdout.strip())


def datagrams(vm: Machines, number: int = 5) -> None:
    """What an overlay would send: from a hashed port to that of the data path."""
    to = f"UDP4-SENDTO:{vm.addresses['n2']}:{DATA_PATH}"
    command = f"for i in $(seq {number}); do echo {shlex.quote(SECRET)} | socat -u - {to}; done"
    vm.hosts["n1"].run(command)


@contextmanager
def waves(vm: Machines) -> Iterator[None]:
    """Datagrams all the while."""
    host, to = vm.hosts["n1"], f"UDP4-SENDTO:{vm.addresses['n2']}:{DATA_PATH}"
    again = f"while sleep 0.3; do echo {shlex.quote(SECRET)} | socat -u - {to}; done"
    host.check_output(f"systemd-run --quiet --collect --unit=waves sh -c {shlex.quote(again)}")
    try:
        yield
    finally:
        host.run("systemctl stop waves")


def counters(vm: Machines, name: str) -> dict[str, int]:
    """What was dropped, by the name of its counter."""
    listing = json.loads(vm.hosts[name].check_output(f"nft -j list counters table {TABLE}"))["nftables"]
    return {one["counter"]["name"]: one["counter"]["packets"] for one in listing if "counter" in one}


def modes(vm: Machines, name: str) -> dict[str, str]:
    """The mode of each child that is installed."""
    return {child.split()[1]: mode for child, mode in associations.look(vm.hosts[name]).modes.items()}


@contextmanager
def requests(vm: Machines) -> Iterator[dict[str, Any]]:
    """Requests all the while; not one may fail."""
    seen: dict[str, Any] = {}
    host = vm.hosts["n1"]
    service(vm, "n1", "requests", REQUESTS, vm.addresses["n2"], str(PORT))
    try:
        yield seen
    finally:
        host.run("systemctl stop requests")
    seen.update(json.loads(host.check_output("cat /run/requests.json")))
    assert seen["failed"] == [], seen
    assert seen["good"] > 5, seen


@contextmanager
def without_esp(vm: Machines, name: str) -> Iterator[None]:
    """As a network does that lets IKE pass and no protocol that it does not know."""
    host, table = vm.hosts[name], "inet somewhere_between"
    rule = f"add rule {table} drops meta l4proto esp counter drop"
    chain = f"add chain {table} drops {{ type filter hook prerouting priority -400; }}"
    host.check_output(f"nft {shlex.quote(f'add table {table}; {chain}; {rule}')}")
    try:
        yield
        # It had something to do.
        assert re.search(r"packets [1-9]", host.check_output(f"nft list table {table}"))
    finally:
        host.check_output(f"nft delete table {table}")


def test_where_only_ike_passes_the_way_back_leaves_nobody_cut_off(pair: Machines) -> None:
    """What was negotiated sends traffic into ESP by itself, also where clear text is let through again."""
    assert request(pair) == SECRET
    given = (f"ipsec_psk_master='{MASTER}'", f"ipsec_confirm_timeout={CONFIRM}", "overlay_encryption=ipsec")
    with without_esp(pair, "n2"):
        done = pair.play("../tests/vm/ipsec", *(part for setting in given for part in ("-e", setting)))
        assert done.rc != 0
        assert f"{pair.addresses['n2']} port {PORT} answered before and does not now" in done.text, done.output[-4000:]
        assert "what was there before was put back" in done.text
        for name in ("n1", "n2"):
            seen = associations.look(pair.hosts[name])
            assert (seen.numbers, seen.spis) == ({}, {}), name
            assert pair.hosts[name].run(f"nft list table {TABLE}").rc != 0
            assert pair.hosts[name].check_output("ip xfrm policy | grep -c 'proto esp' || true").strip() == "0"
        # Still without ESP.
        assert request(pair) == SECRET


def test_switched_on_under_traffic_no_request_fails(pair: Machines) -> None:
    with requests(pair):
        on(pair)
    for name in ("n1", "n2"):
        assert modes(pair, name) == {"out": "TRANSPORT", "in": "TRANSPORT", "same": "TRANSPORT"}


def test_a_second_run_changes_nothing_and_says_no_key(encrypted: Machines) -> None:
    kept = encrypted.hosts["n1"].check_output("grep -o '0x[0-9a-f]*' /etc/swanctl/conf.d/baremetal-overlay.conf")
    arguments = [f"ipsec_psk_master='{MASTER}'", "overlay_encryption=ipsec"]
    done = encrypted.play("../tests/vm/ipsec", "-vvv", *(part for one in arguments for part in ("-e", one)))
    assert done.rc == 0, done.output[-4000:]
    assert set(done.changed.values()) == {0}
    assert kept and kept.strip()[2:] not in done.output


def test_on_the_wire_is_nothing_but_esp(encrypted: Machines) -> None:
    with sink(encrypted, DATA_PATH) as got:
        with encrypted.capture("n1") as sent, encrypted.capture("n2") as back:
            datagrams(encrypted)
            assert request(encrypted) == SECRET
        assert encrypted.hosts["n2"].check_output(f"cat {got}").splitlines() == [SECRET] * 5
    for capture in (sent, back):
        assert capture.count(ESP) > 0
        assert capture.packets(CLEAR) == []
        assert capture.payloads(SECRET.encode()) == 0


def test_what_has_no_listener_is_not_answered_in_clear_text(encrypted: Machines) -> None:
    """A host would quote it: `port unreachable`."""
    with encrypted.capture("n2") as back:
        datagrams(encrypted)
    assert back.payloads(SECRET.encode()) == 0
    assert back.packets("icmp") == []


def test_gossip_passes_from_its_own_port_and_from_any(encrypted: Machines) -> None:
    """Of the policies that fit, both ends choose the same one: nothing is dropped by the other one's."""
    host = encrypted.hosts["n1"]
    to = f"UDP4-SENDTO:{encrypted.addresses['n2']}:{GOSSIP}"
    with sink(encrypted, GOSSIP) as got, encrypted.capture("n1") as sent:
        for source in (f",bind={encrypted.addresses['n1']}:{GOSSIP}", ""):
            host.check_output(f"echo {shlex.quote(SECRET)} | socat -u - {to}{source}")
        eventually(lambda: encrypted.hosts["n2"].check_output(f"cat {got}").splitlines(), [SECRET] * 2, 30)
    assert sent.packets(CLEAR) == []


def test_a_full_packet_leaves_as_one(encrypted: Machines) -> None:
    """1466 bytes before ESP are 1500 after it; four more do not pass without fragments."""
    to = f"UDP4-SENDTO:{encrypted.addresses['n2']}:{DATA_PATH}"
    with encrypted.capture("n1", ESP) as whole:
        encrypted.hosts["n1"].check_output(f"head -c {1466 - 28} /dev/zero | socat -b 2000 -u - {to}")
    assert whole.lengths() == [1500]
    with encrypted.capture("n1", "ip") as parts:
        encrypted.hosts["n1"].check_output(f"head -c {1470 - 28} /dev/zero | socat -b 2000 -u - {to}")
    assert 1500 not in parts.lengths(ESP) and parts.count(FRAGMENTS) >= 2, parts.packets()


def test_without_charon_traffic_stops_and_nothing_leaks(encrypted: Machines) -> None:
    host = encrypted.hosts["n1"]
    before = counters(encrypted, "n1")
    with encrypted.capture("n1") as sent:
        host.check_output("systemctl stop strongswan")
        datagrams(encrypted)
        assert request(encrypted) == ""
        after = counters(encrypted, "n1")
        # Started as a reboot starts it: nobody loads anything.
        host.check_output("systemctl start strongswan")
        eventually(lambda: request(encrypted), SECRET)
    assert sent.packets(CLEAR) == []
    assert sent.payloads(SECRET.encode()) == 0
    assert after["leaving_in_clear"] >= before["leaving_in_clear"] + 5


def test_a_charon_that_was_killed_comes_back_without_a_hand(encrypted: Machines) -> None:
    host = encrypted.hosts["n1"]
    first = host.check_output("pidof charon-systemd")
    with encrypted.capture("n1") as sent:
        host.check_output("kill -KILL $(pidof charon-systemd)")
        eventually(lambda: host.run("pidof charon-systemd").stdout.strip() not in ("", first), True)
        # Before any packet asks for it.
        begun = {"baremetal-overlay-2 out", "baremetal-overlay-2 same"}
        eventually(lambda: begun <= set(associations.look(host).spis), True)
        eventually(lambda: request(encrypted), SECRET)
        datagrams(encrypted)
    assert sent.count(ESP) > 0
    assert sent.packets(CLEAR) == []
    # What the killed one left would take packets, to nowhere, once this one's ends.
    eventually(lambda: kernel_spis(host) ^ set().union(*associations.look(host).spis.values()), set())


def test_forged_clear_text_is_dropped_and_counted(encrypted: Machines, stranger: Any) -> None:
    before = counters(encrypted, "n2")["arrived_in_clear"]
    # As a member of the cluster, and as nobody.
    for source in (encrypted.addresses["n1"], stranger.address):
        forged = (
            "import socket, struct, sys\n"
            "src, dst = sys.argv[1:]\n"
            "udp = struct.pack('!HHHH', 40000, 4789, 16, 0) + b'forged!!'\n"
            "ip = struct.pack('!BBHHHBBH4s4s', 69, 0, 20 + len(udp), 1, 0, 64, 17, 0,"
            " socket.inet_aton(src), socket.inet_aton(dst))\n"
            "one = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)\n"
            "one.sendto(ip + udp, (dst, 0))\n"
        )
        assert stranger.run("python3", "-c", forged, source, encrypted.addresses["n2"]).returncode == 0
    eventually(lambda: counters(encrypted, "n2")["arrived_in_clear"] >= before + 2, True, 30)


def test_new_keys_of_the_data_under_traffic(encrypted: Machines) -> None:
    # A host that was started again asks for what it needs only.
    host = encrypted.hosts["n1"]
    before = associations.look(host)
    assert "baremetal-overlay-2 out" in before.spis
    with requests(encrypted):
        for child in modes(encrypted, "n1"):
            host.check_output(f"swanctl --rekey --child {child}")
        eventually(lambda: associations.renewed(before.spis, associations.look(host).spis), all_of(before.spis))
        host.check_output("swanctl --rekey --ike baremetal-overlay-2")
        eventually(
            lambda: associations.renewed(before.numbers, associations.look(host).numbers), all_of(before.numbers)
        )
        time.sleep(3)  # requests over the new ones


def all_of(names: Iterable[str]) -> dict[str, bool]:
    return dict.fromkeys(names, True)


def look_at_both(vm: Machines) -> dict[str, associations.Seen]:
    return {name: associations.look(vm.hosts[name]) for name in ("n1", "n2")}


def authenticated_anew(vm: Machines, before: dict[str, associations.Seen]) -> None:
    """Other associations with other keys of the data, and nothing left of the ones of before."""
    for name, now in look_at_both(vm).items():
        assert before[name].numbers and before[name].spis, name
        assert associations.renewed(before[name].numbers, now.numbers) == all_of(before[name].numbers), name
        assert associations.renewed(before[name].spis, now.spis) == all_of(before[name].spis), name


def key_names(vm: Machines, name: str) -> list[str]:
    shown = vm.hosts[name].check_output(
        "grep -o 'ike-baremetal-overlay-[^ ]*' /etc/swanctl/conf.d/baremetal-overlay.conf"
    )
    return sorted(shown.split())


def test_other_keys_of_all_pairs_under_traffic(encrypted: Machines) -> None:
    before = {name: key_names(encrypted, name) for name in ("n1", "n2")}
    for name, old in before.items():
        assert associations.keys(encrypted.hosts[name]) == old
    seen = look_at_both(encrypted)
    with requests(encrypted):
        on(encrypted, "ipsec_psk_epoch=2")
    authenticated_anew(encrypted, seen)
    for name, old in before.items():
        assert len(key_names(encrypted, name)) == 1
        assert key_names(encrypted, name) != old
        # charon itself has the new one, and no other.
        assert associations.keys(encrypted.hosts[name]) == key_names(encrypted, name)
    # One host alone would part it from the others.
    arguments = [f"ipsec_psk_master='{MASTER}'", "overlay_encryption=ipsec", "ipsec_psk_epoch=3"]
    given = [part for setting in arguments for part in ("-e", setting)]
    refused = encrypted.play("../tests/vm/ipsec", "--limit", "n1", *given)
    assert refused.rc != 0
    assert "n1: has other keys than ipsec_psk_master gives; all hosts change them together" in refused.text


CERTIFICATES = ("ipsec_authentication=certificates", "ipsec_ca_host=n1")


def test_certificates_and_their_renewal_under_traffic(encrypted: Machines) -> None:
    # One way to authenticate is not changed for the other while it is in force.
    play(encrypted, "overlay_encryption=none")
    with requests(encrypted):
        on(encrypted, *CERTIFICATES)
    before = {name: associations.own_certificate(encrypted.hosts[name]) for name in ("n1", "n2")}
    key = "/etc/swanctl/private/baremetal-overlay.pem"
    assert encrypted.hosts["n2"].check_output(f"stat -Lc %a {key}") == "400"
    assert not encrypted.hosts["n2"].file("/etc/baremetal-overlay/ipsec-ca").exists
    seen = look_at_both(encrypted)
    with requests(encrypted):
        on(encrypted, *CERTIFICATES, "ipsec_days=400", "ipsec_renew_days=390")
    authenticated_anew(encrypted, seen)
    for name, old in before.items():
        host = encrypted.hosts[name]
        assert associations.own_certificate(host) != old
        assert associations.own_certificate(host) in associations.certificates(host)
    assert set(on(encrypted, *CERTIFICATES).changed.values()) == {0}
    refused = encrypted.play(
        "../tests/vm/ipsec", "-e", f"ipsec_psk_master='{MASTER}'", "-e", "overlay_encryption=ipsec"
    )
    assert refused.rc != 0
    assert "n1 and n2: IPsec is in force for something else than this inventory says" in refused.text
    play(encrypted, "overlay_encryption=none")


def test_a_policy_that_cuts_the_controller_off_is_taken_back(encrypted: Machines) -> None:
    on(encrypted)
    host = encrypted.hosts["n1"]
    table = host.check_output(f"nft -s list table {TABLE}")
    # Another way in, so that the test can look whatever happens; the play takes the one that is cut.
    host.check_output("systemd-run --quiet --unit=sshd-2222 /usr/sbin/sshd -D -p 2222")
    try:
        listens(encrypted, "n1", 2222)
        done = encrypted.play(
            "../tests/vm/ipsec_cut", "-e", f"ipsec_psk_master='{MASTER}'", "-e", "ansible_port=2222",
            "-e", "ansible_ssh_extra_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'",
        )  # fmt: skip
        assert done.rc != 0
        assert "n1" in done.text and "put back what was there before" in done.text
        assert host.check_output(f"nft -s list table {TABLE}") == table
        # What was there before was not made a second time: a child has one SPI a direction.
        assert {len(spis) for spis in associations.look(host).spis.values()} == {2}
        assert request(encrypted) == SECRET
    finally:
        host.run("systemctl stop sshd-2222")
    assert set(on(encrypted).changed.values()) == {0}


# First the peer of the host that has just taken a change back.
@pytest.mark.parametrize("name", ["n2", "n1"])
def test_a_host_that_was_rebooted_encrypts_again_by_itself(encrypted: Machines, name: str) -> None:
    with encrypted.capture(name) as sent:
        # What arrives while nothing listens yet is not answered in clear text, either.
        with waves(encrypted) if name == "n2" else nullcontext():
            encrypted.reboot(name)
        if name == "n2":
            answers(encrypted)
        eventually(lambda: request(encrypted), SECRET)
        datagrams(encrypted)
    assert sent.packets(CLEAR) == []
    assert sent.count(ESP) > 0
    assert sent.payloads(SECRET.encode()) == 0


def test_switched_off_under_traffic_no_request_fails_and_the_wire_shows_it(encrypted: Machines) -> None:
    with requests(encrypted):
        play(encrypted, "overlay_encryption=none")
    with encrypted.capture("n1") as sent:
        datagrams(encrypted)
        assert request(encrypted) == SECRET
    # The same look that found nothing before finds it now.
    assert sent.payloads(SECRET.encode()) >= 6
    assert sent.packets(CLEAR) != [] and sent.count(ESP) == 0
    for name in ("n1", "n2"):
        assert encrypted.hosts[name].run(f"nft list table {TABLE}").rc != 0
        assert encrypted.hosts[name].check_output("ip xfrm policy | grep -c 'proto esp' || true") == "0"
