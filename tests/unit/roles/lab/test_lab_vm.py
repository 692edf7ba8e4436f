# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import ipaddress
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from overlay_lab import __main__ as tool
from overlay_lab.shell import LabError
from overlay_lab.vm import emulator, guests, image, initramfs, network, qemu, settings, snapshot

TWO: dict[str, Any] = {
    "tier": "vm",
    "names": ["n1", "n2"],
    "numbers": [1, 2],
    "management": ["172.31.78.11", "172.31.78.12"],
    "addresses": ["172.31.79.11", "172.31.79.12"],
    "drives": [2, 0],
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> settings.VmLab:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return settings.read(TWO)


def test_names_follow_from_the_inventory(lab: settings.VmLab, tmp_path: Path) -> None:
    one, two = lab.guests
    assert one.drives == ("overlay-n1-drive1", "overlay-n1-drive2")
    assert two.drives == ()
    assert (one.taps, one.data_ipv6) == (("mgmt1", "data1"), "fd31:79::11")
    assert (one.mac(0), one.mac(1)) == ("52:54:ac:1f:4e:0b", "52:54:ac:1f:4f:0b")
    assert lab.namespace == "overlay-vm-ac1f4e00"
    assert lab.state == tmp_path / "baremetal.overlay" / "vm" / "172.31.78.0"
    assert all(len(leg) < 16 for leg in lab.legs)


@pytest.mark.parametrize("address", ["10.0.0.1", "172.31.79.11", "192.168.255.254"])
def test_beside_every_address_stands_one_of_ipv6(address: str) -> None:
    assert ipaddress.ip_address(settings.as_ipv6(address)) in ipaddress.ip_network("fd00::/8")


def test_another_pair_of_networks_is_another_lab(lab: settings.VmLab) -> None:
    other = settings.read(
        {
            **TWO,
            "subnet": "172.31.178.0/24",
            "data_subnet": "172.31.179.0/24",
            "management": ["172.31.178.11", "172.31.178.12"],
            "addresses": ["172.31.179.11", "172.31.179.12"],
        }
    )
    for name in ("namespace", "state", "legs"):
        assert getattr(lab, name) != getattr(other, name)
    assert snapshot.prefix(lab) != snapshot.prefix(other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"numbers": [1, 1]}, "number 1 is given to more than one host"),
        ({"management": ["172.31.78.11"] * 2}, "address 172.31.78.11 is given to more than one host"),
        ({"addresses": ["172.31.79.11", "10.0.0.1"]}, "host n2: address 10.0.0.1 is not in 172.31.79.0/24"),
        ({"management": ["172.31.78.11", "n2.example"]}, "host n2: address n2.example is not in 172.31.78.0/24"),
        ({"addresses": ["172.31.79.1", "172.31.79.2"]}, "address 172.31.79.1 is this machine's own in 172.31.79.0/24"),
        ({"names": ["a-long-name", "n2"]}, "overlay-a-long-name-drive1 is longer than 20"),
        ({"numbers": [0, 2]}, "number 0 is not from 1 to 999"),
        ({"data_subnet": "172.31.78.0/25"}, "the networks 172.31.78.0/24 and 172.31.78.0/25 overlap"),
    ],
)
def test_an_inventory_that_cannot_be_built_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError, match=said):
        settings.read({**TWO, **change})


