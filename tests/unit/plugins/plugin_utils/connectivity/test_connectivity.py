# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts say to what they probe, and from what they saw to a verdict: plain data in, plain data out."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.baremetal.overlay.plugins.action.connectivity_report import write
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import junit, page, plan, verdict, view
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import LAYERS

STARTED = "2026-11-24T15:00:00.000+00:00"
SETTINGS = {
    "run": "0123456789abcd",
    "network": "minio-overlay",
    "port": 9000,
    "scheme": "http",
    "data_path_port": 4789,
    "clients": ["http://s3.example.org"],
    "client_host": "localhost",
    "started": STARTED,
}
HEALTHY = {check: {"status": 200} for check in ("live", "cluster", "cluster/read")}
STORED = {"write": "", "read": "", "confined": "", "defaults": ""}


GIB = 1 << 30


def drive(position):
    """What a host says of a drive that is well."""
    target = f"/srv/minio/drive{position}"
    return {"position": position, "device": "/dev/sda", "target": target, "wrong": "", "unmounted": "", "smart": {}}


def disk(server, position, erasure_set=0, **more):
    """What MinIO says of a drive that is well."""
    room = {"totalspace": 100 * GIB, "usedspace": 30 * GIB, "availspace": 70 * GIB}
    told = {"endpoint": f"http://minio{server}:9000/drives/drive{position}", "state": "ok", "healing": False, **room}
    return {
        **told,
        "pool_index": 0,
        "set_index": erasure_set,
        "used_inodes": 9,
        "free_inodes": 10**6,
        "healed": {},
        **more,
    }


