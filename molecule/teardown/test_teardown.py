# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What teardown.yml takes away, and what it must not; at the end the hosts have an engine and their drives."""

from __future__ import annotations

import hashlib
import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from kill_table import Kept, Kills

BUCKET = "outlives-the-cluster"
# What opens and tells apart drives that keep their data.
KEPT = [
    "cluster-drive-receipts.json",
    "drive-receipts.json",
    "minio-root-password",
    "minio-root-user",
    "minio-root.json",
]
WIPED = "/dev/disk/by-id/overlay-n4-drive2"
# Between the mark and the file system, between that and the end of the mark, before the drive is one of every boot.
DANGEROUS = r"^drive: (run mkfs\.xfs|remove .*/formatting-|put /etc/fstab)"
# All that is ours on a host, a line each; nothing where it is clear.
LEFT = r"""
docker info -f '{{.Swarm.LocalNodeState}}' | grep -v inactive
docker ps --all --format '{{.Names}}'
docker network ls --filter driver=overlay --format '{{.Name}}'
nft list tables | grep baremetal
find /etc/systemd /run/systemd /run/baremetal-overlay -name '*baremetal*' 2>/dev/null
apt-mark showhold
ls /etc/baremetal-overlay 2>/dev/null
true
"""


def consent(*names: str, drives: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What an operator says to tear down these hosts."""
    said = {"overlay_teardown_consent": names, "overlay_teardown_drives_consent": drives}
    return ("-e", json.dumps(said))


def left(lab: Any, name: str) -> list[str]:
    """What is still there of ours."""
    found: list[str] = lab.hosts[name].check_output(LEFT).splitlines()
    return found


def mounted(lab: Any, name: str) -> list[str]:
    """The drives that are mounted and hold a MinIO's format."""
    found: list[str] = lab.hosts[name].check_output("ls /srv/minio/*/.minio.sys/format.json 2>/dev/null; true").split()
    return [path.split("/")[3] for path in found if lab.hosts[name].mount_point("/".join(path.split("/")[:4])).exists]


def nodes(lab: Any) -> dict[str, str]:
    """The nodes of the swarm and their state, each entry of its own."""
    lines = lab.hosts["n1"].check_output("docker node ls --format '{{.ID}} {{.Hostname}} {{.Status}}'").splitlines()
    return {f"{name} {ident}": state for ident, name, state in (line.split() for line in lines)}


def join_tokens(lab: Any) -> list[str]:
    """Those of workers and managers."""
    return [lab.hosts["n1"].check_output(f"docker swarm join-token --quiet {role}") for role in ("worker", "manager")]


@pytest.fixture(scope="module")
def objects(lab: Any) -> dict[str, str]:
    """Objects with their SHA-256, which every redeployment has to serve."""
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    found = {}
    for name, size in (("small", 10), ("large", 5_000_000)):
        body = os.urandom(size)
        client.put_object(bucket_name=BUCKET, object_name=name, data=BytesIO(body), length=size)
        found[name] = hashlib.sha256(body).hexdigest()
    return found


def served(lab: Any, node: str) -> dict[str, str]:
    """The SHA-256 of all objects, through one node."""
    found, client = {}, lab.s3(node)
    for entry in client.list_objects(bucket_name=BUCKET):
        answer = client.get_object(bucket_name=BUCKET, object_name=entry.object_name)
        found[entry.object_name] = hashlib.sha256(answer.read()).hexdigest()
        answer.close()
    return found


REFUSED = [
    ((), "overlay_teardown_consent: does not name n1, n2, n3 and n4"),
    (consent("n1", "n2", "n4"), "overlay_teardown_consent: does not name n3"),
    # Part of the sentence that asks for consent: what it would come to.
    (("--limit", "n4"), "The place is filled only by a host with overlay_host_number 4"),
    (("--limit", "n3,n4", *consent("n3", "n4")), "MinIO: with n3 and n4 gone, 2 servers of pool 1 are away"),
    (("--limit", "managers", *consent("n1", "n2", "n3")), "no manager outside this run answers"),
    (("--limit", "n4", *consent("n4", drives=("/dev/sda",))), "/dev/sda is in no minio_drives of this run"),
]


@pytest.fixture(scope="module")
def erased(lab: Any) -> str:
    """What agrees to the erasing of that drive; the name alone, which is one of every host, is refused with it."""
    before = lab.fingerprints()
    run = lab.play("teardown", "--limit", "n4", *consent("n4", drives=(WIPED,)))
    assert run.rc != 0 and f'to erase the drive with its data, give ["n4:{WIPED}:' in run.text, run.output
    assert lab.fingerprints() == before
    (entry,) = run.entries
    return str(entry)


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=[case[1][:60] for case in REFUSED])
def test_refused_before_anything_is_changed(lab: Any, arguments: tuple[str, ...], sentence: str) -> None:
    before = lab.fingerprints()
    run = lab.play("teardown", *arguments)
    assert run.rc != 0, run.output
    assert sentence in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert lab.fingerprints() == before


