# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests' image: Debian's kernel, a root with all that the roles would install, and the initramfs they share.

Cached by the hash of all that goes into it. It is made under a temporary name and renamed when whole, so an interrupted
build is never mistaken for an image.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Optional

from .. import image as containers
from .. import mirror
from ..shell import LabError, run, say, watch
from . import initramfs

# The kernel, and what the roles install: packages that are there already, because installing them in an emulated
# machine takes minutes. That roles do install them is what the container tier shows.
PACKAGES = [
    *containers.BASE,
    "busybox-static", "charon-systemd", "conntrack", "ethtool", "iperf3", "libstrongswan-extra-plugins",
    "libstrongswan-standard-plugins", "linux-image-cloud-amd64", "python3-pyroute2", "socat", "strongswan-swanctl",
]  # fmt: skip
# Work in the background that a lab has no use for and an emulated processor no time for; and strongSwan, which its
# package enables: that a role does this is to be seen.
DISABLED = [
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "systemd-timesyncd.service", "strongswan.service", "getty@tty1.service", "logrotate.timer",
    "systemd-pstore.service",
]  # fmt: skip
# Sparse: a guest's own disk holds only what it writes.
ROOT_SIZE = "8G"
SSHD = """PasswordAuthentication no
PermitRootLogin prohibit-password
HostKey /etc/ssh/ssh_host_ed25519_key
MaxStartups 100
MaxSessions 50
UseDNS no
"""


def customize(release: str) -> str:
    """Shell for mmdebstrap's customize hook; $1 is the new root."""
    return f"""set -eu
umask 022
root="$1"
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb "$root"/etc/ssh/ssh_host_*
# No name server and no mirror: fail at once instead of waiting for one.
echo '# The lab has no name server.' > "$root/etc/resolv.conf"
echo '# The lab has no mirror: everything is installed.' > "$root/etc/apt/sources.list"
printf '%s' {shlex.quote(SSHD)} > "$root/etc/ssh/sshd_config.d/overlay-lab.conf"
echo 'LABEL=root / ext4 noatime 0 1' > "$root/etc/fstab"
for unit in {" ".join(DISABLED)}; do chroot "$root" systemctl disable "$unit" 2>/dev/null || true; done
chroot "$root" systemctl enable ssh.service systemd-networkd.service
# The kernel and what it is started with lie outside; {release} needs neither a boot loader nor its own initramfs.
rm -f "$root"/boot/initrd.img-* "$root/etc/machine-id"
"""


def packages(release: str) -> list[str]:
    if release not in containers.RELEASES:
        raise LabError(f"lab_debian: {release!r} is not known; allowed: {', '.join(containers.RELEASES)}")
    return sorted({*PACKAGES, *containers.OFFLINE[release]})


def fingerprint(release: str) -> str:
    """Hash of all inputs; the versions in the archive are deliberately none of them."""
    digest = hashlib.sha256()
    for text in (release, " ".join(packages(release)), customize(release), initramfs.INIT, ROOT_SIZE):
        digest.update(text.encode() + b"\0")
    digest.update(" ".join(initramfs.MODULES[release]).encode())
    return digest.hexdigest()[:12]


def folder(release: str, images: Path) -> Path:
    """Where the image lies: `root.ext4`, `vmlinuz` and `initramfs`."""
    return images / f"{release}-{fingerprint(release)}"


def progress(log: str) -> str:
    return containers.progress(log).replace("host image", "guests' image")


def _bootstrap(release: str, work: Path, given_mirror: Optional[str]) -> None:
    sources = mirror.lines_for(release, mirror.machine_sources(), containers.KEYRING, given_mirror)
    hook = work / "customize"
    hook.write_text("#!/bin/sh\n" + customize(release), encoding="utf-8")
    hook.chmod(0o700)
    command = ["mmdebstrap", "--verbose", "--variant=minbase", "--mode=root", "--format=directory"]
    command += [f"--include={','.join(packages(release))}", f'--customize-hook={shlex.quote(str(hook))} "$1"']
    command += ["--skip=cleanup/reproducible,cleanup/apt/lists"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")]
    command += ["--dpkgopt=force-unsafe-io", *(f"--aptopt={option}" for option in mirror.apt_options())]
    command += [release, str(work / "root"), *sources]
    watch(command, work / "log", progress, {**os.environ, "TMPDIR": str(work), "LC_ALL": "C"})


def _pack(release: str, work: Path) -> None:
    """From the root as a folder to what a guest is started with; no loop device and no mount is needed for it."""
    root, new = work / "root", work / "image"
    new.mkdir()
    kernel = max((root / "boot").glob("vmlinuz-*"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)])
    shutil.copyfile(kernel, new / "vmlinuz")
    (new / "kernel").write_text(kernel.name.split("-", 1)[1] + "\n", encoding="utf-8")
    (new / "initramfs").write_bytes(initramfs.base(root, release, kernel.name.split("-", 1)[1]))
    run("truncate", f"--size={ROOT_SIZE}", str(new / "root.ext4"))
    # All of its tables now: the kernel would otherwise write them in the background of every new guest.
    options = ["-t", "ext4", "-L", "root", "-m", "0", "-J", "size=32", "-E", "lazy_itable_init=0,nodiscard"]
    run("mke2fs", "-q", *options, "-d", str(root), str(new / "root.ext4"))


def ensure(release: str, images: Path, given_mirror: Optional[str] = None) -> bool:
    """The image is there. Answers whether anything was done."""
    wanted = folder(release, images)
    if wanted.exists():
        return False
    for command, package in (("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs")):
        if not shutil.which(command):
            raise LabError(f"{command} is not installed: apt-get install {package}")
    images.mkdir(parents=True, exist_ok=True)
    for stale in images.glob("build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=images))
    say(f"guests' image: building Debian {containers.RELEASES[release]} ({release}); this takes about a minute, once")
    try:
        _bootstrap(release, work, given_mirror)
        _pack(release, work)
        (work / "image").rename(wanted)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True
