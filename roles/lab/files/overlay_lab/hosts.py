# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network, containers and ssh of the lab's hosts."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from pathlib import Path
from typing import Any

from . import drives, image
from .settings import BRIDGE, LABEL, NETWORK, Host, Lab, first_loop
from .shell import LabError, docker, run, say, wait_until

SECURITY = [
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--cgroupns=private",
]


def _inspect(kind: str, name: str) -> dict[str, Any]:
    found = docker(kind, "inspect", name, check=False)
    return json.loads(found.stdout)[0] if found.returncode == 0 else {}


def keypair(path: Path) -> bool:
    if path.exists() and path.with_suffix(".pub").exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (path, path.with_suffix(".new"), path.with_suffix(".new.pub")):
        leftover.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "overlay-lab", "-f", str(path.with_suffix(".new")))
    path.with_suffix(".new.pub").rename(path.with_suffix(".pub"))
    path.with_suffix(".new").rename(path)
    return True


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(mode)
    unfinished.replace(path)
    return True


def ensure_files(lab: Lab) -> bool:
    """What the hosts read at start (mounted read-only) and what ssh needs here: keys, known hosts, drives."""
    lab.cache.mkdir(parents=True, exist_ok=True)
    lab.cache.chmod(0o700)
    changed = keypair(lab.cache / "ssh" / "id_ed25519")
    public = (lab.cache / "ssh" / "id_ed25519.pub").read_text(encoding="utf-8")
    known = ""
    for host in lab.hosts:
        folder = lab.cache / "hosts" / host.name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        changed |= keypair(folder / "ssh_host_ed25519_key")
        key = (folder / "ssh_host_ed25519_key.pub").read_text(encoding="utf-8").split()
        known += f"{host.address} {key[0]} {key[1]}\n"
        rows = "".join("loop{} {} {} {} {}\n".format(d.loop, *drives.numbers(d), d.name, d.image) for d in host.drives)
        changed |= write(folder / "authorized_keys", public)
        changed |= write(folder / "drives", rows)
        changed |= write(folder / "wwn.rules", wwn_rules(lab, host))
    return changed | write(lab.cache / "ssh" / "known_hosts", known)


def wwn_rules(lab: Lab, host: Host) -> str:
    """For udev: what tells a disk from another one with the same serial number."""
    names = {f"loop{drive.loop}": drives.wwn(drive, lab.cache / "drives") for drive in host.drives}
    return "".join(f'KERNEL=="{kernel}", ENV{{ID_WWN}}="{name}"\n' for kernel, name in names.items() if name)


def ensure_network(lab: Lab) -> bool:
    found = _inspect("network", NETWORK)
    if found:
        subnets = [entry["Subnet"] for entry in found["IPAM"]["Config"]]
        if subnets != [lab.subnet] or not found["Internal"]:
            raise LabError(f"network {NETWORK} exists with {subnets}, not as the lab's own: run make lab-down first")
        return False
    taken = run("ip", "-4", "route", "show", "root", lab.subnet).stdout.strip()
    if taken:
        raise LabError(f"subnet {lab.subnet} is in use on this machine ({taken}): the lab cannot have it")
    options = ["--internal", f"--subnet={lab.subnet}", f"--opt=com.docker.network.bridge.name={BRIDGE}"]
    docker("network", "create", *options, f"--label={LABEL}=network", NETWORK)
    return True


def spares(host: Host) -> list[tuple[int, int]]:
    """The loop devices of a host's own ten that its inventory does not use yet, for one drive more."""
    return [(7, first_loop() + 10 * host.number + k) for k in range(1, 10)]


def run_arguments(lab: Lab, host: Host, tag: str) -> list[str]:
    """`docker run` for a host; the devices it may open are its own loop devices and nothing else."""
    numbers = sorted({drives.numbers(drive) for drive in host.drives} | set(spares(host)))
    devices = [f"--device-cgroup-rule=b {major}:{minor} rwm" for major, minor in numbers]
    return [
        f"--name={host.container}", f"--hostname={host.name}", f"--label={LABEL}=host",
        f"--network={NETWORK}", f"--ip={host.address}", *SECURITY, *devices,
        "--tmpfs=/run:exec,mode=755", "--tmpfs=/tmp:exec", "--env=container=docker", "--stop-signal=SIGRTMIN+3",
        f"--volume={host.volume}:/var/lib/docker", f"--volume={lab.cache / 'hosts' / host.name}:/etc/overlay-lab:ro",
        f"--volume={lab.cache / 'hosts' / host.name / 'wwn.rules'}:/etc/udev/rules.d/61-overlay-lab.rules:ro",
        "--restart=no", tag,
    ]  # fmt: skip


