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


def swarm(state, nodes=()):
    return Answers("1.45", {"Swarm": {"LocalNodeState": state, "NodeID": "me"}}, [], list(nodes), [])


def managers(*reachable):
    names = ["me", *(f"m{index}" for index in range(len(reachable)))]
    states = [True, *reachable]
    return [
        {"ID": name, "ManagerStatus": {"Reachability": "reachable" if state else "unreachable"}}
        for name, state in zip(names, states)
    ]


def restart(
    system, probe=lambda _url: engine_restart.ABSENT, ask=lambda: swarm("active"), url="http://n1:9000", peers=()
):
    step = engine_restart.RestartEngine(url, peers, 30, probe, ask, StillClock())
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
        ([], ""),
    ],
)
def test_managers_keep_their_quorum(fake_system, nodes, reason):
    assert engine_restart.lost_managers(nodes, "me").startswith(reason) and bool(reason) == bool(
        engine_restart.lost_managers(nodes, "me")
    )
    if reason:
        system = fake_system()
        with pytest.raises(WaitTimeout, match="other managers are reachable"):
            restart(system, ask=lambda: swarm("active", nodes))
        assert not restarted(system)


def test_a_host_that_does_not_come_back_is_an_error(fake_system):
    with pytest.raises(WaitTimeout, match="last seen: pending"):
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
