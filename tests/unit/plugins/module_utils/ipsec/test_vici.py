# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vici: packets as charon sends them, and a session with a server that says what it is told to."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import vici
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec.vici import ViciError

FIXTURES = Path(__file__).parents[3] / "fixtures" / "ipsec"
MESSAGE = {
    "name": "one",
    "empty": "",
    "list": ["a", "b"],
    "none": [],
    "section": {"inner": {"deep": "x"}, "after": "y"},
    "ü": "ß",
}


def test_a_message_comes_back_as_it_went():
    assert vici.decode(vici.encode(MESSAGE)) == MESSAGE


@pytest.mark.parametrize(
    ("message", "data"),
    [
        ({"key": "value"}, b"\x03\x03key\x00\x05value"),
        ({"list": ["i"]}, b"\x04\x04list\x05\x00\x01i\x06"),
        ({"s": {"k": "v"}}, b"\x01\x01s\x03\x01k\x00\x01v\x02"),
        ({"raw": bytes([0, 255])}, b"\x03\x03raw\x00\x02\x00\xff"),
        ({"number": 7}, b"\x03\x06number\x00\x017"),
    ],
)
def test_elements_are_written_as_the_protocol_says(message, data):
    assert vici.encode(message) == data


@pytest.mark.parametrize("release", ["5.9.8", "6.0.1"])
def test_what_charon_says_of_a_connection(release):
    data = bytes.fromhex((FIXTURES / f"list-conn-{release}.hex").read_text(encoding="utf-8"))
    name_length = data[0]
    assert data[1 : 1 + name_length] == b"list-conn"
    shown = vici.decode(data[1 + name_length :])["baremetal-overlay-2"]
    assert shown["local_addrs"] == ["172.31.201.1"]
    assert shown["local-1"]["id"] == "host1.baremetal-overlay"
    assert {child: one["mode"] for child, one in shown["children"].items()} == {
        "out": "TRANSPORT",
        "in": "TRANSPORT",
        "same": "TRANSPORT",
    }
    # Names of protocols where the host has them.
    assert shown["children"]["same"]["local-ts"] == ["dynamic[17/7946]" if release == "5.9.8" else "dynamic[udp/7946]"]
    assert vici.decode(vici.encode(shown)) == shown


@pytest.mark.parametrize("cut", range(1, len(vici.encode(MESSAGE))))
def test_an_answer_that_ends_early_is_an_error_or_a_whole_shorter_one(cut):
    data = vici.encode(MESSAGE)[:cut]
    try:
        found = vici.decode(data)
    except ViciError as error:
        assert str(error).startswith("charon: ")
    else:
        assert vici.encode(found) == data


@pytest.mark.parametrize(("data", "words"), [(b"\x09\x01x", "element 9"), (b"\x05\x00\x01x", "outside of a list")])
def test_what_is_no_message_is_refused(data, words):
    with pytest.raises(ViciError, match=words):
        vici.decode(data)


@pytest.mark.parametrize(("message", "words"), [({"x" * 256: "v"}, "256 bytes"), ({"k": "v" * 65536}, "65536 bytes")])
def test_what_no_packet_can_carry_is_refused(message, words):
    with pytest.raises(ViciError, match=words):
        vici.encode(message)


def packet(kind, data=b""):
    body = bytes([kind]) + data
    return struct.pack("!I", len(body)) + body


def event(name, message):
    return packet(vici.EVENT, bytes([len(name)]) + name.encode() + vici.encode(message))


@pytest.fixture
def server(tmp_path):
    """Answers each packet with what is next in the script; None hangs up."""
    path = str(tmp_path / "vici")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(1)
    script, received, threads = [], [], []

    def read(connection, length):
        data = b""
        while len(data) < length:
            part = connection.recv(length - len(data))
            if not part:
                return b""
            data += part
        return data

    def serve():
        connection, _address = listening.accept()
        with connection:
            for answer in script:
                head = read(connection, 4)
                if not head:
                    return
                received.append(read(connection, struct.unpack("!I", head)[0]))
                if answer is None:
                    return
                # In two pieces, as a socket may bring it.
                connection.sendall(answer[:3])
                connection.sendall(answer[3:])

    def start(*answers):
        script.extend(answers)
        threads.append(threading.Thread(target=serve))
        threads[0].start()
        return vici.Session(path, timeout=5), received

    yield start
    for thread in threads:
        thread.join(5)
    listening.close()


def test_a_command_and_its_answer(server):
    session, received = server(packet(vici.RESPONSE, vici.encode({"keys": ["a"]})))
    with session:
        assert session.ask("get-shared", {"x": "y"}) == {"keys": ["a"]}
    assert received == [b"\x00\x0aget-shared" + vici.encode({"x": "y"})]


def test_events_come_before_the_answer(server):
    events = event("list-sa", {"one": {}}) + event("list-sa", {"two": {}}) + packet(vici.RESPONSE)
    session, received = server(packet(vici.CONFIRM), events, packet(vici.CONFIRM))
    with session:
        assert list(session.stream("list-sas", "list-sa")) == [{"one": {}}, {"two": {}}]
    assert [one[0] for one in received] == [vici.REGISTER, vici.REQUEST, vici.UNREGISTER]


def test_what_charon_refuses_is_said_without_the_message(server):
    session, _received = server(packet(vici.RESPONSE, vici.encode({"success": "no", "errmsg": "no such thing"})))
    with session, pytest.raises(ViciError, match=r"refused load-shared: no such thing") as caught:
        session.do("load-shared", {"data": "topsecret"})
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (packet(vici.UNKNOWN), "does not know the command"),
        (packet(vici.CONFIRM), "packet of kind 5"),
        (None, "hung up"),
    ],
)
def test_what_is_no_answer_is_an_error(server, answer, words):
    session, _received = server(answer)
    with session, pytest.raises(ViciError, match=words):
        session.ask("version")


def test_nobody_there(tmp_path):
    with pytest.raises(ViciError, match=r"nobody answers at .*No such file"):
        vici.Session(str(tmp_path / "none"))
