# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml must refuse: the sentence that it says, and that no host was touched."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Run

LOOP_CTL_ADD, LOOP_CTL_REMOVE = 0x4C80, 0x4C81
SPARE = "/dev/disk/by-id/overlay-n4-spare"
# The ninth of the fourth host's own ten, as roles/lab counts them.
SPARE_LOOP = int(os.environ.get("OVERLAY_LAB_FIRST_LOOP") or 7700) + 49


def refused(lab: Any, *sentences: str, arguments: tuple[str, ...] = (), inventory: Path | None = None) -> str:
    """What is said by a run that ends with these sentences and leaves every host as it was."""
    before = lab.fingerprints()
    run = lab.site(*arguments, **({"inventory": inventory} if inventory else {}))
    assert run.rc != 0, run.output
    for sentence in sentences:
        assert sentence in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert lab.fingerprints() == before
    return str(run.text)


SETTINGS = {
    "unknown": {
        "overlay_network_driver": ("weave", 'overlay_network_driver: "weave" is unknown; allowed: overlay'),
        "overlay_encryption": ("rot13", 'overlay_encryption: "rot13" is unknown; allowed: none, docker, ipsec'),
        "minio_root_user": ("ro=o,t", "minio_root_user: has = and , in it"),
        "minio_root_password": ("short", "minio_root_password: has 5 characters; MinIO takes 8 or more"),
    },
    "not set": {
        "overlay_network_driver": ("", "overlay_network_driver: is not set; allowed: overlay"),
        "overlay_encryption": ("", "overlay_encryption: is not set, and nothing is assumed"),
        "overlay_underlay_mtu": ("large", 'overlay_underlay_mtu: "large" is not a number'),
    },
}


IPSEC = {
    "a master that can be guessed": (
        ("ipsec_psk_master=tooshort",),
        "ipsec_psk_master: has 8 characters, and every key between hosts is drawn from it; give 32 or more",
    ),
    "certificates of nobody": (
        ("ipsec_authentication=certificates",),
        "ipsec_ca_host: is not set, and ipsec_authentication is certificates; nobody is given a CA's key by silence",
    ),
    "frames that pass the host by": (
        ("overlay_network_driver=macvlan",),
        "overlay_encryption: ipsec is the host's, and what macvlan sends passes the host by; set it to none",
    ),
    "the way by which it is done": (
        ('{"ipsec_protect": [{"protocol": "tcp", "port": 22}]}',),
        "ipsec_protect: entry 1 (tcp 22): is ssh, without which nobody could repair this; take it out",
    ),
}


@pytest.mark.parametrize(("settings", "sentence"), IPSEC.values(), ids=IPSEC)
def test_encryption_between_hosts(lab: Any, settings: tuple[str, ...], sentence: str) -> None:
    given = [part for one in ("overlay_encryption=ipsec", *settings) for part in ("-e", one)]
    refused(lab, sentence, arguments=tuple(given))


@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS)
def test_settings(lab: Any, values: dict[str, tuple[str, str]]) -> None:
    arguments = tuple(part for name, (value, _said) in values.items() for part in ("-e", f"{name}='{value}'"))
    refused(lab, *(said for _value, said in values.values()), arguments=arguments)


def test_subnet_that_collides_with_the_underlay(lab: Any) -> None:
    networks = '{"swarm_networks": [{"name": "minio-overlay", "subnet": "172.31.0.0/16"}]}'
    refused(
        lab,
        'network "minio-overlay": subnet 172.31.0.0/16 collides with overlay_underlay_address 172.31.77.11 of n1',
        arguments=("-e", networks),
    )


def test_option_that_a_role_does_not_know(lab: Any) -> None:
    networks = '{"swarm_networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24", "driver_options": {}}]}'
    refused(
        lab,
        "n1, n2, n3 and n4: swarm_networks: driver_options is unknown; allowed: name, subnet",
        arguments=("-e", networks),
    )