def ensure_host(lab: Lab, host: Host) -> bool:
    """The container runs. One that exists is kept as it is: it may carry a cluster by now."""
    tag = image.tag(lab.debian)
    arguments = run_arguments(lab, host, tag)
    recipe = hashlib.sha256(json.dumps(arguments).encode()).hexdigest()[:12]
    found = _inspect("container", host.container)
    if not found:
        docker("volume", "create", f"--label={LABEL}=volume", host.volume)
        docker(
            "run", "--detach", f"--label={LABEL}.recipe={recipe}", f"--label={LABEL}.debian={lab.debian}", *arguments
        )
        return True
    labels = found["Config"]["Labels"] or {}
    if labels.get(LABEL) != "host":
        raise LabError(f"container {host.container} is not the lab's: rename or remove it")
    if labels.get(f"{LABEL}.debian") != lab.debian:
        release = labels.get(f"{LABEL}.debian")
        raise LabError(f"host {host.name} runs Debian {release}, asked for is {lab.debian}: run make lab-down first")
    if labels.get(f"{LABEL}.recipe") != recipe:
        say(f"host {host.name} was made by another version of the lab and is kept; make lab-down lab makes it anew")
    if found["State"]["Running"]:
        return False
    docker("start", host.container)
    return True


def _missing(host: Host) -> str:
    state = docker("exec", host.container, "systemctl", "is-system-running", check=False).stdout.strip()
    if state == "degraded":
        failed = docker("exec", host.container, "systemctl", "--failed", "--plain", "--no-legend", check=False).stdout
        # A host that a role has been at work on may have failed units: that is not the lab's affair.
        if any(unit in failed for unit in ("ssh.service", "systemd-udevd.service")):
            return (
                f"{host.name}: {failed.strip()} (many containers on one machine: raise fs.inotify.max_user_instances)"
            )
    elif state != "running":
        logs = docker("logs", "--tail=5", host.container, check=False)
        return f"{host.name} is {state or 'not up'} {(logs.stdout + logs.stderr).strip()}"
    try:
        with socket.create_connection((host.address, 22), timeout=2) as connection:
            return "" if connection.recv(4) == b"SSH-" else f"{host.name}: port 22 speaks no ssh"
    except OSError as error:
        return f"{host.name}: ssh at {host.address}: {error}"


def wait(lab: Lab) -> None:
    for host in lab.hosts:
        wait_until(lambda h=host: _missing(h), f"host {host.name}", 90)  # type: ignore[misc]


def remove_all() -> bool:
    """Everything with the lab's label, whatever an older inventory called it."""
    changed = False
    for kind, listing, name, removal in (
        ("host", ["ps", "--all"], "{{.Names}}", ["rm", "--force", "--volumes"]),
        ("volume", ["volume", "ls"], "{{.Name}}", ["volume", "rm", "--force"]),
        ("network", ["network", "ls"], "{{.Name}}", ["network", "rm"]),
    ):
        found = docker(*listing, f"--filter=label={LABEL}={kind}", f"--format={name}").stdout.split()
        if found:
            docker(*removal, *found)
            changed = True
    return changed


def remove_files(lab: Lab) -> bool:
    """All that the lab kept about its hosts, the copy of their credentials included; built images stay."""
    close_connections(lab)
    changed = False
    for folder in ("hosts", "ssh", "drives", "cp", "report"):
        if (lab.cache / folder).exists():
            shutil.rmtree(lab.cache / folder)
            changed = True
    for file in ("minio-root.json", "report.txt"):
        (lab.cache / file).unlink(missing_ok=True)
    return changed


def close_connections(lab: Lab) -> None:
    """Ansible's persistent connections to hosts that are gone would only time out."""
    for path in (lab.cache / "cp").glob("*"):
        run("ssh", "-o", f"ControlPath={path}", "-O", "exit", "lab", check=False)
        path.unlink(missing_ok=True)
