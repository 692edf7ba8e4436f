# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes: packets as bytes, and real sockets on the loopback."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.checks import (
    dns,
    icmp,
    netns,
    responder,
    store,
    tcp,
    udp,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.client import S3Error
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.kept import keep_user, read_user
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.sigv4 import Credentials
from ansible_collections.baremetal.overlay.plugins.modules import probe

COOKIE = udp.cookie("0123456789abcd")


def ip(payload, source="192.0.2.9"):
    """An IP packet as a raw socket gives it."""
    return b"\x45" + bytes(11) + socket.inet_aton(source) + bytes(4) + payload


def datagram(data, port=7946):
    return struct.pack("!HHHH", 40000, port, 8 + len(data), 0) + data


def test_the_cookie_is_no_vxlan_header():
    assert len(COOKIE) == 8
    assert not COOKIE[0] & 0x08


def test_a_question_is_answered_from_the_port_that_was_asked():
    data = responder.answer(datagram(COOKIE + b"?" + b"\x00\x07"), COOKIE, [7946, 4789])
    assert struct.unpack_from("!HH", data) == (7946, 40000)
    assert data[8:] == COOKIE + b"=" + b"\x00\x07"


def test_a_question_may_ask_for_its_answer_aside():
    packet = datagram(COOKIE + b"&" + b"\x00\x07", 4789)
    assert responder.answer(packet, COOKIE, [7946, 4789]) is None
    assert responder.reply(packet, COOKIE, [7946, 4789], responder.ASKS_ASIDE) == COOKIE + b"=" + b"\x00\x07"
    assert responder.reply(packet, COOKIE, [7946], responder.ASKS_ASIDE) is None
    asks = datagram(COOKIE + b"?" + b"\x00\x07")
    assert responder.reply(asks, COOKIE, [7946], responder.ASKS_ASIDE) is None


@pytest.mark.parametrize(
    "packet", [datagram(b"x" * 11), datagram(COOKIE + b"?\x00\x07", 53), datagram(COOKIE + b"=\x00\x07")]
)
def test_nothing_else_is_answered(packet):
    assert responder.answer(packet, COOKIE, [7946, 4789]) is None


@pytest.mark.parametrize(("address", "before"), [("192.0.2.1", ip(b"")), ("fd31:79::11", b"")])
def test_what_a_raw_socket_gives_begins_with_udp(address, before):
    """That of IPv4 has the IP header in front."""
    question = datagram(COOKIE + b"?\x00\x07")
    assert responder.datagram(before + question, responder.family(address)) == question


def test_the_kernel_lets_through_what_has_the_cookie():
    """A socket of IPv6 looks at datagrams from the UDP header on, a raw one as well as any."""
    code = ctypes.create_string_buffer(responder.instructions(COOKIE, socket.AF_INET6))
    program = responder.Program(len(code) // 8, ctypes.addressof(code))
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as heard,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as said,
    ):
        heard.setsockopt(socket.SOL_SOCKET, responder.SO_ATTACH_FILTER, bytes(program))
        heard.bind(("::1", 0))
        heard.settimeout(2)
        for data in (b"p" * 11, COOKIE[:4] + b"q" * 7, b"short", COOKIE + b"?\x00\x07"):
            said.sendto(data, heard.getsockname())
        assert heard.recv(64) == COOKIE + b"?\x00\x07"


def test_a_farewell_says_who_and_how_many():
    assert responder.farewell(datagram(COOKIE + b"!" + struct.pack("!H", 4) + b"n1"), COOKIE) == (b"n1", 4)
    assert responder.farewell(datagram(COOKIE + b"?\x00\x07"), COOKIE) is None


def test_an_echo_has_the_size_of_its_ip_packet_and_a_good_checksum():
    data = icmp.packet(7, 3, 1500)
    assert len(data) + 20 == 1500
    assert icmp.checksum(data) == 0


def test_an_echo_of_ipv6_has_the_size_of_its_ip_packet_too():
    """The kernel makes its sum."""
    data = icmp.packet(7, 3, 1500, 6)
    assert len(data) + 40 == 1500
    assert struct.unpack_from("!BBHHH", data) == (128, 0, 0, 7, 3)
    reply = struct.pack("!BBHHH", 129, 0, 0, 7, 3)
    assert icmp.read_reply(reply, 7, 6) == (3, 48)
    assert [icmp.read_reply(other, 7, 6) for other in (data[:8], reply[:7], b"")] == [None] * 3
    assert icmp.read_reply(reply, 8, 6) is None


def test_only_replies_of_our_own_count():
    reply = ip(struct.pack("!BBHHH", 0, 0, 0, 7, 3))
    assert icmp.read_reply(reply, 7) == (3, 28)
    assert icmp.read_reply(reply, 8) is None
    assert icmp.read_reply(ip(struct.pack("!BBHHH", 8, 0, 0, 7, 3)), 7) is None
    assert icmp.read_reply(b"", 7) is None