KERNEL_OVERLAYS = {
    "of swarm": (
        {"kernel_overlay_port": 4789, "kernel_overlay_vni": 4097},
        "kernel_overlay_port: 4789 is the port of Swarm's data path",
        "kernel_overlay_vni: 4097 is one that Swarm gives to its own networks",
    ),
    "too large": (
        {"kernel_overlay_mtu": 1451},
        "and n4: kernel overlay: MTU 1451 is larger than what the underlay carries: 1500 - 20 (IPv4) - 8 (UDP) - "
        "8 (VXLAN) - 14 (Ethernet) = 1450",
    ),
    "of the underlay": (
        {"kernel_overlay_subnet": "172.31.0.0/16"},
        "kernel_overlay_subnet: 172.31.0.0/16 collides with overlay_underlay_address 172.31.77.11 of n1",
    ),
    "too small": (
        {"kernel_overlay_subnet": "10.78.0.0/30"},
        "kernel overlay: overlay_host_number 3: 10.78.0.0/30 has addresses for the numbers 1 to 2",
    ),
    "unknown": (
        {"kernel_overlay_kind": "ipip", "kernel_overlay_vni": "many"},
        'kernel overlay: kind "ipip" is unknown; allowed: vxlan, nvgre, geneve',
    ),
}


@pytest.mark.parametrize("case", KERNEL_OVERLAYS.values(), ids=KERNEL_OVERLAYS)
def test_kernel_overlay(lab: Any, case: Any) -> None:
    values, *sentences = case
    given = json.dumps({"overlay_network_driver": "kernel", **values})
    refused(lab, *sentences, arguments=("-e", given))


def test_archive_that_is_not_an_image(lab: Any, tmp_path: Path) -> None:
    archive = tmp_path / "not-an-image.tar"
    archive.write_text("hello")
    arguments = ("-e", "minio_image_source=archive", "-e", f"minio_image_archive={archive}")
    refused(lab, f"{archive}", "is not an image", arguments=arguments)


def children(inventory: dict[str, Any]) -> dict[str, Any]:
    """The inventory's groups."""
    return inventory["all"]["children"]


def hostvars(inventory: dict[str, Any], name: str) -> dict[str, Any]:
    """Where the lab's inventory declares a host."""
    found: dict[str, Any] = next(
        group["hosts"][name] for group in children(inventory).values() if (group["hosts"] or {}).get(name)
    )
    return found


def no_manager(inventory: dict[str, Any]) -> None:
    """All hosts are workers."""
    children(inventory)["workers"]["hosts"] |= children(inventory)["managers"]["hosts"]
    children(inventory)["managers"]["hosts"] = {}


