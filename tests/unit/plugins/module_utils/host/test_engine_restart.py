# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart waits for the others before, and for this host after."""

from __future__ import annotations

import dataclasses
import http.server
import json
import re
import ssl
import subprocess
import threading

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.host import engine_restart, engine_setup, runner, steps
from ansible_collections.baremetal.overlay.plugins.module_utils.host.local_engine import Answers
from still_clock import StillClock


def script(*answers):
    """Each call the next answer, the last one for ever."""
    left = list(answers)
    return lambda *_args: left.pop(0) if len(left) > 1 else left[0]


def swarm(state, nodes=None, unlisted="", containers=()):
    """Of a worker, or of a manager that lists these nodes, or that cannot."""
    own = {"LocalNodeState": state, "NodeID": "me", "ControlAvailable": bool(nodes is not None or unlisted)}
    return Answers("1.45", {"Swarm": own}, [], list(nodes or []), [], list(containers), [], unlisted)


def minio(port=9000):
    """A server's container, as the engine lists it."""
    command = f"/usr/bin/minio server --address :{port} --console-address :9001 http://minio{{1...4}}:{port}/drives/d"
    return {"Id": "c", "Command": command, "Labels": {"com.docker.swarm.service.name": "minio1"}}


def managers(*reachable):
    names = ["me", *(f"m{index}" for index in range(len(reachable)))]
    states = [True, *reachable]
    return [
        {
            "ID": name,
            "Status": {"State": "ready"},
            "ManagerStatus": {"Reachability": "reachable" if state else "unreachable", "Leader": name == names[-1]},
        }
        for name, state in zip(names, states)
    ]


def without_leader(nodes):
    return [{**node, "ManagerStatus": {**node["ManagerStatus"], "Leader": False}} for node in nodes]


def rejoining(reachability="reachable", state="ready"):
    """This manager as the leader sees it while it comes back."""
    own, *others = managers(True, True)
    status = {**own["ManagerStatus"], "Reachability": reachability}
    return [{**own, "ManagerStatus": status, "Status": {"State": state}}, *others]


def restart(
    system, probe=lambda _url: engine_restart.ABSENT, ask=lambda: swarm("active"), url="http://n1:9000", peers=()
):
    step = engine_restart.RestartEngine(url, peers, 30, probe, ask, clock=StillClock())
    step.apply(system)


def restarted(system):
    return any(command.startswith("systemctl restart") for command in system.ran)


def test_restart_waits_for_leave_and_for_health(fake_system):
    system = fake_system(files={engine_setup.PENDING: "x"})
    probe = script("412", "503", "200", "503", "200")
    restart(system, probe, script(swarm("active"), swarm("active"), None, swarm("pending"), swarm("active")))
    assert restarted(system) and engine_setup.PENDING not in system.files


@pytest.mark.parametrize("status", ["412", "503", "no answer (timed out)"])
def test_no_restart_while_minio_needs_this_host(fake_system, status):
    system = fake_system()
    with pytest.raises(WaitTimeout, match=r"nothing was restarted.*" + status.split()[0]):
        restart(system, lambda _url: status)
    assert not restarted(system)


@pytest.mark.parametrize(
    ("own", "other", "reason"),
    [
        ("200", "200", ""),
        ("absent", "absent", ""),
        ("absent", "200", ""),
        ("200", "absent", "http://n2:9000 answers no MinIO"),
        ("absent", "503", "http://n2:9000 answers 503"),
        ("200", "no answer (timed out)", "http://n2:9000 answers no answer (timed out)"),
    ],
)
def test_never_two_are_away(fake_system, own, other, reason):
    words = {"absent": engine_restart.ABSENT}
    answers = {"n1": words.get(own, own), "n2": words.get(other, other)}
    system = fake_system()

    def probe(url):
        healthy_again = restarted(system) and answers["n1"] != engine_restart.ABSENT
        return "200" if healthy_again else answers[url.split(":")[1].strip("/")]

    if reason:
        with pytest.raises(WaitTimeout, match=re.escape(reason)):
            restart(system, probe, peers=["http://n2:9000"])
    else:
        restart(system, probe, peers=["http://n2:9000"])
    assert restarted(system) == (not reason)