@pytest.mark.parametrize("largest", [84, 576, 1399, 1400, 1472, 8971])
def test_the_largest_packet_is_found_to_the_byte(monkeypatch, largest):
    def exchange(echoes, _timeout):
        for echo in echoes:
            echo.milliseconds = 0.1 if echo.size <= largest else None

    monkeypatch.setattr(icmp, "exchange", exchange)
    found = icmp.probe({"n2": ("192.0.2.2", 9000), "n3": ("fd31:79::13", 9000)}, 1.0)
    assert [(one["ok"], one["size"]) for one in found.values()] == [(True, largest)] * 2


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_is_found_with_its_interface(address):
    mtu = netns.interface(address)
    assert mtu["interface"] == "lo" and mtu["mtu"] > 1500
    assert netns.interface("192.0.2.77") == netns.interface("2001:db8::77") == {}


def test_tcp_tells_an_open_port_from_a_closed_one():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = tcp.probe({"open": server.getsockname(), "closed": closed.getsockname()}, 2.0)
    assert found["open"]["ok"]
    assert not found["closed"]["ok"]
    assert "nothing listens there" in found["closed"]["error"]


@pytest.mark.parametrize(("version", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_udp_believes_only_its_own_cookie(version, address):
    with (
        socket.socket(version, socket.SOCK_DGRAM) as good,
        socket.socket(version, socket.SOCK_DGRAM) as bad,
    ):
        for sock in (good, bad):
            sock.bind((address, 0))

        def serve():
            for sock, own in ((bad, b"p" * 8), (good, COOKIE)):
                data, whom = sock.recvfrom(2048)
                sock.sendto(own + b"=" + data[9:], whom)

        threading.Thread(target=serve, daemon=True).start()
        targets = {"good": good.getsockname()[:2], "bad": bad.getsockname()[:2]}
        found = udp.probe(targets, "0123456789abcd", 0.4)
    assert (found["good"]["ok"], found["bad"]["ok"]) == (True, False)
    assert "no answer" in found["bad"]["error"]


def reply(number, *addresses, code=0):
    """A DNS answer as Docker's server gives it, with a compressed name."""
    head = struct.pack("!HHHHHH", number, 0x8180 | code, 1, len(addresses), 0, 0)
    question = b"\x06minio1\x00" + struct.pack("!HH", 1, 1)
    records = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 600, 4) + socket.inet_aton(one) for one in addresses]
    return head + question + b"".join(records)


def test_dns_answers_are_read():
    assert dns.read_answer(reply(5, "10.77.0.3", "10.77.0.2")) == (5, ["10.77.0.2", "10.77.0.3"], "")
    assert dns.read_answer(reply(5, code=3)) == (5, [], "no such name")
    assert dns.query(1, "minio1")[12:] == b"\x06minio1\x00\x00\x01\x00\x01"


def test_dns_asks_all_names_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve():
            for address in ("10.77.0.1", "10.77.0.2"):
                data, whom = server.recvfrom(2048)
                server.sendto(reply(int.from_bytes(data[:2], "big"), address), whom)

        threading.Thread(target=serve, daemon=True).start()
        found = dns.probe({"a": "minio1", "b": "minio2"}, 2.0, server.getsockname())
    assert [found[key]["addresses"] for key in ("a", "b")] == [["10.77.0.1"], ["10.77.0.2"]]


def test_the_user_may_do_what_the_checks_do_in_their_buckets_and_nothing_else():
    buckets, objects, drives = store.policy()["Statement"]
    assert buckets["Resource"] == ["arn:aws:s3:::overlay-check-*"]
    assert objects["Resource"] == ["arn:aws:s3:::overlay-check-*/*"]
    assert sorted(objects["Action"]) == ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    assert not [action for one in (buckets, objects) for action in one["Action"] if "*" in action]
    # Of MinIO's administration a look at the drives, which changes nothing.
    assert drives == {"Effect": "Allow", "Action": ["admin:StorageInfo"]}


def test_the_user_is_kept_for_root_only_and_while_it_lasts(tmp_path):
    path, user, policy = tmp_path / "run" / "user.json", Credentials("temporary", "secret-key", "token"), store.policy()
    assert read_user(policy, path) is None
    keep_user(user, 86400, policy, path)
    assert read_user(policy, path) == user
    assert (path.stat().st_mode & 0o777, [file.name for file in path.parent.iterdir()]) == (0o600, ["user.json"])
    # One that an earlier release made may do something else.
    assert read_user({**policy, "Statement": []}, path) is None
    keep_user(user, 1800, policy, path)
    assert read_user(policy, path) is None
    path.write_text("{}")
    assert read_user(policy, path) is None


HERE, THERE = "http://127.0.0.1:9000", "http://192.0.2.9:9000"
TEMPORARY = Credentials("temporary", "secret-key", "token")