def declare(name: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    """An inventory in which one host declares something else."""
    return lambda inventory: hostvars(inventory, name).update(values)


INVENTORIES = [
    (no_manager, "group managers: no host is in it"),
    (declare("n2", overlay_host_number=1), "n1 and n2: have the same overlay_host_number 1"),
    (
        declare("n2", overlay_underlay_address="172.31.77.11"),
        "n1 and n2: have the same overlay_underlay_address 172.31.77.11",
    ),
    (declare("n3", minio_drives=[]), "n3: minio_drives is empty"),
    (
        declare("n3", minio_drives=["/dev/disk/by-id/overlay-n3-drive9"]),
        "n3: drive 1 (/dev/disk/by-id/overlay-n3-drive9): is not there",
    ),
    (
        declare("n3", minio_drives=["/dev/disk/by-id/overlay-n3-drive1"]),
        "minio_pool 1: its servers have unequal numbers of drives (n3 has 1, the others 2)",
    ),
    (declare("n3", ansible_host="172.31.77.99"), "n3: is unreachable"),
]


@pytest.mark.parametrize(("edit", "sentence"), INVENTORIES, ids=[case[1][:50] for case in INVENTORIES])
def test_inventory(
    lab: Any, changed_inventory: Callable[..., Path], edit: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    refused(lab, sentence, inventory=changed_inventory(edit))


def test_one_file_system_listed_twice(lab: Any, changed_inventory: Callable[..., Path]) -> None:
    first = "/dev/disk/by-id/overlay-n3-drive1"
    node = lab.hosts["n3"].check_output(f"readlink -f {first}")
    refused(
        lab,
        f"n3: drive 1 ({first}) and drive 2 ({node}): are one device",
        inventory=changed_inventory(declare("n3", minio_drives=[first, node])),
    )


@pytest.fixture
def python_of_n4(lab: Any, changed_inventory: Callable[..., Path]) -> Iterator[Callable[..., Path]]:
    """An inventory in which the fourth host's Python sees another world; a module of the given name shapes it."""
    folder = "/opt/other-world"

    def make(command: str = "", **files: str) -> Path:
        host = lab.hosts["n4"]
        host.check_output(f"mkdir -p {folder}/docker-4.1.0.dist-info")
        for name, text in {"python": f'exec {command} /usr/bin/python3 "$@"', **files}.items():
            body = f"#!/bin/sh\nexport PYTHONPATH={folder}\n{text}" if name == "python" else text
            path = {"python": "python", "clock": "sitecustomize.py", "sdk": "docker-4.1.0.dist-info/METADATA"}[name]
            host.check_output(f"printf '%s\\n' {shlex.quote(body)} > {folder}/{path}")
        host.check_output(f"chmod 0755 {folder}/python")
        return changed_inventory(declare("n4", ansible_python_interpreter=f"{folder}/python"))

    yield make
    lab.hosts["n4"].check_output(f"rm -rf {folder}")


def test_mixed_architectures(lab: Any, python_of_n4: Callable[..., Path]) -> None:
    inventory = python_of_n4("setarch i686")
    refused(lab, "group minio: mixes CPU architectures", "i686: n4", inventory=inventory)


@pytest.mark.parametrize(("seconds", "way"), [(1200, "ahead of"), (-1200, "behind")])
def test_clock_that_is_twenty_minutes_off(lab: Any, python_of_n4: Callable[..., Path], seconds: int, way: str) -> None:
    # The lab's hosts share one clock, so it is Python's that is shifted.
    inventory = python_of_n4(clock=f"import time\nreal = time.time\ntime.time = lambda: real() + {seconds}")
    said = refused(lab, f"{way} that of n", "at most 300 s are allowed", inventory=inventory)
    found = re.findall(r"n4: its clock is (\d+) s", said)
    assert found and all(abs(int(each) - abs(seconds)) <= 10 for each in found), said
    assert not re.search(r"n[123]: its clock", said), said


def test_sdk_that_is_too_old(lab: Any, python_of_n4: Callable[..., Path]) -> None:
    inventory = python_of_n4(sdk="Metadata-Version: 2.1\nName: docker\nVersion: 4.1.0")
    refused(lab, "n4: python3-docker is 4.1.0; 5.0.3 or newer is needed", inventory=inventory)


@pytest.fixture
def n4_without_minio(lab: Any) -> Iterator[Any]:
    """The fourth host, whose MinIO is away."""
    host = lab.hosts["n4"]
    node = host.check_output("docker info -f '{{.Swarm.NodeID}}'")
    lab.hosts["n1"].check_output(f"docker node update --availability drain {node}")
    lab.eventually(lambda: host.run("ss -Hltn 'sport = :9000'").stdout, "")
    yield host
    lab.hosts["n1"].check_output(f"docker node update --availability active {node}")
    lab.eventually(lambda: lab.healthy("n4"), 200)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})


@pytest.fixture
def stranger_on_port_9000(lab: Any, n4_without_minio: Any) -> Iterator[str]:
    """The process number of a program that has MinIO's port there."""
    n4_without_minio.check_output("systemd-run --unit=stranger python3 -m http.server 9000")
    lab.eventually(lambda: "pid=" in n4_without_minio.run("ss -Hltnp 'sport = :9000'").stdout, True)
    yield n4_without_minio.check_output("systemctl show -p MainPID --value stranger")
    n4_without_minio.check_output("systemctl stop stranger")


@pytest.fixture
def drive_of_another_deployment(n4_without_minio: Any) -> Iterator[str]:
    """The deployment that the first drive there says it belongs to."""
    path, other = "/srv/minio/drive1/.minio.sys/format.json", "11111111-2222-3333-4444-555555555555"
    own = n4_without_minio.check_output(f"cat {path}")
    foreign = json.dumps({**json.loads(own), "id": other})
    n4_without_minio.check_output(f"printf %s {shlex.quote(foreign)} > {path}")
    yield other
    n4_without_minio.check_output(f"printf %s {shlex.quote(own)} > {path}")


def test_port_that_is_taken_and_a_drive_of_another_deployment(
    lab: Any, stranger_on_port_9000: str, drive_of_another_deployment: str
) -> None:
    refused(
        lab,
        f"n4: port 9000/tcp is taken by python3 (pid {stranger_on_port_9000}), which listens on 0.0.0.0",
        "MinIO needs it: stop that, or choose another minio_port",
        "n4: drive 1 (/dev/disk/by-id/overlay-n4-drive1): belongs to the MinIO deployment "
        f"{drive_of_another_deployment}, and 7 others of this inventory to ",
    )


