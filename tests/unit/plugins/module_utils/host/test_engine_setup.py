# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an operator's daemon.json, and what is planned for an engine in whatever state."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    daemon,
    engine_setup,
    network,
    packages,
    units,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.local_engine import Answers
from ansible_collections.baremetal.overlay.plugins.module_utils.host.steps import Unmark, WriteFile

OPTIONS = {
    "package": "docker.io",
    "log_max_size": "10m",
    "log_max_file": 3,
    "address_pools": [{"base": "172.30.0.0/16", "size": 24}],
    "nofile": 1048576,
    "hold": True,
}
OURS = {
    "log-driver": "json-file",
    "log-opts": {"max-size": "10m", "max-file": "3"},
    "default-address-pools": [{"base": "172.30.0.0/16", "size": 24}],
}
RUNNING = Answers("1.45", {"ServerVersion": "26.1.5"}, [], [], [])
ARGUMENTS = "{ argv[]=/usr/sbin/dockerd -H fd:// %s ; ignore_errors=no }"
DROP_INS = dict.fromkeys(daemon.UNITS, "[Service]\nLimitNOFILE=1048576\n")


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        ({}, OURS),
        ({"dns": ["10.9.9.9"]}, {"dns": ["10.9.9.9"], **OURS}),
        ({"log-opts": {"tag": "x"}}, {**OURS, "log-opts": {"tag": "x", "max-size": "10m", "max-file": "3"}}),
        ({"live-restore": True}, {"live-restore": False, **OURS}),
        (
            {"log-driver": "journald", "default-address-pools": [{"base": "10.1.0.0/16", "size": 26}]},
            {"log-driver": "journald", "default-address-pools": [{"base": "10.1.0.0/16", "size": 26}]},
        ),
    ],
)
def test_daemon_json_is_merged(present, wanted):
    merged = daemon.merge(present, OPTIONS)
    assert merged == wanted
    assert daemon.merge(merged, OPTIONS) == merged


@pytest.mark.parametrize(
    ("flag", "absent"),
    [
        ("--log-opt max-size=1m", "log-opts"),
        ("--default-address-pool base=10.0.0.0/8,size=24", "default-address-pools"),
    ],
)
def test_what_the_unit_says_is_not_said_twice(flag, absent):
    assert absent not in daemon.merge({}, OPTIONS, ARGUMENTS % flag)


def test_nothing_asked_for_changes_nothing():
    assert daemon.write('{"dns": []}', {}) is None
    assert daemon.write(None, {}) is None


@pytest.mark.parametrize(("text", "said"), [("{oops", "is not JSON"), ("[1]", "holds a list")])
def test_a_broken_file_is_a_violation(text, said):
    with pytest.raises(InputError, match=said):
        daemon.parse(text)
    plan = engine_setup.plan(OPTIONS, engine_setup.State(daemon_json=text))
    assert said in plan.violations[0] and plan.steps == []


@pytest.fixture
def installed(fixture_text):
    """The state of a real host after the role."""
    return engine_setup.State(
        packages=packages.parse(fixture_text("dpkg-query.txt")),
        units=units.parse(fixture_text("systemctl-show-running.txt")),
        routes=network.parse_routes(fixture_text("ip-route.json")),
        binary="/usr/sbin/dockerd",
        answers=RUNNING,
        sdk=True,
        daemon_json=json.dumps(OURS),
        drop_ins=DROP_INS,
        debian=13,
    )


def test_a_finished_host_needs_nothing(installed):
    plan = engine_setup.plan(OPTIONS, installed)
    assert (plan.violations, plan.sentences, plan.flags) == ([], [], {"differs": [], "restart": False})


@pytest.mark.parametrize(
    ("debian", "apparmor", "extra"), [(13, False, ", docker-cli"), (12, False, ""), (12, True, ", apparmor")]
)
def test_a_bare_host_gets_its_configuration_before_its_engine(debian, apparmor, extra):
    plan = engine_setup.plan(OPTIONS, engine_setup.State(debian=debian, apparmor=apparmor))
    kinds = [type(step).__name__ for step in plan.steps if step.sentence]
    assert kinds == ["WriteFile", "WriteFile", "WriteFile", "Install", "StartEngine", "Ask"]
    assert f"install docker.io, python3-docker{extra}" in plan.sentences
    assert plan.steps[0].path == plan.steps[-1].path == engine_setup.INSTALLING
    assert plan.flags["restart"] is False