def asked(monkeypatch, endpoints, silent=(), validate_certs=True):
    """Who was asked for the user, for how long, and whether it is kept."""
    said, kept = [], []

    class Server:
        def __init__(self, endpoint):
            self.endpoint = endpoint

        def assume(self, _policy, seconds):
            said.append((self.endpoint, seconds))
            if self.endpoint in silent:
                raise S3Error(self.endpoint, "POST /", 0, "", "timed out")
            return TEMPORARY

    monkeypatch.setattr(store.Settings, "client", lambda _self, endpoint, _user: Server(endpoint))
    monkeypatch.setattr(store, "read_user", lambda _policy: None)
    monkeypatch.setattr(store, "keep_user", lambda _user, seconds, _policy: kept.append(seconds))
    user, _error = store.scoped_user(store.Settings(endpoints, "b", validate_certs=validate_certs), TEMPORARY)
    assert user == TEMPORARY
    return said, kept


def test_a_days_user_comes_from_this_hosts_own_server_or_over_tls(monkeypatch):
    secure = "https://192.0.2.9:9000"
    assert asked(monkeypatch, [THERE, HERE]) == ([(HERE, 86400)], [86400])
    assert asked(monkeypatch, [secure]) == ([(secure, 86400)], [86400])


def test_in_clear_text_it_is_a_user_of_minutes_that_is_not_kept(monkeypatch):
    assert asked(monkeypatch, [THERE]) == ([(THERE, 900)], [])
    assert asked(monkeypatch, [THERE, HERE], {HERE}) == ([(HERE, 86400), (THERE, 900)], [])
    unverified = "https://192.0.2.9:9000"
    assert asked(monkeypatch, [unverified], validate_certs=False) == ([(unverified, 900)], [])


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("192.0.2.9", False), ("s3.example.org", False), ("", False)],
)
def test_an_address_of_this_host_is_known_without_a_name_server(address, here):
    assert store.is_here(address) == here


class Storage:
    """One endpoint's answer about the drives."""

    def __init__(self, answer):
        self.answer = answer

    def storage_info(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Disks": self.answer}


def stored(monkeypatch, *answers):
    names = [f"http://192.0.2.{number}:9000" for number in range(1, len(answers) + 1)]
    clients = dict(zip(names, map(Storage, answers)))
    monkeypatch.setattr(store.Settings, "client", lambda _self, endpoint, _user: clients[endpoint])
    return store.storage(store.Settings(names, "bucket"), Credentials("user", "password"))


DRIVE = {"endpoint": "http://minio1:9000/drives/drive1", "state": "ok", "totalspace": 9, "usedspace": 4, "model": "x"}
GONE = S3Error("http://192.0.2.1:9000", "GET /minio/admin/v3/storageinfo", 0, "", "timed out")


def test_of_several_answers_the_one_that_reaches_most_drives_counts(monkeypatch):
    away = {**DRIVE, "state": "offline"}
    found = stored(monkeypatch, GONE, [DRIVE, away], [DRIVE, DRIVE])
    assert (found["error"], [disk["state"] for disk in found["disks"]]) == ("", ["ok", "ok"])
    assert found["disks"][0]["healed"] == {}
    assert (found["disks"][0]["pool_index"], found["disks"][0]["healing"], "model" in found["disks"][0]) == (
        0,
        None,
        False,
    )


def test_how_far_a_drive_is_healed_is_told(monkeypatch):
    healing = {**DRIVE, "healing": True, "heal_info": {"bytes_done": 5, "objects_total_size": 10, "id": "x"}}
    (found,) = stored(monkeypatch, [healing])["disks"]
    assert found["healed"] == {"objects_healed": 0, "items_healed": 0, "bytes_done": 5, "objects_total_size": 10}


def test_no_answer_about_the_drives_says_why(monkeypatch):
    assert stored(monkeypatch, GONE) == {"error": str(GONE), "disks": []}
    assert stored(monkeypatch)["error"] == "there is no endpoint"


def test_a_host_that_offers_tells_no_url_and_one_that_signs_tells_nothing_else(monkeypatch):
    user = Credentials("temporary", "secret-key", "token")
    monkeypatch.setattr(store, "scoped_user", lambda _settings, _root: (user, ""))
    monkeypatch.setattr(store, "make", lambda _client, _bucket: None)
    settings = store.Settings(["http://192.0.2.1:9000"], "overlay-check-1")
    assert store.offer(settings, user) == {"error": ""}
    (offered,) = store.sign(settings, user, ["https://s3.example.org"])["offers"]
    assert all("X-Amz-Signature=" in offered[name] for name in ("put", "get", "neighbour"))


def test_whoever_gets_a_signed_url_shows_it_to_none():
    options = probe.ARGUMENTS["store"]["options"]["offers"]["options"]
    assert {name for name, option in options.items() if option.get("no_log")} == {"put", "get", "neighbour"}