@pytest.fixture
def smaller_mtu(lab: Any) -> Iterator[None]:
    """The fourth host's interface takes less than the others'."""
    lab.hosts["n4"].check_output("ip link set eth0 mtu 1400")
    yield
    lab.hosts["n4"].check_output("ip link set eth0 mtu 1500")


@pytest.mark.usefixtures("smaller_mtu")
def test_smaller_mtu_on_one_host(lab: Any) -> None:
    refused(lab, "n4: MTU 1400 on its overlay_underlay_address, where n1, n2 and n3 have 1500", "overlay_underlay_mtu")


def test_encryption_that_the_kernel_cannot_do(lab: Any) -> None:
    sentence = "overlay_encryption: docker encrypts with it"
    attempt = (
        "ip xfrm state add src 127.0.0.1 dst 127.0.0.2 proto esp spi 1 mode transport "
        "aead 'rfc4106(gcm(aes))' 0x0000000000000000000000000000000000000001 64"
    )
    if lab.hosts["n1"].run(f"unshare --net {attempt}").rc == 0:
        run = lab.site("--tags", "preflight", "-e", "overlay_encryption=docker")
        assert run.rc == 0 and sentence not in run.text, run.output
    else:
        refused(lab, "lacks esp", sentence, arguments=("-e", "overlay_encryption=docker"))


def test_preflight_alone_says_everything_and_does_nothing(lab: Any) -> None:
    before = lab.fingerprints()
    settings = {"minio_memory_limit": "3g", "docker_engine_address_pools": '[{"base": "10.9.0.0/16", "size": 24}]'}
    run = lab.site("--tags", "preflight", "-e", json.dumps(settings))
    assert run.rc == 0, run.output
    assert "4 of 4 hosts were looked at, and nothing stands in the way" in run.text
    assert (
        "n1, n2, n3 and n4: restart MinIO one at a time, because minio_memory_limit changes from 4G to 3G" in run.text
    )
    assert "docker_engine_address_pools: /etc/docker/daemon.json has 172.30.0.0/16 size 24, which stays" in run.text
    assert "advice: n1, n2, n3 and n4: no time service keeps the clock in step" in run.text
    assert set(run.changed.values()) == {0}
    assert run.text.count("skipping: no hosts matched") == run.text.count("PLAY [") - 1
    assert lab.fingerprints() == before


# Of a survey and of a command line, and what each is refused with.
MISTAKES: dict[str, tuple[Any, str]] = {
    "minio_port": (99999, 'minio_port: "99999" is not a port; allowed: 1 to 65535'),
    "minio_console_port": ("7946", "minio_console_port 7946/tcp is the port of Swarm"),
    "minio_memory_limit": ("4gigs", 'minio_memory_limit: "4gigs" is not a size'),
    "minio_stop_grace_period": ("soon", 'minio_stop_grace_period: "soon" is not a duration'),
    "minio_root_password": ("short", "minio_root_password: has 5 characters"),
    "minio_prot": (9100, "minio_prot is no variable of this collection; did you mean minio_port?"),
    "docker_engine_nofile": ("lots", 'docker_engine_nofile: "lots" is not a whole number'),
    "docker_engine_address_pools": ('[{"base": "10.1.0.0/16"}]', "docker_engine_address_pools: size is missing"),
    "overlay_client_networks": (["10.0.0.0/33"], 'overlay_client_networks "10.0.0.0/33": is not a CIDR'),
    "overlay_controller_is_client": ("maybe", 'overlay_controller_is_client: "maybe" is neither true nor false'),
    "overlay_encryption": ("rot13", 'overlay_encryption: "rot13" is unknown'),
    "overlay_underlay_mtu": ("large", 'overlay_underlay_mtu: "large" is not a number'),
    "overlay_unreachable_consent": ("n9", 'overlay_unreachable_consent: "n9" is no host of this deployment'),
    "swarm_networks": ([{"name": "minio-overlay", "subnet": "172.31.0.0/16"}], "subnet 172.31.0.0/16 collides with"),
    "swarm_network_consent": ("old", 'swarm_network_consent: "old" is no network of swarm_networks'),
    "minio_credentials_dir": ("/root", "minio_credentials_dir: /root: exists (mode 0700, owner 0, with"),
    "drives_format_consent": ("/dev/z", 'drives_format_consent: "/dev/z" is in no minio_drives'),
}


