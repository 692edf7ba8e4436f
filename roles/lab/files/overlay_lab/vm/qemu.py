# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU: which accelerator works here, how a guest is started, and talking to it (QMP)."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..shell import LabError, die_with_parent, process_of, say, wait_until
from . import emulator, initramfs
from .settings import Guest, VmLab

# How long KVM may take until the kernel says its first word; where it works that is half a second.
TRIAL = 8.0
FILE = "file.driver=file,file.filename"
KERNEL = "console=ttyS0 rw net.ifnames=0 mitigations=off audit=0 quiet loglevel=4 panic=-1"


def processor(accelerator: str) -> list[str]:
    """The arguments for the machine and what computes in it."""
    machine = ["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,hpet=off"]
    if accelerator == "kvm":
        return [*machine, "-accel", "kvm", "-cpu", "host"]
    # Five levels of page tables cost an emulated processor one more look at each miss.
    return [*machine, "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,-la57"]


def kvm_works(base: Path, image: Path) -> bool:
    """Whether a kernel gets as far as its initramfs with KVM: that its device is there does not say so."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    console = base / "kvm-trial.log"
    console.unlink(missing_ok=True)
    boot = ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initramfs"), "-append", KERNEL]
    with subprocess.Popen(
        [*emulator.system(base), *processor("kvm"), "-m", "256", *boot, "-serial", f"file:{console}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=die_with_parent,
    ) as trial:  # fmt: skip
        assert trial.stderr is not None
        os.set_blocking(trial.stderr.fileno(), False)
        deadline, said = time.monotonic() + TRIAL, b""
        works = False
        while not works and trial.poll() is None and time.monotonic() < deadline and b"KVM" not in said:
            works = console.exists() and initramfs.MARKER.encode() in console.read_bytes()
            said += trial.stderr.read() or b""
            time.sleep(0.05)
        trial.kill()
    console.unlink(missing_ok=True)
    return works


def accelerator(lab: VmLab, image: Path) -> str:
    """KVM where it works, TCG otherwise; found out once for each kernel of this machine and each QEMU."""
    if lab.accelerator in ("kvm", "tcg"):
        return lab.accelerator
    here = f"{host_of('kvm')} {emulator.version(lab.base)}"
    note = lab.base / "accelerator.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if known.get("here") != here:
        known = {"here": here, "accelerator": "kvm" if kvm_works(lab.base, image) else "tcg"}
        note.write_text(json.dumps(known), encoding="utf-8")
    if known["accelerator"] == "tcg":
        say("KVM does not work on this machine: the guests' processors are emulated, which is about ten times slower")
    return str(known["accelerator"])


def host_of(accel: str) -> str:
    """What of this machine a guest's saved state depends on: everything with KVM, nothing when it is emulated."""
    if accel != "kvm":
        return accel
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return f"{platform.release()} {found[1] if found else ''}"


def arguments(lab: VmLab, guest: Guest, accel: str, image: Path) -> list[str]:
    """A guest's command line, for a start in the folder where its own files are."""
    found = ["-name", f"overlay-vm-{guest.name},process=overlay-vm-{guest.name}", *processor(accel)]
    found += ["-m", str(lab.memory), "-smp", str(lab.cpus), "-rtc", "base=utc,clock=host"]
    found += ["-kernel", str(image / "vmlinuz"), "-initrd", "initramfs", "-append", KERNEL]
    found += ["-device", "virtio-rng-pci"]
    for name in ("root", *guest.drives):
        # Not -drive: QEMU 7.2 then fails to let go of the disk, and with that to save the guest.
        found += ["-blockdev", f"node-name={name},driver=qcow2,discard=unmap,cache.no-flush=on,{FILE}={name}.qcow2"]
        found += ["-device", f"virtio-blk-pci,drive={name},serial={name}"]
    for k, tap in enumerate(guest.taps):
        found += ["-netdev", f"tap,id=net{k},ifname={tap},script=no,downscript=no"]
        more = ",host_mtu=9000" if k else ""
        found += ["-device", f"virtio-net-pci,netdev=net{k},mac={guest.mac(k)},romfile={more}"]
    found += ["-serial", "file:console.log", "-qmp", "unix:qmp.sock,server=on,wait=off"]
    return found


def start(lab: VmLab, folder: Path, command: list[str], *more: str) -> None:
    """In the lab's namespace, with its folder as the current one; it lives on when we end."""
    for stale in ("qmp.sock", "pid", "console.log"):
        (folder / stale).unlink(missing_ok=True)
    log, inside = folder / "qemu.log", ["ip", "netns", "exec", lab.namespace, *emulator.system(lab.base)]
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [*inside, *command, "-pidfile", str(folder / "pid"), "-daemonize", *more],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, start_new_session=True,
        )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"QEMU in {folder} ended with {done.returncode}: {log.read_text(encoding='utf-8').strip()}")


def pid(folder: Path) -> int:
    """The QEMU that runs in this folder, or 0."""
    return process_of(folder / "pid", str(folder / "pid"))


def kill(folder: Path) -> bool:
    number = pid(folder)
    if not number:
        return False
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: f"process {number} runs" if pid(folder) else "", f"end of the guest in {folder}", 30, 0.02)
    return True


@contextmanager
def monitor(folder: Path) -> Iterator[Monitor]:
    """A connection to a guest's QEMU."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(120)
            # The path of a socket may have no more than 108 characters, and a cache may lie deeper.
            connection.connect(f"/proc/self/fd/{descriptor}/qmp.sock")
            yield Monitor(connection)
    except OSError as error:
        raise LabError(f"the guest in {folder} does not answer: {error}") from None
    finally:
        os.close(descriptor)


class Monitor:
    """QMP: one line of JSON for a command, one for its answer, and events between them."""

    def __init__(self, connection: socket.socket) -> None:
        self._lines = connection.makefile("rw", encoding="utf-8")
        self._lines.readline()
        self.call("qmp_capabilities")

    def call(self, command: str, **options: Any) -> Any:
        self._lines.write(json.dumps({"execute": command, "arguments": options}) + "\n")
        self._lines.flush()
        while True:
            line = self._lines.readline()
            if not line:
                raise LabError(f"QEMU ended at {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