def test_a_host_without_minio_or_url_is_free_to_go(fake_system):
    for url in ("", "http://n1:9000"):
        system = fake_system()
        restart(system, url=url)
        assert restarted(system)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (managers(True, True), ""),
        (managers(True, False), "only 1 of the 2 other managers are reachable"),
        (managers(True, True, False, False), "only 2 of the 4 other managers are reachable"),
        (managers(False), ""),  # with two managers there is no better moment
        (managers(), ""),
        (without_leader(managers(True, True)), "no manager leads the swarm"),
        (managers(True, True)[1:], "this manager is not among the managers that the swarm lists"),
        ([], "this manager is not among the managers that the swarm lists"),
    ],
)
def test_managers_keep_their_quorum(fake_system, nodes, reason):
    said = engine_restart.lost_managers(swarm("active", nodes))
    assert said.startswith(reason) and bool(reason) == bool(said)
    if reason:
        system = fake_system()
        with pytest.raises(WaitTimeout, match=rf"{reason}|nothing was restarted"):
            restart(system, ask=lambda: swarm("active", nodes))
        assert not restarted(system)


def test_a_worker_has_no_vote_to_lose():
    assert engine_restart.lost_managers(swarm("active")) == ""


def test_a_manager_without_a_leader_does_not_go(fake_system):
    """It cannot list the managers: how many of them are left is unknown, and unknown is never a go."""
    system = fake_system()
    silent = swarm("active", unlisted="The swarm does not have a leader")
    with pytest.raises(WaitTimeout, match=r"nothing was restarted.*cannot tell who the others are .*have a leader"):
        restart(system, ask=lambda: silent)
    assert not restarted(system)


def test_a_leader_that_is_elected_meanwhile_lets_it_go(fake_system):
    system = fake_system()
    restart(system, ask=script(swarm("active", unlisted="no leader"), *[swarm("active", managers(True, True))] * 2))
    assert restarted(system)


@pytest.mark.parametrize(
    ("seen", "last"),
    [
        (swarm("active"), "not a manager again"),
        (swarm("active", unlisted="no leader yet"), r"no leader \(no leader yet\)"),
        (swarm("active", without_leader(managers(True, True))), "no leader"),
        (swarm("active", rejoining("unreachable")), "reachability unreachable"),
        (swarm("active", rejoining("unknown")), "reachability unknown"),
        (swarm("active", rejoining(state="down")), "node state down"),
        (swarm("active", managers(True, True)[1:]), "reachability unknown"),
    ],
)
def test_a_manager_is_back_only_once_the_leader_reaches_it(fake_system, seen, last):
    system = fake_system(files={engine_setup.PENDING: "x"})
    whole = swarm("active", managers(True, True))

    def ask():
        return seen if restarted(system) else whole

    with pytest.raises(WaitTimeout, match=f"as a manager; last seen: {last}"):
        restart(system, ask=ask)
    # What has not ended well is still to be done.
    assert engine_setup.PENDING in system.files


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://n1:9000", r"minio1 \(--address :9100\) runs on this host, and nothing answers at http://n1:9000"),
        ("", r"minio1 \(--address :9100\) runs on this host, and no URL says where to ask it"),
    ],
)
def test_silence_at_another_port_is_no_absence(fake_system, url, reason):
    system = fake_system()
    with pytest.raises(WaitTimeout, match=rf"nothing was restarted.*{reason}; give its URL as docker_engine_minio_url"):
        restart(system, ask=lambda: swarm("active", containers=[minio(9100)]), url=url, peers=["http://n2:9000"])
    assert not restarted(system)