def test_everything_wrong_is_said_at_once(lab: Any, changed_inventory: Callable[..., Path]) -> None:
    def edit(inventory: dict[str, Any]) -> None:
        # A device that is not there, on a host whose number is none.
        declare("n1", overlay_host_number="first", minio_drives=["serial:NONE"])(inventory)
        declare("n2", overlay_host_number=4)(inventory)
        declare("n3", minio_drives=[])(inventory)

    refused(
        lab,
        'n1: overlay_host_number "first" is not a whole number from 1',
        "n1: drive 1 (serial:NONE): no device has this serial number",
        "n2 and n4: have the same overlay_host_number 4",
        "n3: minio_drives is empty",
        *(sentence for _value, sentence in MISTAKES.values()),
        arguments=("-e", json.dumps({name: value for name, (value, _sentence) in MISTAKES.items()})),
        inventory=changed_inventory(edit),
    )


@pytest.fixture
def stopped_engine(lab: Any) -> Iterator[None]:
    """The fourth host's engine, stopped by its operator."""
    lab.hosts["n4"].check_output("systemctl stop docker.socket docker.service")
    yield
    lab.hosts["n4"].check_output("systemctl start docker.socket docker.service")
    lab.eventually(lambda: lab.healthy("n4"), 200)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})


@pytest.mark.usefixtures("stopped_engine")
def test_stopped_engine(lab: Any) -> None:
    refused(lab, "n4: engine: it is installed, but docker.service is inactive", "systemctl start docker")


AS_TEXT = (
    *("minio_port=9000", "minio_console_port=9001", "minio_memory_limit=4g", "minio_log_max_file=3"),
    *("overlay_firewall=true", "swarm_data_path_port=4789", "docker_engine_nofile=1048576"),
    *("minio_environment={}", 'swarm_networks=[{"name":"minio-overlay","subnet":"10.77.0.0/24"}]'),
    'docker_engine_address_pools=[{"base":"172.30.0.0/16","size":"24"}]',
)


def test_host_of_another_swarm_is_refused_and_joins_once_it_left(lab: Any) -> None:
    host = lab.hosts["n4"]
    host.check_output("docker swarm leave")
    host.check_output("docker swarm init --advertise-addr 172.31.77.14")
    try:
        refused(lab, "n4: is in another swarm (its managers: 172.31.77.14:2377) than n1")
    finally:
        host.check_output("docker swarm leave --force")
    joined = lab.site()
    assert joined.rc == 0, joined.output
    assert joined.changed["n4"] > 0
    assert (joined.changed["n2"], joined.changed["n3"]) == (0, 0)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    # As a survey gives it: the same settings as text are no change.
    again = lab.site(*(part for setting in AS_TEXT for part in ("-e", setting)))
    assert set(again.changed.values()) == {0}, again.output
    assert "restart MinIO" not in again.text


def test_drive_with_a_file_system(lab: Any, changed_inventory: Callable[..., Path], spare_drive: str) -> None:
    drives = [f"/dev/disk/by-id/overlay-n4-drive{number}" for number in (1, 2)]
    inventory = changed_inventory(declare("n4", minio_drives=[*drives, spare_drive]))
    refused(lab, f"n4: drive 3 ({spare_drive})", "ext4", f'consent: ["n4:{spare_drive}:', inventory=inventory)
    assert "ext4" in lab.hosts["n4"].check_output(f"blkid -p -o value -s TYPE {spare_drive}")