def test_what_comes_along_is_installed_with_the_engine_and_never_without(installed):
    options = {**OPTIONS, "along": ["xfsprogs", "nftables"]}
    plan = engine_setup.plan(
        options, engine_setup.State(debian=12, packages=packages.parse("nftables\t1\tinstall\tinstalled\n"))
    )
    assert "install docker.io, python3-docker, xfsprogs" in plan.sentences
    assert engine_setup.plan(options, installed).steps == []


VIOLATIONS = [
    ({"routes": [{"dst": "172.30.4.0/22", "gateway": None, "dev": "eth1", "type": "unicast"}], "daemon_json": None},
     "172.30.0.0/16 collides with the host's route 172.30.4.0/22 on eth1"),
    ({"sdk": False, "python": "/opt/python"}, "/opt/python cannot import it"),
    ({"units": {}, "answers": None}, "there is no docker.service"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), VIOLATIONS)
def test_violations(installed, changes, said):
    plan = engine_setup.plan(OPTIONS, dataclasses.replace(installed, **changes))
    assert any(said in sentence for sentence in plan.violations)


def test_a_stopped_engine_is_reported_and_not_started(installed, fixture_text):
    stopped = dataclasses.replace(
        installed, answers=None, units=units.parse(fixture_text("systemctl-show-stopped.txt"))
    )
    plan = engine_setup.plan(OPTIONS, stopped)
    assert "docker.service is inactive (dead)" in plan.violations[0]
    assert "systemctl start docker.service" in plan.violations[0]
    assert plan.sentences == []
    ours = engine_setup.plan(OPTIONS, dataclasses.replace(stopped, installing=True))
    assert (ours.violations, ours.sentences) == ([], ["start docker.service"])


def test_an_interrupted_installation_is_finished(installed):
    half = dict(installed.packages, **{"docker.io": packages.Package("26.1.5", False, "half-configured")})
    plan = engine_setup.plan(OPTIONS, dataclasses.replace(installed, packages=half, answers=None, units={}))
    assert plan.violations == []
    assert plan.sentences[0] == "finish the interrupted installation (docker.io is half-configured)"
    assert "install docker.io" in plan.sentences and "start docker.service" in plan.sentences


def test_the_mark_of_an_installation_that_was_killed_at_its_end_goes(installed):
    """It is all that is left to do, and while it is there a stopped engine is taken for one that is being installed."""
    plan = engine_setup.plan(OPTIONS, dataclasses.replace(installed, installing=True))
    assert plan.sentences == ["note that docker.io is installed"]
    assert Unmark(engine_setup.INSTALLING, plan.sentences[0]) in plan.steps


def test_another_engine_is_used_and_only_the_sdk_installed(installed):
    theirs = {
        "docker-ce": packages.Package("5:29.0", False, "installed"),
        "containerd.io": packages.Package("2", False, "installed"),
    }
    plan = engine_setup.plan(OPTIONS, dataclasses.replace(installed, packages=theirs, sdk=False))
    assert plan.sentences == ["install python3-docker", "hold docker-ce, containerd.io against unattended upgrades"]


def test_a_live_change_waits_for_its_restart(installed, fake_system):
    changed = dataclasses.replace(installed, daemon_json='{"live-restore": true}')
    plan = engine_setup.plan(OPTIONS, changed)
    assert plan.flags["restart"] is True
    assert plan.sentences == ["change /etc/docker/daemon.json (live-restore off: Swarm refuses it)"]
    system = fake_system()
    plan.apply(system)
    pending = system.files[engine_setup.PENDING]
    assert system.ran[0] == f"write {engine_setup.PENDING}"
    later = dataclasses.replace(installed, pending=pending)
    assert engine_setup.plan(OPTIONS, later).flags["restart"] is True
    restarted = {"docker.service": dataclasses.replace(installed.unit, invocation="another start")}
    assert engine_setup.plan(OPTIONS, dataclasses.replace(later, units=restarted)).flags["restart"] is False


@pytest.mark.parametrize(("limit", "steps"), [("infinity", 0), ("1048576", 0), ("524288", 2)])
def test_open_files_are_raised_and_never_lowered(limit, steps):
    known = {name: units.Unit(name, load="loaded", nofile=limit) for name in daemon.UNITS}
    found = daemon.drop_ins(known, {}, 1048576)
    assert len(found) == steps and all(isinstance(step, WriteFile) for step in found)


def test_live_restore_as_an_argument_is_the_operators_to_remove(installed):
    unit = dataclasses.replace(installed.unit, command=ARGUMENTS % "--live-restore")
    plan = engine_setup.plan(OPTIONS, dataclasses.replace(installed, units={"docker.service": unit}))
    assert "--live-restore" in plan.violations[0]
    assert not daemon.live_restore_argument(ARGUMENTS % "--live-restore=false")
