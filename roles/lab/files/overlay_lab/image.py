# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host image: a Debian root with systemd and ssh, and beside it the packages that the roles are to install.

The root is cached by the hash of all that goes into it. It is written under a temporary name and renamed when whole, so
an interrupted build is never mistaken for an image.
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

from . import mirror
from .shell import LabError, docker, say, watch

ROOTFS = Path(__file__).parent.parent / "rootfs"
RELEASES = {"trixie": 13, "bookworm": 12}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# What any Debian server has. No engine, no SDK, no XFS tools: installing those is the roles' work.
BASE = [
    "apt", "ca-certificates", "dbus", "e2fsprogs", "iproute2", "iptables", "iputils-ping", "kmod", "nftables",
    "openssh-server", "procps", "python3", "systemd", "systemd-sysv", "tcpdump", "udev", "util-linux",
]  # fmt: skip
OFFLINE = {
    "trixie": [
        "docker.io", "docker-cli", "python3-docker", "python3-apt", "python3-cryptography", "xfsprogs",
        "charon-systemd", "strongswan-swanctl", "libstrongswan-standard-plugins",
    ],
    "bookworm": [
        "docker.io", "python3-docker", "python3-apt", "python3-cryptography", "xfsprogs",
        "charon-systemd", "strongswan-swanctl", "libstrongswan-standard-plugins",
    ],
}  # fmt: skip
# Units that would act on the machine instead of the host, or for which a host in a container has no use.
MASKED = [
    "systemd-sysctl.service", "systemd-binfmt.service", "systemd-modules-load.service", "systemd-timesyncd.service",
    "systemd-random-seed.service", "systemd-remount-fs.service", "systemd-pstore.service",
    "systemd-hwdb-update.service", "systemd-firstboot.service", "systemd-logind.service",
    "systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-setup-dev-early.service", "systemd-udev-settle.service",
    "systemd-udev-load-credentials.service", "kmod-static-nodes.service", "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount", "proc-sys-fs-binfmt_misc.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount", "dev-hugepages.mount",
    "dev-mqueue.mount", "getty.target", "console-getty.service", "fstrim.timer", "apt-daily.timer",
    "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
]  # fmt: skip


def customize(release: str) -> str:
    """Shell for mmdebstrap's customize hook; $1 is the new root."""
    return f"""set -eu
umask 022
root="$1"
# The packages for the roles to install, as a repository of the host's own.
chroot "$root" apt-get clean
chroot "$root" apt-get install --yes --download-only --no-install-recommends {" ".join(OFFLINE[release])}
mkdir -p "$root/srv/apt"
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/apt/"
cd "$root/srv/apt"
for deb in *.deb; do
    dpkg-deb --field "$deb"
    hash=$(sha256sum "$deb" | cut -d' ' -f1)
    printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$deb" "$(stat -c %s "$deb")" "$hash"
done > Packages
cd /
cp -r {shlex.quote(str(ROOTFS))}/. "$root/"
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "$root"/var/lib/apt/lists/* "$root"/usr/lib/udev/rules.d "$root"/etc/ssh/ssh_host_*
echo 'deb [trusted=yes] file:/srv/apt ./' > "$root/etc/apt/sources.list"
chroot "$root" apt-get update
for unit in {" ".join(MASKED)}; do ln -sfn /dev/null "$root/etc/systemd/system/$unit"; done
chroot "$root" systemctl enable ssh.service
: > "$root/etc/machine-id"
mkdir -p "$root/etc/overlay-lab"
"""


def fingerprint(release: str) -> str:
    """Hash of all inputs; the versions in the archive are deliberately none of them."""
    digest = hashlib.sha256()
    for text in (release, " ".join(BASE), customize(release).replace(shlex.quote(str(ROOTFS)), "")):
        digest.update(text.encode() + b"\0")
    for path in sorted(p for p in ROOTFS.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(ROOTFS)} {path.stat().st_mode & 0o111}".encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def tag(release: str) -> str:
    return f"overlay-lab-host:{release}-{fingerprint(release)}"


def progress(log: str) -> str:
    """Where mmdebstrap is, from what it and apt have written so far."""
    stages = re.findall(r"^I: (.*?)\.*$", log, re.MULTILINE)
    stage = stages[-1] if stages else "starting"
    for begins, said in (("running --customize-hook", "adding the roles' packages"), ("removing tempdir", "packing")):
        if stage.startswith(begins):
            stage = said
    fetched, unpacked, set_up = (
        len(re.findall(rf"^{word} ", log, re.MULTILINE)) for word in ("Get:[0-9]+", "Unpacking", "Setting up")
    )
    return f"host image: {stage}; {fetched} fetched, {unpacked} unpacked, {set_up} set up"


def build_rootfs(release: str, archive: Path, given_mirror: Optional[str]) -> None:
    """mmdebstrap into a temporary place, then rename."""
    if not shutil.which("mmdebstrap"):
        raise LabError("mmdebstrap is not installed: apt-get install mmdebstrap")
    sources = mirror.lines_for(release, mirror.machine_sources(), KEYRING, given_mirror)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=archive.parent))
    unfinished = work / "rootfs.tar"
    hook = work / "customize"
    hook.write_text("#!/bin/sh\n" + customize(release), encoding="utf-8")
    hook.chmod(0o700)
    command = [
        "mmdebstrap",
        "--verbose",
        "--variant=minbase",
        "--mode=root",
        "--format=tar",
        f"--include={','.join(BASE)}",
    ]
    command += [f'--customize-hook={shlex.quote(str(hook))} "$1"', "--skip=cleanup/reproducible,cleanup/apt/lists"]
    command += [f"--dpkgopt={ROOTFS}/etc/dpkg/dpkg.cfg.d/overlay-lab"]
    command += [f"--aptopt={option}" for option in mirror.apt_options()]
    command += [release, str(unfinished), *sources]
    say(f"host image: building Debian {RELEASES[release]} ({release}); this takes about a minute, once")

    try:
        watch(command, work / "log", progress, {**os.environ, "TMPDIR": str(work), "LC_ALL": "C"})
        unfinished.rename(archive)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def ensure(release: str, cache: Path, given_mirror: Optional[str] = None) -> bool:
    """The image is in the engine. Answers whether anything was done."""
    if release not in RELEASES:
        raise LabError(f"lab_debian: {release!r} is not known; allowed: {', '.join(RELEASES)}")
    name = tag(release)
    if docker("image", "inspect", name, check=False).returncode == 0:
        return False
    folder = cache / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    archive = folder / f"{name.split(':')[1]}.tar"
    if not archive.exists():
        build_rootfs(release, archive, given_mirror)
    say(f"host image: handing {archive.stat().st_size >> 20} MB to the engine as {name}")
    changes = ['ENTRYPOINT ["/usr/local/sbin/overlay-lab-init"]', "LABEL baremetal.overlay.lab=image"]
    docker("import", *(f"--change={change}" for change in changes), str(archive), name)
    _forget_older(release, name, folder)
    return True


def _forget_older(release: str, name: str, folder: Path) -> None:
    """Images of the same release that this one replaces; one that a container still uses stays."""
    for archive in folder.glob(f"{release}-*.tar"):
        if archive.stem != name.split(":")[1]:
            archive.unlink()
    listing = docker(
        "images", "--filter=reference=overlay-lab-host", "--format={{.Repository}}:{{.Tag}}"
    ).stdout.split()
    for other in listing:
        if other.startswith(f"overlay-lab-host:{release}-") and other != name:
            docker("rmi", other, check=False)