def entries(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """What the kernel reads from an archive."""
    stream = io.BytesIO(data)
    while head := stream.read(110):
        assert head[:6] == b"070701"
        fields = [int(head[6 + 8 * k : 14 + 8 * k], 16) for k in range(13)]
        name = stream.read(fields[11])[:-1].decode()
        stream.seek(-stream.tell() % 4, os.SEEK_CUR)
        content = stream.read(fields[6])
        stream.seek(-stream.tell() % 4, os.SEEK_CUR)
        yield name, fields[1], content


def test_an_archive_is_one_that_the_kernel_reads() -> None:
    archive = initramfs.archive({"guest/etc/hostname": (0o644, b"n1\n"), "init": (0o755, b"#!/bin/sh\n")})
    assert list(entries(archive)) == [
        ("guest", 0o040755, b""),
        ("guest/etc", 0o040755, b""),
        ("guest/etc/hostname", 0o100644, b"n1\n"),
        ("init", 0o100755, b"#!/bin/sh\n"),
        ("TRAILER!!!", 0, b""),
    ]


def test_modules_come_after_what_they_need() -> None:
    dependencies = "a/virtio_blk.ko.xz: a/virtio.ko.xz a/ring.ko.xz\na/virtio.ko.xz: a/ring.ko.xz\na/ring.ko.xz:\n"
    assert initramfs.with_dependencies(["virtio_blk"], dependencies) == [
        "a/ring.ko.xz", "a/virtio.ko.xz", "a/virtio_blk.ko.xz",
    ]  # fmt: skip
    with pytest.raises(LabError, match="no module virtio_blk"):
        initramfs.with_dependencies(["virtio_blk"], "")


def test_a_guest_gets_its_own_files_and_no_other_guests(lab: settings.VmLab, tmp_path: Path) -> None:
    for name in ("id_ed25519.pub", "host-n1", "host-n1.pub"):
        (tmp_path / name).write_text(f"content of {name}\n", encoding="utf-8")
    files = snapshot.guest_files(lab, lab.guests[0], tmp_path)
    assert files["guest/etc/hostname"] == (0o644, b"n1\n")
    assert files["guest/etc/ssh/ssh_host_ed25519_key"] == (0o600, b"content of host-n1\n")
    data = files["guest/etc/systemd/network/20-data.network"][1].decode()
    assert "Name=eth1" in data and "MTUBytes=1500" in data
    assert "Address=172.31.79.11/24\nAddress=fd31:79::11/64" in data


def batch(lab: settings.VmLab, made: dict[str, str]) -> list[str]:
    """What the next run tells `ip`, where these links are there."""
    legs = set(lab.legs) & set(made)
    return [*network.additions(lab, set(made), legs, 42), *network.adjustments(lab)]


def carried_out(lines: list[str], made: dict[str, str]) -> dict[str, str]:
    """The links behind these lines, each with what it was set to."""
    made = dict(made)
    for line in lines:
        verb, name = line.split()[1:3]
        if verb == "add":
            assert name not in made
            made[name] = ""
            made.update({line.split()[7]: ""} if "veth" in line else {})
        else:
            assert name in made
            made[name] = line
    return made


def test_the_network_is_made_once(lab: settings.VmLab) -> None:
    lines = batch(lab, {"lo": ""})
    assert "tuntap add data2 mode tap" in lines
    assert "link set data2 mtu 9000 master data up" in lines
    assert f"link add leg0 type veth peer name {lab.legs[0]} netns 42" in lines
    made = carried_out(lines, {"lo": ""})
    assert network.additions(lab, set(made), set(lab.legs), 42) == []
    assert network.additions(lab, set(made) - {"data2"}, set(lab.legs), 42) == ["tuntap add data2 mode tap"]


def test_a_network_is_whole_wherever_an_earlier_run_was_interrupted(lab: settings.VmLab) -> None:
    lines = batch(lab, {"lo": ""})
    whole = carried_out(lines, {"lo": ""})
    for count in range(len(lines)):
        half = carried_out(lines[:count], {"lo": ""})
        assert carried_out(batch(lab, half), half) == whole


def test_a_snapshot_is_of_all_that_a_guest_is_made_from(lab: settings.VmLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "version", lambda _base: "QEMU 10")
    here = snapshot.folder(lab, "tcg")
    assert here == snapshot.folder(settings.read(TWO), "tcg")
    changes: list[dict[str, Any]] = [{"memory": 2048}, {"cpus": 2}, {"drive_size": "2G"}, {"drives": [2, 1]}]
    folders = {snapshot.folder(settings.read({**TWO, **change}), "tcg") for change in changes}
    assert len({here, *folders}) == len(changes) + 1
    monkeypatch.setattr(emulator, "version", lambda _base: "QEMU 11")
    assert snapshot.folder(lab, "tcg") != here


def test_a_lab_of_another_release_is_not_taken_for_this_one(lab: settings.VmLab) -> None:
    assert snapshot.note_use(lab, lab.snapshots / f"{snapshot.prefix(lab)}0123")
    assert not snapshot.note_use(lab, lab.snapshots / f"{snapshot.prefix(lab)}0123")
    (lab.state / "n1").mkdir()
    (lab.state / "n1" / "up").touch()
    # The same release, made by another version of the lab: kept, with what it was made from.
    assert not snapshot.note_use(lab, lab.snapshots / f"{snapshot.prefix(lab)}4567")
    assert snapshot.used_by(lab).name.endswith("0123")
    older = settings.read({**TWO, "debian": "bookworm"})
    with pytest.raises(LabError, match=r"do not run Debian bookworm .* run make lab-down first"):
        snapshot.note_use(older, older.snapshots / f"{snapshot.prefix(older)}0123")


@pytest.fixture
def running(lab: settings.VmLab) -> settings.VmLab:
    """A lab that runs, with what it was made from."""
    made = lab.snapshots / f"{snapshot.prefix(lab)}0123"
    for guest in lab.guests:
        (made / guest.name).mkdir(parents=True)
        for name in ("initramfs", "root.qcow2", *(f"{drive}.qcow2" for drive in guest.drives)):
            (made / guest.name / name).touch()
    snapshot.note_use(lab, made)
    (lab.state / "n1").mkdir()
    (lab.state / "n1" / "up").touch()
    return lab


THIRD = {"names": "n3", "numbers": 3, "management": "172.31.78.13", "addresses": "172.31.79.13", "drives": 0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {key: [*TWO[key], value] for key, value in THIRD.items()},
            r"host n3 is not among those that this lab was made of \(n1, n2\): run make lab-down first",
        ),
        ({"drives": [2, 1]}, "host n2 was made without the drive overlay-n2-drive1: run make lab-down first"),
    ],
)
@pytest.mark.usefixtures("running")
def test_a_lab_that_runs_does_not_grow(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str) -> None:
    monkeypatch.setattr(emulator, "version", lambda _base: "QEMU 10")
    monkeypatch.setattr(qemu, "accelerator", lambda *_any: "tcg")
    touched: list[Any] = []
    monkeypatch.setattr(network, "ensure", lambda lab: bool(touched.append(lab)))
    with pytest.raises(LabError, match=said):
        guests.ensure(settings.read({**TWO, **change}))
    assert touched == []