def form(lab: Any, *consent: str) -> Run:
    """One more drive for the fourth host, mounted apart from those of MinIO."""
    given = {"devices": [SPARE], "number": 9, "parent": "/srv/spare", "host": "n4", "format_consent": consent}
    command = ["ansible", "n4", "-i", str(lab.inventory), "-m", "baremetal.overlay.drive", "-a", json.dumps(given)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return Run(done.returncode, (done.stdout + done.stderr).replace('\\"', '"'))


@pytest.fixture
def own_spare(lab: Any, spare_drive: str) -> Iterator[str]:
    """It ends up mounted."""
    yield spare_drive
    lab.hosts["n4"].check_output("umount /srv/spare/drive1; sed -i '/minio9d1/d' /etc/fstab; rm -rf /srv/spare")


# What comes to the place of a drive, and what is said of it.
SUCCESSORS = {
    "a file system of another": ("mkfs.ext4 -q -F", "", "which is not for what is there now"),
    "a drive of another host": (
        "mkfs.xfs -q -f -L minio2d1",
        "",
        "it is drive 1 of the host with overlay_host_number 2",
    ),
    "another MinIO": (
        "mkfs.xfs -q -f -L data",
        """mkdir /run/look; mount -t xfs {device} /run/look; mkdir /run/look/.minio.sys
        echo '{{"id": "d1"}}' > /run/look/.minio.sys/format.json; umount /run/look; rmdir /run/look""",
        "it holds data of a MinIO (deployment d1)",
    ),
}


def test_consent_to_format_is_used_up(lab: Any, own_spare: str) -> None:
    host, spare_drive = lab.hosts["n4"], own_spare
    (entry,) = form(lab, spare_drive).entries
    assert form(lab, entry.replace("n4:", "n3:")).rc != 0
    done = form(lab, entry)
    assert (done.rc, "CHANGED" in done.output) == (0, True), done.output
    for make, fill, words in SUCCESSORS.values():
        host.check_output(f"umount /srv/spare/drive1 2>/dev/null; {make} {spare_drive}")
        host.check_output(fill.format(device=spare_drive) or "true")
        uuid = host.check_output(f"blkid -p -o value -s UUID {spare_drive}")
        again = form(lab, entry)
        assert again.rc != 0 and words in again.text, again.output
        assert host.check_output(f"blkid -p -o value -s UUID {spare_drive}") == uuid
        (new,) = [one for one in again.entries if one != entry]
        assert form(lab, new.removesuffix(":<UUID>")).rc == (2 if new.endswith(":<UUID>") else 0)
    agreed = form(lab, new.replace("<UUID>", uuid))
    assert (agreed.rc, "CHANGED" in agreed.output) == (0, True), agreed.output


# What leaves no signature, and what is said of it.
HIDDEN = {
    'a copy of the superblock of xfs labelled "data"': (
        "mkfs.xfs -q -f -L data {device}; dd if=/dev/zero of={device} bs=1M count=2 conv=notrunc,fsync status=none"
    ),
    "data that looks random, as encryption without a header does": (
        "blkdiscard --zeroout {device}; "
        "dd if=/dev/urandom of={device} bs=1M seek=99 count=9 conv=notrunc,fsync status=none"
    ),
    "a copy of the header of gpt": (
        "blkdiscard --zeroout {device}; printf 'EFI PART' | dd of={device} bs=1 seek=$((512 * 1048576 - 512)) "
        "conv=notrunc,fsync status=none"
    ),
}


def test_what_has_no_signature_is_not_taken_for_blank(lab: Any, own_spare: str) -> None:
    host = lab.hosts["n4"]
    for words, make in HIDDEN.items():
        host.check_output(make.format(device=own_spare))
        assert host.check_output(f"wipefs {own_spare}") == ""
        found = form(lab)
        assert found.rc != 0 and f"is not blank, found: {words}" in found.text, found.output
        assert host.check_output(f"wipefs {own_spare}") == ""
    agreed = form(lab, *found.entries)
    assert (agreed.rc, "CHANGED" in agreed.output) == (0, True), agreed.output


@pytest.fixture
def spare_drive(lab: Any, tmp_path: Path) -> Iterator[str]:
    """One more loop device for the fourth host, of those that it may open, with somebody's ext4 on it."""
    image = tmp_path / "spare.img"
    with image.open("wb") as handle:
        handle.truncate(512 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    device = f"/dev/loop{SPARE_LOOP}"
    with Path("/dev/loop-control").open("rb") as control, contextlib.suppress(FileExistsError):
        fcntl.ioctl(control, LOOP_CTL_ADD, SPARE_LOOP)
    subprocess.run(["losetup", device, str(image)], check=True)
    host = lab.hosts["n4"]
    try:
        host.check_output(f"test -b {device} || mknod -m 0660 {device} b 7 {SPARE_LOOP}")
        host.check_output(f"ln -sf {device} {SPARE}")
        yield SPARE
    finally:
        host.run(f"rm -f {SPARE} {device}")
        subprocess.run(["losetup", "--detach", device], check=True)
        with Path("/dev/loop-control").open("rb") as control:
            lab.eventually(lambda: fcntl.ioctl(control, LOOP_CTL_REMOVE, SPARE_LOOP) >= 0, True)
