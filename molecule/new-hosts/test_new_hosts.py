# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that come later: one that was away at the first deployment, a second pool, one rebuilt from nothing."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from authority import Authority
from conftest import ADDRESSES, INVENTORY

BUCKET = "new-hosts"
CA = "/etc/baremetal-overlay/ca/ca.crt"
ALL = tuple(ADDRESSES)
OWN_CA = {"minio_tls": "own-ca", "minio_tls_ca_host": "n1"}


def settings(**values: Any) -> tuple[str, ...]:
    return ("-e", json.dumps(values))


def inventory(directory: Path, edit: Callable[[str, dict[str, Any]], bool]) -> Path:
    """The lab's, where ``edit`` says which hosts are in it, and changes their variables."""
    shutil.copytree(INVENTORY, directory)
    path = directory / "hosts.yml"
    data = yaml.safe_load(path.read_text())
    groups = data["all"]["children"]
    kept = {name for name in ALL if edit(name, (groups["managers"]["hosts"] | groups["workers"]["hosts"])[name])}
    for group in groups.values():
        group["hosts"] = {name: variables for name, variables in group["hosts"].items() if name in kept}
    path.write_text(yaml.safe_dump(data))
    return directory


def fresh(lab: Any) -> None:
    """Bare hosts with blank drives."""
    lab.ca = None
    for name in ALL:
        lab.lose(name)
    lab.bring()


@pytest.fixture(scope="module", autouse=True)
def bare(lab: Any) -> Iterator[None]:
    """Before and afterwards: whatever other scenarios left is gone."""
    fresh(lab)
    yield
    fresh(lab)


def put(lab: Any, node: str, name: str) -> None:
    client = lab.s3(node)
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    client.put_object(
        bucket_name=BUCKET, object_name=name, data=io.BytesIO(name.encode() * 1000), length=1000 * len(name)
    )


def holds(lab: Any, node: str, *names: str) -> None:
    for name in names:
        found = lab.s3(node).get_object(bucket_name=BUCKET, object_name=name).read()
        assert found == name.encode() * 1000, f"{node}: {name}"


def test_two_of_four_hosts_are_too_few_and_nothing_is_touched(lab: Any) -> None:
    for name in ("n3", "n4"):
        lab.engine("stop", "--time", "1", f"overlay-lab-{name}")
    run = lab.site(*settings(overlay_unreachable_consent=["n3", "n4"]))
    assert run.rc != 0, run.output
    assert "an erasure set of minio_pool 1 has 4 of its 8 drives; MinIO writes with 5 or more (EC:4)" in run.text
    assert set(run.changed.values()) == {0}, run.output


def test_a_first_deployment_begins_without_a_host(lab: Any) -> None:
    lab.bring_up("n3")
    values = settings(overlay_unreachable_consent=["n4"], **OWN_CA)
    run = lab.site(*values)
    assert run.rc == 0, run.output
    assert "pool 1: without minio4, 6 of 8 drives are there; meanwhile 1 more server may fail for reads" in run.text
    assert "n4 is absent, and nothing is proven there" in run.text
    assert "3 of 3 endpoints are healthy and serve equal objects" in run.text
    again = lab.site(*values)
    assert again.rc == 0, again.output
    assert set(again.changed.values()) == {0}, again.output


def test_it_is_completed_once_the_host_is_there(lab: Any, tmp_path: Path) -> None:
    lab.ca = tmp_path / "ca.crt"
    lab.ca.write_text(lab.hosts["n1"].check_output(f"cat {CA}") + "\n")
    put(lab, "n2", "before")
    lab.bring_up("n4")
    run = lab.site(*settings(**OWN_CA))
    assert run.rc == 0, run.output
    assert "4 of 4 endpoints are healthy" in run.text
    for node in ALL:
        lab.eventually(lambda node=node: set(lab.drives(node).values()), {"ok"})
    lab.eventually(lambda: holds(lab, "n4", "before"), None)
    assert (
        len({lab.hosts[node].check_output("cut -d'\"' -f12 /srv/minio/drive1/.minio.sys/format.json") for node in ALL})
        == 1
    )
    again = lab.site(*settings(**OWN_CA))
    assert set(again.changed.values()) == {0}, again.output


def test_a_second_pool_comes_in(lab: Any, tmp_path: Path) -> None:
    fresh(lab)
    pair = inventory(tmp_path / "pair", lambda name, _variables: name in ("n1", "n2"))
    run = lab.site(*settings(**OWN_CA), inventory=pair)
    assert run.rc == 0, run.output
    lab.ca = tmp_path / "ca.crt"
    lab.ca.write_text(lab.hosts["n1"].check_output(f"cat {CA}") + "\n")
    put(lab, "n1", "first")

    def second_pool(name: str, variables: dict[str, Any]) -> bool:
        variables["minio_pool"] = 1 if name in ("n1", "n2") else 2
        return True

    both = inventory(tmp_path / "both", second_pool)
    run = lab.site(*settings(**OWN_CA), inventory=both)
    assert run.rc == 0, run.output
    assert "4 of 4 endpoints are healthy" in run.text
    put(lab, "n4", "second")
    for node in ALL:
        holds(lab, node, "first", "second")
        assert set(lab.drives(node).values()) == {"ok"}
    again = lab.site(*settings(**OWN_CA), inventory=both)
    assert set(again.changed.values()) == {0}, again.output


def test_a_host_rebuilt_from_nothing_comes_back_with_given_certificates(lab: Any, tmp_path: Path) -> None:
    fresh(lab)
    authority = Authority("the house's")
    ca = tmp_path / "ca.crt"
    ca.write_text(authority.pem)

    def declare(name: str, variables: dict[str, Any]) -> bool:
        files = authority.issue(tmp_path / name, [f"minio{name[1:]}", ADDRESSES[name]])
        variables.update({f"minio_tls_{what}": str(path) for what, path in files.items()})
        return True

    given = inventory(tmp_path / "given", declare)
    values = settings(minio_tls="given", minio_tls_ca=str(ca))
    run = lab.site(*values, inventory=given)
    assert run.rc == 0, run.output
    lab.ca = ca
    put(lab, "n1", "kept")
    lab.lose("n4")
    lab.bring()
    put(lab, "n2", "meanwhile")
    run = lab.site("--limit", "n2,n4", *values, inventory=given)
    assert run.rc == 0, run.output
    lab.eventually(lambda: set(lab.drives("n4").values()), {"ok"})
    lab.eventually(lambda: holds(lab, "n4", "kept", "meanwhile"), None)
    again = lab.site(*values, inventory=given)
    assert set(again.changed.values()) == {0}, again.output