def test_a_lab_that_runs_may_lose_hosts_and_drives(running: settings.VmLab) -> None:
    less = settings.read({**{key: value[:1] for key, value in TWO.items() if key != "tier"}, "drives": [1]})
    assert not snapshot.note_use(less, running.snapshots / f"{snapshot.prefix(less)}4567")


def test_a_pid_that_is_another_process_by_now_is_not_ended(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
    assert qemu.pid(tmp_path) == 0
    assert qemu.kill(tmp_path) is False
    with subprocess.Popen(["sleep", "60", "--", "-pidfile"], stdin=subprocess.DEVNULL) as other:
        (tmp_path / "pid").write_text(f"{other.pid}\n", encoding="utf-8")
        assert qemu.kill(tmp_path) is False
        other.kill()


def test_a_guest_is_found_by_its_pid_file_and_ended(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo started; read -r _line", "qemu", "-pidfile", str(tmp_path / "pid")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"started\n"
        (tmp_path / "pid").write_text(f"{process.pid}\n", encoding="utf-8")
        assert qemu.pid(tmp_path) == process.pid
        threading.Thread(target=process.wait).start()
        assert qemu.kill(tmp_path) is True
        assert process.wait() == -9


def answering(path: Path, answers: list[dict[str, Any]]) -> threading.Thread:
    """A QEMU that gives these answers, in this order."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _peer = server.accept()
        with server, connection, connection.makefile("rw", encoding="utf-8") as lines:
            lines.write(json.dumps({"QMP": {}}) + "\n")
            lines.flush()
            for answer in [{"return": {}}, *answers]:
                if not lines.readline():
                    return
                lines.write(json.dumps({"event": "RESUME"}) + "\n" + json.dumps(answer) + "\n")
                lines.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_answers_are_told_from_events(tmp_path: Path) -> None:
    thread = answering(tmp_path / "qmp.sock", [{"return": {"status": "paused"}}, {"error": {"desc": "no such thing"}}])
    with qemu.monitor(tmp_path) as monitor:
        assert monitor.call("query-status") == {"status": "paused"}
        with pytest.raises(LabError, match="QEMU refuses eject: no such thing"):
            monitor.call("eject")
    thread.join()


def test_a_guest_that_does_not_answer_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=f"the guest in {tmp_path} does not answer"), qemu.monitor(tmp_path):
        pass


def test_an_accelerator_is_tried_once(lab: settings.VmLab, monkeypatch: pytest.MonkeyPatch) -> None:
    trials: list[Path] = []
    monkeypatch.setattr(emulator, "version", lambda _base: "QEMU 10")
    monkeypatch.setattr(qemu, "kvm_works", lambda _base, tried: bool(trials.append(tried)))
    lab.base.mkdir(parents=True)
    assert [qemu.accelerator(lab, lab.images) for _time in range(2)] == ["tcg", "tcg"]
    assert len(trials) == 1
    monkeypatch.setattr(emulator, "version", lambda _base: "QEMU 11")
    monkeypatch.setattr(qemu, "kvm_works", lambda *_any: True)
    assert qemu.accelerator(lab, lab.images) == "kvm"
    assert qemu.accelerator(settings.read({**TWO, "accelerator": "tcg"}), lab.images) == "tcg"


def test_an_image_is_of_all_that_goes_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    here = image.fingerprint("trixie")
    assert here != image.fingerprint("bookworm")
    assert "docker-cli" in image.packages("trixie") and "docker-cli" not in image.packages("bookworm")
    monkeypatch.setattr(initramfs, "INIT", "another")
    assert image.fingerprint("trixie") != here
    with pytest.raises(LabError, match="lab_debian: 'sid' is not known; allowed: trixie, bookworm"):
        image.packages("sid")


def test_steps_are_those_of_the_tier(lab: settings.VmLab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setitem(tool.GUESTS, "remove", lambda found: bool(asked.append(found)))
    assert tool.act("remove", TWO) is False
    assert asked == [lab]
    assert tool.act("drives", TWO) is False


def test_what_an_interrupted_run_left_is_found(lab: settings.VmLab) -> None:
    left = [lab.state / "n9", lab.snapshots / f"{snapshot.prefix(lab)}0123.new" / "n1"]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "pid").write_text("1\n", encoding="utf-8")
    assert sorted(guests.folders(lab)) == sorted(left)