def test_a_manager_that_locked_itself_is_unlocked_with_the_key_of_before(fake_system):
    system, given = fake_system(), []
    whole = dataclasses.replace(swarm("active", managers(True, True)), unlock_key="SWMKEY-1-secret")

    def ask():
        return swarm("locked") if restarted(system) and not given else whole

    step = engine_restart.RestartEngine("", (), 30, None, ask, given.append, StillClock())
    step.apply(system)
    assert given == ["SWMKEY-1-secret"]
    assert "secret" not in repr(whole)


def test_other_containers_are_no_server(fake_system):
    web = {"Id": "w", "Command": "/server --address :80", "Labels": None}
    system = fake_system()
    restart(system, ask=lambda: swarm("active", containers=[web]))
    assert restarted(system)


def test_a_manager_without_minio_waits_for_servers_that_are_away(fake_system):
    system = fake_system()
    with pytest.raises(WaitTimeout, match="http://n2:9000 answers 503"):
        restart(system, lambda _url: "503", url="", peers=["http://n2:9000"])
    assert not restarted(system)


def test_a_host_that_does_not_come_back_is_an_error(fake_system):
    with pytest.raises(WaitTimeout, match="last seen: swarm state pending"):
        restart(fake_system(), ask=script(swarm("active"), swarm("active"), swarm("pending")))


def test_unknown_minio_port_is_absent():
    assert engine_restart.ask_minio("http://127.0.0.1:1/minio/health/cluster") == engine_restart.ABSENT


def test_a_host_without_the_file_of_authorities_verifies_by_what_it_is_told(tmp_path, authority_and_server):
    text, url = authority_and_server
    missing = str(tmp_path / "none.crt")
    assert engine_restart.ask_minio(url, ca_path=missing, ca_certificates=text) == "200"
    assert "CERTIFICATE_VERIFY_FAILED" in engine_restart.ask_minio(url, ca_path=missing)


@pytest.fixture
def authority_and_server(tmp_path):
    """A server that only its own certificate verifies, and that certificate."""
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=minio1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield certificate.read_text(), f"https://127.0.0.1:{server.server_address[1]}/minio/health/cluster"
    server.shutdown()
    thread.join()
    server.server_close()


class FakeModule:
    check_mode = False

    def fail_json(self, **result):
        raise SystemExit(json.dumps(result))


def test_every_violation_at_once_and_nothing_applied(fake_system):
    system = fake_system()
    bad = steps.Plan(violations=["one", "two"])
    good = steps.Plan(steps=[steps.Mark("/mark", "x", "mark")])
    with pytest.raises(SystemExit, match=r"one\\ntwo\\nthree"):
        runner.refuse(FakeModule(), {"a": bad, "b": steps.Plan(violations=["three"])})
    assert runner.apply(FakeModule(), [bad, good], system) is False and system.ran == []
    assert runner.apply(FakeModule(), [good], system) is True and system.ran == ["write /mark"]


def test_check_mode_applies_nothing_and_says_so(fake_system):
    module, system = FakeModule(), fake_system()
    module.check_mode = True
    assert runner.apply(module, [steps.Plan(steps=[steps.Mark("/mark", "x", "mark")])], system) is True
    assert system.ran == []


def test_errors_become_failures_at_the_edge():
    with pytest.raises(SystemExit, match="the sentence"), runner.failing(FakeModule()):
        raise OverlayError("the sentence")


def test_diff_shows_files_and_sentences():
    plan = steps.Plan(
        steps=[steps.WriteFile("/etc/x", "new\n", "old\n"), steps.Mark("/m", "x"), steps.Run("do it", ())]
    )
    shown = plan.diff("engine")
    assert (shown[0]["before"], shown[0]["after"]) == ("old\n", "new\n")
    assert shown[1]["after"] == "do it\n"
    assert plan.sentences == ["change /etc/x", "do it"]
    assert dataclasses.replace(plan.steps[0], before=None).sentence == "write /etc/x"
