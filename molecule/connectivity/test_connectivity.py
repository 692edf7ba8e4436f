# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of connectivity can pass, and they can fail: exactly where something is broken, and nowhere else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import CHECKS

CUT = ("n3", "n4")
ADDRESSES = {"n3": "172.31.77.13", "n4": "172.31.77.14"}
TABLE = "ip connectivity_test"
LAYERS = {"hosts", "underlay-icmp", "underlay-mtu", "node-addresses", "swarm-ports", "overlay", "overlay-mtu", "dns"}
LAYERS |= {"tables", "clocks", "drives", "quorum", "room", "s3", "health", "clients", "versions"}


def report(lab: Any, directory: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """A run that reports, and what it reported."""
    run = lab.play("verify", "-e", f"connectivity_report_dir={directory}", *arguments)
    path = directory / "connectivity.json"
    assert path.exists(), run.output
    return run.rc, json.loads(path.read_text()), run.output


def cells(result: dict[str, Any], status: str) -> set[tuple[str, str, str, str]]:
    """The cells of one status, as layer, check, from and to."""
    return {
        (layer["name"], cell["check"], cell["from"], cell["to"])
        for layer in result["layers"]
        for cell in layer["cells"]
        if cell["status"] == status
    }


def nothing_left(lab: Any) -> None:
    """No unit, no file, no bucket on any host."""
    units = "systemctl list-units --all --no-legend 'baremetal-overlay-probe*'"
    for host in lab.hosts.values():
        # One that was not told by everybody, as with a cut link, ends a minute later.
        lab.eventually(lambda host=host: host.run(units).stdout, "", 90)
        assert host.run("ls /run/baremetal-overlay 2>/dev/null | grep responder").stdout == ""
    assert [bucket.name for bucket in lab.s3("n1").list_buckets() if bucket.name.startswith("overlay-check")] == []


@pytest.fixture
def cut(lab: Any) -> Iterator[None]:
    """The third and the fourth host do not hear each other."""
    for name, other in (CUT, CUT[::-1]):
        rules = f"add table {TABLE}; add chain {TABLE} in {{ type filter hook prerouting priority -400; }}; "
        rules += f"add rule {TABLE} in ip saddr {ADDRESSES[other]} drop"
        lab.hosts[name].check_output(f"nft '{rules}'")
    try:
        noticed(lab)
        yield
    finally:
        for name in CUT:
            lab.hosts[name].check_output(f"nft delete table {TABLE}")
    lab.eventually(lambda: all(set(lab.drives(node).values()) == {"ok"} for node in lab.hosts), True)


def noticed(lab: Any) -> None:
    """Connections of before end with the first write, which waits 23 s for them; then answers take at most 10 s."""
    bucket = f"noticed-{time.time_ns()}"
    lab.s3("n1").make_bucket(bucket)
    try:
        for name in CUT:
            lab.s3(name).put_object(bucket, name, BytesIO(b"object"), 6)
    finally:
        for name in CUT:
            lab.s3("n1").remove_object(bucket, name)
        lab.s3("n1").remove_bucket(bucket)


def test_healthy(lab: Any, tmp_path: Path) -> None:
    code, result, output = report(lab, tmp_path, "-vvv")
    assert code == 0, output
    assert (result["schema_version"], result["verdict"], result["complete"]) == (2, "pass", True)
    assert {status: count for status, count in result["counts"].items() if count} == {"pass": CHECKS}
    assert f"all {CHECKS} checks passed" in output
    assert {layer["name"] for layer in result["layers"] if layer["counts"]["pass"]} == LAYERS
    # Each ordered pair of four hosts, and what is worth a cell between them.
    counts = {layer["name"]: layer["counts"]["pass"] for layer in result["layers"]}
    assert (counts["underlay-icmp"], counts["underlay-mtu"], counts["overlay"], counts["dns"]) == (12, 12, 24, 16)
    assert counts["swarm-ports"] == 12 * 3 + 9
    user, password = lab.credentials()
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert password not in output + written and user not in output + written
    # A URL that is signed is a credential for as long as it lasts, and so are the check's own.
    kept = json.loads(lab.hosts["n1"].check_output("cat /run/baremetal-overlay/check-user.json"))
    told = ("X-Amz-Signature", "X-Amz-Credential", kept["password"], kept["token"])
    assert not [secret for secret in told if secret in output + written]
    nothing_left(lab)


def test_the_report_in_three_forms(lab: Any, tmp_path: Path) -> None:
    _code, result, _output = report(lab, tmp_path)
    suites = ElementTree.parse(tmp_path / "connectivity.xml").getroot()
    assert {suite.get("name") for suite in suites} == LAYERS
    assert (
        len(suites.findall("./testsuite/testcase")) == sum(result["counts"].values()) == int(suites.get("tests") or 0)
    )
    page = (tmp_path / "connectivity.html").read_text()
    assert "Pass: all" in page
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|<script|<link", page)
    assert {path.name for path in tmp_path.iterdir()} == {f"connectivity.{kind}" for kind in ("json", "xml", "html")}
    nothing_left(lab)


@pytest.mark.usefixtures("cut")
def test_a_cut_pair_is_red_and_nothing_else(lab: Any, tmp_path: Path) -> None:
    code, result, output = report(lab, tmp_path)
    assert code != 0
    assert "checks failed" in output
    pairs = (CUT, CUT[::-1])
    ports = {("swarm-ports", check, *pair) for pair in pairs for check in ("7946/tcp", "7946/udp", "4789/udp")}
    ports.add(("swarm-ports", "2377/tcp", "n4", "n3"))
    red = {("underlay-icmp", "icmp", *pair) for pair in pairs} | ports
    red |= {("overlay", check, *pair) for pair in pairs for check in ("icmp", "9000/tcp")}
    # S3 is slow then, and works.
    assert cells(result, "fail") == red
    # What cannot be measured between hosts that do not answer has no result, and says why.
    unmeasured = {(layer, "mtu", *pair) for pair in pairs for layer in ("underlay-mtu", "overlay-mtu")}
    # A server waits for the one that it does not hear before it refuses a user that it does not know.
    unanswered = {("s3", "defaults", name, "refuses default credentials") for name in CUT}
    assert unmeasured <= cells(result, "unknown") <= unmeasured | unanswered
    assert "Fail:" in (tmp_path / "connectivity.html").read_text()
    failures = ElementTree.parse(tmp_path / "connectivity.xml").getroot().findall(".//failure")
    assert len(failures) == result["counts"]["fail"] == len(red)


def test_a_host_that_does_not_answer_stops_nothing(lab: Any, tmp_path: Path) -> None:
    code, result, output = report(
        lab, tmp_path, "-e", '{"ansible_ssh_extra_args": "-o ConnectTimeout=3"}', "-e", "@" + str(gone(tmp_path))
    )
    assert code != 0
    assert cells(result, "fail") == {("hosts", "answers", "n4", "Ansible")}
    assert ("underlay-icmp", "icmp", "n1", "n4") in cells(result, "pass")
    assert ("underlay-icmp", "icmp", "n4", "n1") in cells(result, "unknown")
    assert "n4 is unreachable" in output


def gone(directory: Path) -> Path:
    """Variables that lead Ansible, and only Ansible, past the fourth host."""
    path = directory / "gone.yml"
    address = "{{ '172.31.77.99' if inventory_hostname == 'n4' else overlay_underlay_address }}"
    path.write_text(json.dumps({"ansible_host": address}))
    return path


def test_one_host_alone(lab: Any, tmp_path: Path) -> None:
    code, result, output = report(lab, tmp_path, "--limit", "n1")
    assert code == 0, output
    assert (result["verdict"], result["complete"]) == ("pass", False)
    assert ("swarm-ports", "7946/tcp", "n1", "n2") in cells(result, "pass")
    assert ("swarm-ports", "7946/udp", "n1", "n2") in cells(result, "not_run")
    nothing_left(lab)


def test_check_mode_starts_and_stores_nothing(lab: Any, tmp_path: Path) -> None:
    run = lab.play("verify", "--check", "-e", f"connectivity_report_dir={tmp_path / 'none'}")
    assert run.rc == 0, run.output
    assert not (tmp_path / "none").exists()
    nothing_left(lab)


def test_a_directory_that_cannot_be_written_is_refused_before_anything_is_probed(lab: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    run = lab.play("verify", "-e", f"connectivity_report_dir={file / 'report'}")
    assert run.rc != 0
    assert (
        f"connectivity_report_dir: {file / 'report'} cannot be written on the controller (Not a directory:" in run.text
    )
    assert "Say what is here" not in run.output


OTHER = "172.31.77.22"


@pytest.fixture
def renumbered(lab: Any) -> Iterator[str]:
    """The fourth host has another address than the one with which it joined."""
    inside = ("exec", "overlay-lab-n4", "ip", "address")
    own = ADDRESSES["n4"]
    lab.engine(*inside, "add", f"{OTHER}/24", "dev", "eth0")
    # A second address of the same subnet goes with the first one.
    lab.engine(*inside, "del", f"{own}/24", "dev", "eth0")
    lab.engine(*inside, "replace", f"{OTHER}/24", "dev", "eth0")
    try:
        yield OTHER
    finally:
        lab.engine(*inside, "del", f"{OTHER}/24", "dev", "eth0")
        lab.engine(*inside, "add", f"{own}/24", "dev", "eth0")
    lab.eventually(lambda: all(set(lab.drives(node).values()) == {"ok"} for node in lab.hosts), True)


def test_a_renumbered_host_is_told_of_its_node(
    lab: Any, renumbered: str, changed_inventory: Callable[[Callable[[dict[str, Any]], None]], Path]
) -> None:
    def reached(inventory: dict[str, Any]) -> None:
        own = inventory["all"]["children"]["workers"]["hosts"]["n4"]
        alias = f"-o HostKeyAlias={ADDRESSES['n4']}"
        own.update(ansible_host=renumbered, overlay_underlay_address=renumbered, ansible_ssh_extra_args=alias)

    run = lab.play("preflight", inventory=changed_inventory(reached))
    assert run.rc != 0
    said = f"n4: its node in the swarm has the address {ADDRESSES['n4']}, which none of its interfaces has"
    assert said in run.text and f"overlay_underlay_address is {renumbered}" in run.text, run.output
    assert "teardown.yml --limit n4" in run.text