class World:
    """Hosts that are well, each of which a test can make ill."""

    def __init__(self, count=4):
        names = [f"n{number}" for number in range(1, count + 1)]
        self.groups = {"managers": names[:3], "workers": names[3:], "minio": names}
        self.hostvars = {name: self.host(number) for number, name in enumerate(names, 1)}
        self.endpoints = [f"http://192.0.2.{number}:9000" for number in range(1, count + 1)]
        client = {"health": {"http://s3.example.org": HEALTHY}, "clients": {"http://s3.example.org": STORED}}
        self.hostvars["n1"]["__connectivity_visit"] = {"store": client}
        self.ran = names
        self.faults = {}
        self.settings = {}

    def host(self, number):
        task = {"service": f"minio{number}", "address": f"10.77.0.{number}", "pid": 100 + number, "mtu": 1450}
        task |= {"image": "sha256:aa", "release": "R1"}
        sight = {"mtu": 1500, "interface": "eth0", "engine": "26.1.5", "swarm": "active", "tasks": [task]}
        sight |= {"engine_error": "", "kernel": "6.12", "python": "3.13", "clock": {"time": 1000.5, "age": 0.5}}
        sight["drives"] = [drive(position) for position in (1, 2)]
        answer = {"sight": sight, "responder": "", "stamps": {"sent": 999.0, "received": 1001.0}}
        if number <= 3:
            answer["store"] = {"error": ""}
            managers = [{"name": f"n{one}", "reachability": "reachable"} for one in (1, 2, 3)]
            sight |= {"manager": True, "managers": managers, "managers_error": ""}
        declared = {"overlay_host_number": number, "minio_drives": ["/dev/sda", "/dev/sdb"]}
        return {**declared, "overlay_underlay_address": f"192.0.2.{number}", "__connectivity_respond": answer}

    def disks(self):
        """As MinIO has them, set by set; as many as are declared."""
        pool = self.view().layout.pools[0]
        servers = [(number, place) for place in (1, 2) for number in pool.servers]
        return [disk(server, place, where // pool.set_size) for where, (server, place) in enumerate(servers)]

    def kernel_overlay(self):
        """Servers in the hosts' network, over an overlay of the hosts' own."""
        self.settings = {"driver": "kernel", "network": "host"}
        addresses = {name: variables["overlay_underlay_address"] for name, variables in self.hostvars.items()}
        for name in addresses:
            remotes = [address for other, address in addresses.items() if other != name]
            self.sight(name)["vtep"] = {"bridge": "ovl0", "remotes": remotes}

    def sight(self, name):
        return self.hostvars[name]["__connectivity_respond"]["sight"]

    def view(self):
        """What no test makes ill is as it is declared."""
        for variables in self.hostvars.values():
            address = variables["overlay_underlay_address"]
            seen = variables["__connectivity_respond"].get("sight", {})
            seen.setdefault("node_address", address.lower())
            seen.setdefault("addresses", ["192.0.2.200", address.lower()])
        return view.read(self.hostvars, self.groups, self.ran, {**SETTINGS, **self.settings})

    def run(self):
        """Every host probes what the plan says, and sees what is well unless there is a fault."""
        for name, mine in plan.draw(self.view()).items():
            results = {probe["key"]: self.result(name, probe) for probe in mine["probes"]}
            probed = self.hostvars[name].setdefault("__connectivity_probe", {"probes": results})
            if mine["store"] == "examine" and "probes" in probed:
                endpoints = {endpoint: dict(STORED) for endpoint in self.endpoints}
                health = dict.fromkeys(self.endpoints, HEALTHY)
                probed["store"] = {"error": "", "health": health, "endpoints": endpoints, "left_behind": ""}
                probed["store"]["storage"] = {"error": "", "disks": self.disks()}
        return self.judge()

    def result(self, name, probe):
        good = {"ok": True, "ms": 0.1, "size": probe.get("size"), "error": ""}
        if probe["kind"] in ("dns", "hosts"):
            good["addresses"] = [f"10.77.0.{probe['name'][5:]}"]
        return {**good, **self.faults.get((name, probe["key"]), {})}

    def judge(self):
        return verdict.judge(self.view(), STARTED, 3.2)


def cells(result, status):
    return {
        (layer["name"], cell["check"], cell["from"], cell["to"])
        for layer in result["layers"]
        for cell in layer["cells"]
        if cell["status"] == status
    }


def reasons(result, status):
    return [cell["detail"] for layer in result["layers"] for cell in layer["cells"] if cell["status"] == status]


@pytest.fixture
def world():
    return World()


def test_what_is_well_passes_in_every_layer(world):
    result = world.run()
    assert (result["verdict"], result["complete"], result["failures"]) == ("pass", True, [])
    assert all(layer["status"] == "pass" for layer in result["layers"])
    assert result["sentence"] == f"all {result['counts']['pass']} checks passed"


def test_ipv6_passes_in_every_layer_however_it_is_written(world):
    world.kernel_overlay()
    usual = {name: f"fd31:79::{name[1:]}" for name in world.hostvars}
    world.endpoints = [f"http://[{address}]:9000" for address in usual.values()]
    for name, variables in world.hostvars.items():
        variables["overlay_underlay_address"] = f"FD31:79:0::{name[1:]}"
        world.sight(name)["vtep"]["remotes"] = [address for other, address in usual.items() if other != name]
    result = world.run()
    assert (result["verdict"], result["complete"], result["failures"]) == ("pass", True, [])
    probes = plan.draw(world.view())["n1"]
    assert probes["probers"] == usual
    assert {probe["address"] for probe in probes["probes"] if probe["key"].startswith("underlay")} == {
        address for name, address in usual.items() if name != "n1"
    }


def test_every_pair_is_probed_both_ways_and_managers_only_for_management(world):
    keys = [probe["key"] for probe in plan.draw(world.view())["n4"]["probes"]]
    assert [key for key in keys if key.startswith("2377")] == ["2377/tcp n1", "2377/tcp n2", "2377/tcp n3"]
    assert [key for key in keys if key.startswith("underlay")] == ["underlay n1", "underlay n2", "underlay n3"]
    assert len(keys) == len(set(keys))


def test_servers_that_have_no_network_of_their_own_are_seen_on_the_underlay(world):
    world.settings = {"driver": "host", "network": "host"}
    result = world.run()
    assert result["verdict"] == "pass"
    assert {layer["name"] for layer in result["layers"] if layer["status"] == "not_run"} == {"overlay", "overlay-mtu"}
    (reason,) = set(reasons(result, "not_run"))
    assert "overlay_network_driver: host" in reason
    assert not [probe for probe in plan.draw(world.view())["n1"]["probes"] if probe["key"].startswith("overlay")]


def test_names_in_the_hosts_network_are_looked_up_in_the_hosts_file(world):
    for name in world.ran:
        world.sight(name)["tasks"][0]["network"] = "host"
    world.kernel_overlay()
    assert world.run()["verdict"] == "pass"
    kinds = {probe["kind"] for probe in plan.draw(world.view())["n1"]["probes"] if probe["key"].startswith("dns")}
    assert kinds == {"hosts"}


def test_a_kernel_overlay_leads_to_all_hosts_and_to_nobody_else(world):
    world.kernel_overlay()
    layers = [layer["name"] for layer in world.run()["layers"]]
    assert layers.index("vtep") == layers.index("overlay") - 1
    world.sight("n1")["vtep"]["remotes"] = ["192.0.2.2", "192.0.2.4", "192.0.2.99"]
    world.sight("n4")["vtep"] = {"bridge": "", "remotes": []}
    result = world.run()
    assert [cell[2:] for cell in sorted(cells(result, "fail")) if cell[1] == "stranger"] == [("n1", "192.0.2.99")]
    assert {cell[2:] for cell in cells(result, "fail") if cell[1] == "remote"} == {
        ("n1", "n3"),
        *(("n4", name) for name in ("n1", "n2", "n3")),
    }
    assert "n1 has no link to n3 (192.0.2.3)" in result["failures"]
    assert "n4 has no bridge, and so no link to n1 (192.0.2.1)" in result["failures"]


def test_asked_for_itself_a_server_may_be_told_its_address_on_another_network(world):
    for name in world.ran:
        task = world.sight(name)["tasks"][0]
        task["own"] = [task["address"], "172.30.2.2"]
    elsewhere = {"ok": True, "addresses": ["172.30.2.2"], "error": ""}
    world.faults[("n1", "dns minio1")] = elsewhere
    assert world.run()["verdict"] == "pass"
    world.hostvars["n1"].pop("__connectivity_probe")
    world.faults[("n1", "dns minio2")] = elsewhere
    assert cells(world.run(), "fail") == {("dns", "dns", "n1", "minio2")}


def test_one_manager_looks_at_s3_and_the_others_clear(world):
    world.hostvars["n1"]["__connectivity_respond"]["store"]["error"] = "no"
    stores = {name: mine["store"] for name, mine in plan.draw(world.view()).items()}
    assert stores == {"n1": None, "n2": "examine", "n3": "clear", "n4": None}


LOST = {"ok": False, "ms": None, "size": 0, "error": "no answer", "addresses": []}
FAULTS = [
    ("underlay n4", {("underlay-icmp", "icmp", "n3", "n4")}),
    ("7946/udp n4", {("swarm-ports", "7946/udp", "n3", "n4")}),
    ("2377/tcp n1", {("swarm-ports", "2377/tcp", "n3", "n1")}),
    ("overlay icmp n4", {("overlay", "icmp", "n3", "n4")}),
    ("overlay tcp n4", {("overlay", "9000/tcp", "n3", "n4")}),
    ("dns minio2", {("dns", "dns", "n3", "minio2")}),
]


@pytest.mark.parametrize(("key", "red"), FAULTS, ids=[case[0] for case in FAULTS])
def test_a_fault_is_red_where_it_is_and_nowhere_else(world, key, red):
    world.faults["n3", key] = LOST
    result = world.run()
    assert result["verdict"] == "fail"
    assert cells(result, "fail") == red
    assert "n3" in result["failures"][0]


def test_a_smaller_packet_is_named_with_both_sizes(world):
    world.faults["n1", "underlay n2"] = {"size": 1400}
    world.faults["n1", "overlay icmp n2"] = {"size": 1350}
    first, second = world.run()["failures"]
    assert "n1 → n2: the largest packet that passes unfragmented is 1400 bytes; n1's eth0 sends up to 1500" in first
    assert "is 1350 bytes; the task's interface sends up to 1450" in second


def test_sizes_between_hosts_that_do_not_answer_are_unknown(world):
    world.faults["n1", "underlay n2"] = LOST
    assert cells(world.run(), "unknown") == {("underlay-mtu", "mtu", "n1", "n2")}


def test_a_wrong_address_in_dns_says_which_is_right(world):
    world.faults["n2", "dns minio4"] = {"addresses": ["10.77.0.99"]}
    assert world.run()["failures"] == ["minio4 as seen from n2: 10.77.0.99; its tasks have 10.77.0.4"]


def test_an_unreachable_host_is_one_failure_and_the_rest_goes_on(world):
    world.hostvars["n4"]["__connectivity_respond"] = {"unreachable": True, "msg": "Connection timed out"}
    result = world.run()
    assert cells(result, "fail") == {("hosts", "answers", "n4", "Ansible")}
    assert ("underlay-icmp", "icmp", "n1", "n4") in cells(result, "pass")
    assert "n4 is unreachable: Connection timed out" in reasons(result, "unknown")
    assert set(result["unknown"]) == {
        "n4 is unreachable: Connection timed out",
        "nothing responds on udp: n4 is unreachable: Connection timed out",
    }


# What a module says that failed, and what is left of a key that a core keeps for itself.
SILENT = {
    "unreachable": ({"unreachable": True, "msg": "gone"}, "n2 is unreachable: gone"),
    "failed": ({"failed": True, "msg": "Traceback\nKeyError: 'x'"}, "n2 failed: KeyError: 'x'"),
    "renamed": ({"ansible_module_results": {}, "changed": False}, "n2 failed: no answer"),
}


@pytest.mark.parametrize(("answer", "reason"), SILENT.values(), ids=SILENT)
def test_a_host_without_results_is_no_pass(world, answer, reason):
    world.hostvars["n2"]["__connectivity_probe"] = answer
    result = world.run()
    assert (result["verdict"], result["complete"], result["failures"]) == ("fail", False, [])
    assert ("underlay-icmp", "icmp", "n2", "n1") in cells(result, "unknown")
    assert reason in result["unknown"]
    unknown = result["counts"]["unknown"]
    total = sum(result["counts"].values())
    assert result["sentence"] == f"{unknown} of {total} checks could not be run; the other {total - unknown} passed"
    assert re.search(r"<h1>Fail: ", page.render(result))


def test_every_layer_has_as_many_cells_as_are_declared(world):
    counts = {layer["name"]: sum(layer["counts"].values()) for layer in world.run()["layers"]}
    assert all(layer.expected(world.view()) == counts[layer.name] for layer in LAYERS if layer.name in counts)
    for fault in ("absence", "task", "store"):
        some = World()
        if fault == "absence":
            some.hostvars["n4"]["__connectivity_respond"] = {"unreachable": True, "msg": "no"}
        elif fault == "task":
            some.sight("n4")["tasks"] = []
        else:
            del some.hostvars["n1"]["__connectivity_visit"]
        found = {layer["name"]: sum(layer["counts"].values()) for layer in some.run()["layers"]}
        assert found == counts, fault


def test_a_layer_that_says_too_little_is_no_pass(world, monkeypatch):
    short = dataclasses.replace(LAYERS[1], cells=lambda view: iter(list(LAYERS[1].cells(view))[1:]))
    monkeypatch.setattr(verdict, "LAYERS", (LAYERS[0], short, *LAYERS[2:]))
    result = world.run()
    assert result["verdict"] == "fail"
    assert result["unknown"] == ["Underlay: 11 checks have a result, of 12"]


def test_a_host_that_may_be_absent_fails_nothing(world):
    world.settings["unreachable_consent"] = ["n4"]
    world.hostvars["n4"]["__connectivity_respond"] = {"unreachable": True, "msg": "Connection timed out"}
    for name in ("n1", "n2", "n3"):
        for key in ("underlay n4", "2377/tcp n4", "7946/tcp n4"):
            world.faults[name, key] = LOST
    world.endpoints.pop()
    result = world.run()
    assert (result["verdict"], result["complete"], result["failures"]) == ("pass", False, [])
    whole = {"clients", "quorum", "room"}
    assert {cell[0] for cell in cells(result, "not_run")} == {layer["name"] for layer in result["layers"]} - whole
    assert set(reasons(result, "not_run")) == {
        "n4 is unreachable, as overlay_unreachable_consent allows",
        "nothing responds on udp: n4 is unreachable, as overlay_unreachable_consent allows",
    }
    assert plan.draw(world.view())["n1"]["endpoints"] == world.endpoints


def test_a_host_left_out_is_neither_a_pass_nor_a_failure(world):
    world.ran = ["n1"]
    result = world.run()
    assert (result["verdict"], result["complete"]) == ("pass", False)
    assert ("hosts", "answers", "n2", "Ansible") in cells(result, "not_run")


def test_check_mode_leaves_out_what_would_change_something(world):
    world.settings["check_mode"] = True
    world.hostvars["n1"]["__connectivity_visit"] = {"changed": False}
    for name, variables in world.hostvars.items():
        variables["__connectivity_respond"]["responder"] = "check mode starts none"
        results = {probe["key"]: world.result(name, probe) for probe in plan.draw(world.view())[name]["probes"]}
        variables["__connectivity_probe"] = {"probes": results}
    result = world.judge()
    assert (result["verdict"], result["complete"], result["unknown"]) == ("pass", False, [])
    asked = {"drives", "quorum", "room", "s3", "health", "clients"}
    assert {cell[0] for cell in cells(result, "not_run")} == {"swarm-ports", *asked}


def test_no_task_and_no_engine_are_told_apart(world):
    world.sight("n2")["tasks"] = []
    world.sight("n3").update(tasks=[], engine_error="no engine answers", engine=None)
    result = world.run()
    said = reasons(result, "unknown")
    assert "n2: no task on the network of MinIO's servers runs there" in said
    assert "n3: its engine does not answer" in said
    assert cells(result, "fail") == {("hosts", "engine", "n3", "Engine")}


def test_no_responder_leaves_its_udp_ports_unknown(world):
    world.hostvars["n4"]["__connectivity_respond"]["responder"] = "systemd-run is missing"
    result = world.run()
    assert cells(result, "unknown") == {
        ("swarm-ports", f"{port}/udp", f"n{number}", "n4") for port in (7946, 4789) for number in (1, 2, 3)
    }
    assert "systemd-run is missing" in reasons(result, "unknown")[0]


@pytest.mark.parametrize("check", ["engine", "release", "image"])
def test_the_odd_version_is_the_one_that_fails(world, check):
    place = world.sight("n2") if check == "engine" else world.sight("n2")["tasks"][0]
    place[check] = "other"
    assert {cell[2] for cell in cells(world.run(), "fail")} == {"n2"}


@pytest.mark.parametrize("check", ["write", "read", "confined", "defaults"])
def test_what_s3_does_wrong_is_said_of_its_endpoint(world, check):
    world.run()
    world.hostvars["n1"]["__connectivity_probe"]["store"]["endpoints"]["http://192.0.2.3:9000"][check] = "it is wrong"
    result = world.judge()
    assert {cell[:3] for cell in cells(result, "fail")} == {("s3", check, "n3")}
    assert result["failures"] == ["http://192.0.2.3:9000 (n3): it is wrong"]


def test_where_no_manager_gets_the_user_only_health_is_asked_for(world):
    for name in ("n1", "n2", "n3"):
        world.hostvars[name]["__connectivity_respond"]["store"] = {"error": "timed out"}
    assert {name: mine["store"] for name, mine in plan.draw(world.view()).items()}["n1"] == "health"
    world.hostvars["n1"]["__connectivity_probe"] = {"probes": {}, "store": {"health": {}}}
    result = world.judge()
    assert result["failures"] == ["timed out"]
    assert {cell[:2] for cell in cells(result, "fail")} == {("s3", "user")}


def test_a_bucket_that_stays_is_a_failure(world):
    world.run()
    world.hostvars["n1"]["__connectivity_probe"]["store"]["left_behind"] = "bucket x could not be removed"
    assert world.judge()["failures"] == ["bucket x could not be removed"]


def test_a_client_that_is_kept_out_is_red(world):
    visit = world.hostvars["n1"]["__connectivity_visit"]["store"]
    visit["health"] = {"http://s3.example.org": {check: {"error": "timed out"} for check in HEALTHY}}
    visit["clients"] = {"http://s3.example.org": {"write": "timed out", "read": ""}}
    result = world.run()
    assert {cell[1] for cell in cells(result, "fail")} == {"live", "cluster", "cluster/read", "write"}
    assert cells(result, "unknown") == {("clients", "read", "http://s3.example.org", "serves")}


def test_where_nothing_ran_the_verdict_is_no_pass(world):
    world.ran = []
    del world.hostvars["n1"]["__connectivity_visit"]
    result = world.run()
    assert (result["verdict"], result["counts"]["pass"]) == ("fail", 0)
    assert result["sentence"].startswith("none of ")


def test_one_host_has_nobody_to_reach():
    single = World(1)
    result = single.run()
    assert (result["verdict"], result["complete"]) == ("pass", True)
    assert "Nothing to check" in page.render(result)


def test_junit_counts_what_the_result_counts(world):
    world.faults["n3", "underlay n4"] = LOST
    result = world.run()
    root = ElementTree.fromstring(junit.render(result).encode())
    assert len(root.findall(".//testcase")) == sum(result["counts"].values())
    assert len(root.findall(".//failure")) == result["counts"]["fail"] == int(root.get("failures"))
    assert len(root.findall(".//error")) == result["counts"]["unknown"] == int(root.get("errors")) == 1
    assert len(root.findall(".//skipped")) == result["counts"]["not_run"]
    assert root.find(".//failure").get("message").startswith("n3 → n4")


# A terminal's escape, a NUL, what only UTF-16 has halves of, and two of Unicode's that are no characters.
UNSEEN = "lost\x1b[31m\x00\udc80\x9b2J\ufffe\uffff\r"
SEEN = "lost\\x1b[31m\\x00\\udc80\\x9b2J\\ufffe\\uffff\\x0d"


def test_words_of_hosts_with_control_characters_are_shown_and_make_no_broken_file(world, tmp_path):
    world.faults["n3", "underlay n4"] = {**LOST, "error": UNSEEN}
    world.sight("n2")["kernel"] = UNSEEN
    result = world.run()
    assert any(SEEN in sentence for sentence in result["failures"])
    assert not any(UNSEEN in text for text in (json.dumps(result), page.render(result)))
    for name in write(tmp_path, result):
        assert SEEN in Path(name).read_text(encoding="utf-8").replace("\\\\", "\\")
    root = ElementTree.parse(tmp_path / "connectivity.xml").getroot()
    assert SEEN in root.find(".//failure").get("message")


def test_a_result_that_was_not_judged_here_makes_no_broken_file_either(world, tmp_path):
    world.faults["n3", "underlay n4"] = LOST
    result = world.run()
    for layer in result["layers"]:
        layer["notes"] = [UNSEEN]
        for cell in layer["cells"]:
            cell["detail"] = UNSEEN
    assert ElementTree.fromstring(junit.render(result)).find(".//system-out").text == SEEN
    for name in write(tmp_path, result):
        assert Path(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 4, 32])
def test_the_page_says_the_verdict_first_and_needs_nothing_else(count):
    some = World(count)
    some.faults["n1", "underlay n2"] = {**LOST, "error": "<script>alert(1)</script>"}
    result = some.run()
    text = page.render(result)
    body = text.partition("<body")[2]
    assert body.index("<h1>") < body.index("<table")
    assert re.search(r"<h1>(Fail|Pass): ", body)
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|<link", text)
    assert len(re.findall(r'class="layer ', text)) == len(result["layers"])
    assert json.loads(json.dumps(result)) == result


def test_a_red_cell_is_told_by_sign_and_word_too(world):
    world.faults["n3", "7946/udp n4"] = LOST
    text = page.render(world.run())
    assert re.search(
        r'<td class="fail"[^>]*><span aria-hidden="true">✗</span><span class="hidden">fail</span> 7946/udp', text
    )
    assert "docs/troubleshooting.md#swarm-ports" in text


def policies(world, port=4789):
    """Servers whose kernels have the Engine's policies for each other."""
    world.settings = {"encryption": "docker"}
    addresses = {name: variables["overlay_underlay_address"] for name, variables in world.hostvars.items()}
    for name, own in addresses.items():
        others = [address for address in addresses.values() if address != own]
        found = [{"source": own, "target": address, "port": port} for address in others]
        world.sight(name)["policies"] = found


def test_dockers_encryption_is_looked_at_only_where_it_is_used(world):
    assert "encryption" not in {layer["name"] for layer in world.run()["layers"]}
    policies(world)
    result = world.run()
    assert (result["verdict"], result["complete"]) == ("pass", True)
    (layer,) = [one for one in result["layers"] if one["name"] == "encryption"]
    assert layer["counts"]["pass"] == 12


def test_policies_for_another_port_than_the_one_in_use_are_clear_text(world):
    policies(world)
    for name in ("n1", "n2", "n3"):
        world.sight(name)["data_path_port"] = 4790
    result = world.run()
    assert result["verdict"] == "fail"
    assert len([cell for cell in cells(result, "fail") if cell[0] == "encryption"]) == 12
    said = reasons(result, "fail")[0]
    assert "4790/udp" in said and "encrypts 4789/udp to n2 instead" in said and "clear text" in said


def test_one_missing_policy_is_one_red_cell(world):
    policies(world, 4790)
    world.settings["data_path_port"] = 4790
    world.sight("n1")["policies"] = [one for one in world.sight("n1")["policies"] if one["target"] != "192.0.2.3"]
    result = world.run()
    assert cells(result, "fail") == {("encryption", "policy", "n1", "n3")}
    assert "no policy of Docker's" in result["failures"][0]


def test_a_policy_too_many_or_for_all_ports_still_encrypts(world):
    policies(world)
    world.sight("n1")["policies"].append({"source": "192.0.2.1", "target": "192.0.2.2", "port": 9999})
    for policy in world.sight("n2")["policies"]:
        policy["port"] = 0
    assert world.run()["verdict"] == "pass"


def test_policies_that_were_not_looked_at_are_no_pass(world):
    policies(world)
    del world.sight("n2")["policies"]
    result = world.run()
    assert result["verdict"] == "fail"
    assert {cell[2] for cell in cells(result, "unknown")} == {"n2"}


def test_a_renumbered_host_is_red_beside_its_address(world):
    world.sight("n4").update(node_address="192.0.2.4", addresses=["192.0.2.22"])
    result = world.run()
    assert cells(result, "fail") == {("node-addresses", "interface", "n4", "Interface")}
    assert "the address 192.0.2.4, which none of its interfaces has (it has 192.0.2.22)" in result["failures"][0]
    world.sight("n4").update(addresses=["192.0.2.4", "192.0.2.22"])
    world.hostvars["n4"]["overlay_underlay_address"] = "192.0.2.22"
    assert ("node-addresses", "declared", "n4", "Declared") in cells(world.judge(), "fail")
    world.hostvars["n4"]["swarm_advertise_addr"] = "192.0.2.4"
    assert not [cell for cell in cells(world.judge(), "fail") if cell[0] == "node-addresses"]
