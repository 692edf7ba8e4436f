# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What guests resume from: disks and memory as they were after the first boot, with the keys that were made for it.

Cached by the hash of all that the guests' state depends on. The disks are never written again: a lab's own disks hold
what differs from them.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from ..hosts import keypair, write
from ..shell import LabError, wait_until
from . import clock, emulator, image, initramfs, qemu
from .settings import Guest, VmLab, machine_id

MEMORY = "memory"
DAY = 86400.0

NETWORK = """[Match]
Name={device}

[Link]
MTUBytes=1500

[Network]
{addresses}
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
"""


def guest_files(lab: VmLab, guest: Guest, ssh: Path) -> dict[str, tuple[int, bytes]]:
    """What makes a guest itself; the initramfs puts it into the root at the first boot."""
    management = f"Address={guest.management}/{lab.subnet.split('/')[1]}"
    data = f"Address={guest.data}/{lab.data_subnet.split('/')[1]}\nAddress={guest.data_ipv6}/64"
    texts = {
        "etc/hostname": (0o644, f"{guest.name}\n"),
        "etc/hosts": (0o644, f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 {guest.name}\n"),
        "etc/machine-id": (0o444, f"{machine_id(lab, guest)}\n"),
        "etc/systemd/network/10-management.network": (0o644, NETWORK.format(device="eth0", addresses=management)),
        "etc/systemd/network/20-data.network": (0o644, NETWORK.format(device="eth1", addresses=data)),
        "root/.ssh/authorized_keys": (0o600, (ssh / "id_ed25519.pub").read_text(encoding="utf-8")),
    }
    for name, mode in (("", 0o600), (".pub", 0o644)):
        key = ssh / f"host-{guest.name}"
        texts[f"etc/ssh/ssh_host_ed25519_key{name}"] = (
            mode,
            key.with_name(key.name + name).read_text(encoding="utf-8"),
        )
    return {f"guest/{name}": (mode, text.encode()) for name, (mode, text) in texts.items()}


def prefix(lab: VmLab) -> str:
    return f"{lab.subnet.split('/')[0]}-{lab.debian}-"


def folder(lab: VmLab, accel: str) -> Path:
    """Where this lab's snapshot lies, or will."""
    built = image.folder(lab.debian, lab.images)
    inputs: list[object] = [built.name, emulator.version(lab.base), qemu.host_of(accel), lab.drive_size, NETWORK]
    for guest in lab.guests:
        inputs += [qemu.arguments(lab, guest, accel, built), machine_id(lab, guest), guest.data_ipv6]
        inputs += [guest.management, guest.data, *lab.networks]
    return lab.snapshots / (prefix(lab) + hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12])


def prepare(lab: VmLab, built: Path, work: Path) -> None:
    """Keys, and each guest's disks and initramfs before the first boot."""
    ssh = work / "ssh"
    keypair(ssh / "id_ed25519")
    work.chmod(0o700)
    known = ""
    for guest in lab.guests:
        keypair(ssh / f"host-{guest.name}")
        key = (ssh / f"host-{guest.name}.pub").read_text(encoding="utf-8").split()
        known += f"{guest.management} {key[0]} {key[1]}\n"
        (work / guest.name).mkdir()
        own = initramfs.archive(guest_files(lab, guest, ssh))
        (work / guest.name / "initramfs").write_bytes((built / "initramfs").read_bytes() + own)
        emulator.create_disk(lab.base, work / guest.name / "root.qcow2", backing=(built / "root.ext4", "raw"))
        for drive in guest.drives:
            emulator.create_disk(lab.base, work / guest.name / f"{drive}.qcow2", size=lab.drive_size)
    write(ssh / "known_hosts", known)
    write(work / "image", f"{built.name}\n")


def settle(guest: Guest, ssh: Path) -> None:
    """Wait until the host has started all it starts; what is half-way would be half-way at every resumption."""
    script = "systemctl is-system-running --wait; systemctl --failed --plain --no-legend; sync"
    done = subprocess.run(
        ["ssh", *clock.options(ssh), f"root@{guest.management}", script], capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or done.stdout.splitlines()[:1] != ["running"]:
        raise LabError(f"host {guest.name} did not come up whole: {done.stdout.strip()} {done.stderr.strip()}")


def save(folder: Path) -> None:
    """Memory goes to a file and the disks stay as they are: what a migration to another machine would take along."""
    with qemu.monitor(folder) as monitor:
        monitor.call("stop")
        monitor.call("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        monitor.call("migrate", uri=f"exec:cat > {shlex.quote(str(folder / MEMORY))}")

        def missing() -> str:
            answer = monitor.call("query-migrate")
            status = str(answer.get("status"))
            if status in ("failed", "cancelled"):
                raise LabError(f"QEMU could not save the guest in {folder}: {answer.get('error-desc', status)}")
            return "" if status == "completed" else f"migration is {status}"

        wait_until(missing, f"memory of the guest in {folder}", 300, 0.1)
        monitor.call("quit")
    wait_until(lambda: "QEMU runs" if qemu.pid(folder) else "", f"end of the guest in {folder}", 30, 0.02)


def forget_older(lab: VmLab, kept: Path) -> None:
    """What this lab resumed from before, and images that nothing resumes from any more."""
    for old in lab.snapshots.glob(f"{prefix(lab)}*"):
        if old != kept:
            shutil.rmtree(old, ignore_errors=True)
    used = {path.read_text(encoding="utf-8").strip() for path in lab.snapshots.glob("*/image")}
    for old in lab.images.glob(f"{lab.debian}-*"):
        # A new one may be another lab's, which has not come as far as its snapshot.
        if old.name not in {*used, image.folder(lab.debian, lab.images).name} and _age(old) > DAY:
            shutil.rmtree(old, ignore_errors=True)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def note_use(lab: VmLab, wanted: Path) -> bool:
    """A lab that exists is kept, with what it was made from; a new one is made from what is wanted."""
    lab.state.mkdir(parents=True, exist_ok=True)
    lab.state.chmod(0o700)
    if any(lab.state.glob("*/up")):
        used = used_by(lab)
        if not used.name.startswith(prefix(lab)):
            raise LabError(f"the lab's hosts do not run Debian {lab.debian} ({used.name}): run make lab-down first")
        _refuse_growth(lab, used)
        return False
    return write(lab.state / "snapshot", f"{wanted.name}\n")


def _refuse_growth(lab: VmLab, used: Path) -> None:
    """A host or a drive that was not there at the first boot has nothing to resume from."""
    made = sorted(path.parent.name for path in used.glob("*/initramfs"))
    for guest in lab.guests:
        if made and guest.name not in made:
            raise LabError(
                f"host {guest.name} is not among those that this lab was made of ({', '.join(made)}): "
                "run make lab-down first"
            )
        for drive in guest.drives:
            if made and not (used / guest.name / f"{drive}.qcow2").exists():
                raise LabError(f"host {guest.name} was made without the drive {drive}: run make lab-down first")


def used_by(lab: VmLab) -> Path:
    return lab.snapshots / (lab.state / "snapshot").read_text(encoding="utf-8").strip()


def copy_access(lab: VmLab, saved: Path) -> bool:
    """What ssh needs lies with the lab."""
    changed = False
    (lab.state / "ssh").mkdir(exist_ok=True)
    for name, mode in (("id_ed25519", 0o600), ("id_ed25519.pub", 0o644), ("known_hosts", 0o644)):
        changed |= write(lab.state / "ssh" / name, (saved / "ssh" / name).read_text(encoding="utf-8"), mode)
    return changed