def test_a_prediction_changes_nothing(lab: Any, erased: str) -> None:
    before = lab.fingerprints()
    for arguments in (consent(*lab.hosts), ("--limit", "n4", *consent("n4", drives=(erased,)))):
        run = lab.play("teardown", "--check", "--diff", *arguments)
        assert run.rc == 0, run.output
        assert all(run.changed.values()), run.output
        assert "remove /etc/baremetal-overlay/firewall.nft" in run.text
    assert f"ERASE drive 2 ({WIPED})" in run.text
    assert lab.fingerprints() == before


# A CA below our directory and an operator's own file, on the host that leaves.
ODD = """
mkdir -p -m 0700 /etc/baremetal-overlay/pki/ca /etc/baremetal-overlay/minio-tls
cd /etc/baremetal-overlay && touch notes.txt pki/ca/ca.key pki/ca/ca.crt minio-tls/theirs.key
"""
WRITTEN = ("-e", "minio_tls_ca_host=n4", "-e", "minio_tls_ca_dir=/etc/baremetal-overlay/minio-tls/../pki/ca/")


def test_one_host_out_with_a_drive_wiped(lab: Any, objects: dict[str, str], erased: str) -> None:
    lab.hosts["n4"].check_output(ODD)
    tokens = join_tokens(lab)
    run = lab.play("teardown", "--limit", "n4", *consent("n4", drives=(erased,)), *WRITTEN)
    assert run.rc == 0, run.output
    # What the host may know lets nobody in any more.
    assert not set(tokens) & set(join_tokens(lab))
    assert left(lab, "n4") == ["drive-receipts.json", "minio-tls", "notes.txt", "pki"]
    files = lab.hosts["n4"].check_output("cd /etc/baremetal-overlay; find . -type f | sort").split()
    assert files == [
        "./drive-receipts.json",
        "./minio-tls/theirs.key",
        "./notes.txt",
        "./pki/ca/ca.crt",
        "./pki/ca/ca.key",
    ]
    assert mounted(lab, "n4") == ["drive1"]
    assert "drive2" not in lab.hosts["n4"].check_output("cat /etc/fstab")
    assert lab.hosts["n4"].run(f"blkid -p {WIPED}").rc == 2
    assert set(nodes(lab).values()) == {"Ready"}
    assert sorted(name.split()[0] for name in nodes(lab)) == ["n1", "n2", "n3"]
    assert lab.healthy("n1") == 200
    assert served(lab, "n2") == objects
    # The entry is used up: what comes to the place of the drive is not erased by it.
    again = lab.play("teardown", "--limit", "n4", *consent("n4", drives=(erased,)), *WRITTEN)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output
    # The receipts say that it was erased by agreement: managers know it as a drive.
    lab.hosts["n4"].check_output("cd /etc/baremetal-overlay && rm -r minio-tls notes.txt pki")


def test_a_drive_is_formatted_once_however_often_the_module_is_killed(
    lab: Any, objects: dict[str, str], tmp_path: Path
) -> None:
    """The host comes back, and the module dies before each of the steps that are worst to be left out."""
    kills = Kills(lab, tmp_path, steps=DANGEROUS)
    with kills.installed():
        kills.until_alive("host back", "site", kept=Kept(lab))
    assert [row.hosts for row in kills.rows] == [("n4",)] * 3, kills.rows
    assert set(nodes(lab).values()) == {"Ready"}
    assert sorted(name.split()[0] for name in nodes(lab)) == list(lab.hosts)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    lab.eventually(lambda: lab.healthy("n4"), 200)
    assert served(lab, "n4") == objects


# Somebody else's, as the place of the CA.
THEIRS = "/etc/ssl/private"
AS_CA = ("-e", "minio_tls_ca_host=n1", "-e", f"minio_tls_ca_dir={THEIRS}/")


def whole(lab: Any) -> None:
    """Tear everything down but data and what opens it."""
    host = lab.hosts["n1"]
    host.check_output(f"mkdir -p -m 0710 {THEIRS}; touch {THEIRS}/ca.key {THEIRS}/snakeoil.key")
    before = host.check_output(f"stat -c '%a %u' {THEIRS}; ls {THEIRS}")
    run = lab.play("teardown", *consent(*lab.hosts), *AS_CA)
    assert run.rc == 0, run.output
    assert f"the CA in {THEIRS}, which this collection did not make" in run.text
    assert host.check_output(f"stat -c '%a %u' {THEIRS}; ls {THEIRS}") == before
    for name in lab.hosts:
        assert left(lab, name) == (KEPT if name != "n4" else ["drive-receipts.json"]), name
        assert mounted(lab, name) == ["drive1", "drive2"]
    again = lab.play("teardown", *consent(*lab.hosts))
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output


def test_the_whole_cluster_out_and_its_data_back_with_the_same_credentials(lab: Any, objects: dict[str, str]) -> None:
    before = lab.credentials()
    whole(lab)
    back = lab.site()
    assert back.rc == 0, back.output
    assert lab.credentials() == before
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    for name in lab.hosts:
        assert served(lab, name) == objects


def test_and_out_again(lab: Any) -> None:
    whole(lab)
