# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in tasks: the module on two real engines, and real playbooks that go from a manager to the task's host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.module_utils import container_exec
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, open_engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    InputError,
    NotFound,
    NotManager,
    OverlayError,
    Unavailable,
    WaitTimeout,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import task_exec
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.rollout import await_gone
from members import Forwarder, eventually, joined, programs_image
from private import PrivateEngine, connection

PROGRAMS = ("/bin/sh", "/bin/cat", "/bin/sleep", "/usr/bin/env", "/usr/bin/id", "/bin/pwd", "/usr/bin/head")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def worker(swarm_engine: Engine, bare_engine: Engine, engines: list[PrivateEngine]) -> Iterator[Engine]:
    with joined(swarm_engine, bare_engine, engines[0].address, engines[1].address):
        yield bare_engine


@pytest.fixture(scope="module")
def swarm(swarm_engine: Engine, worker: Engine) -> Iterator[Engine]:
    """ "near" runs twice on the manager's node, "far" once on the other, "bare" has no shell, "idle" nothing at all."""
    tools = programs_image([swarm_engine, worker], PROGRAMS, tmp=0o1777)
    plain = programs_image([swarm_engine, worker], ["/bin/sleep"])
    near, far = (engine.call("GET", "/info")["Swarm"]["NodeID"] for engine in (swarm_engine, worker))
    for name, image, node, replicas in (
        ("near", tools, near, 2),
        ("far", tools, far, 1),
        ("bare", plain, far, 1),
        ("idle", plain, "nobody", 1),
        ("mortal", tools, near, 1),
    ):
        container = {"Image": image, "Command": ["/bin/sleep", "1000"], "StopGracePeriod": 10**9, "Env": ["OWN=1"]}
        body = {
            "Name": name,
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": container, "Placement": {"Constraints": [f"node.id=={node}"]}},
        }
        swarm_engine.call("POST", "/services/create", body)

    def running() -> bool:
        listed = swarm_engine.call("GET", "/tasks", query={"filters": {"desired-state": ["running"]}})
        return sum(one["Status"]["State"] == "running" for one in listed) == 5

    eventually(running)
    yield swarm_engine
    services = swarm_engine.call("GET", "/services")
    for one in services:
        swarm_engine.call("DELETE", f"/services/{one['ID']}")
    await_gone(swarm_engine, services, 40)
    eventually(lambda: not worker.call("GET", "/containers/json"))


def ran(engine: Engine, *argv: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    assert not set(options) - set(task_exec.SPEC)
    defaults = {name: one.get("default") for name, one in task_exec.SPEC.items()}
    given = {"argv": list(argv) or None, **({} if "container_id" in options else {"service": "near"}), **options}
    return task_exec.run(engine, {**defaults, **given}, check_mode)


def container(engine: Engine, service: str) -> str:
    (task,) = engine.call("GET", "/tasks", query={"filters": {"service": [service], "desired-state": ["running"]}})
    return str(task["Status"]["ContainerStatus"]["ContainerID"])


# --- the module --------------------------------------------------------------------------------------------------


def test_what_a_command_says_and_how_it_ends(swarm: Engine) -> None:
    done = ran(swarm, "/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done["stdout"], done["stderr"], done["rc"], done["changed"]) == ("out", "err", 3, True)
    assert done["task"] == "near.1" and done["cmd"][-1].endswith("exit 3") and not done["elsewhere"]
    assert ran(swarm, "/bin/sh", "-c", "echo; echo", strip_empty_ends=False)["stdout"] == "\n\n"
    assert ran(swarm, command="/bin/sh -c 'echo \"a  b\"'")["stdout"] == "a  b"


def test_environment_directory_and_user(swarm: Engine) -> None:
    lines = ran(swarm, "/usr/bin/env", env={"A": "1", "B": 2}, secret_env={"C": "x y"})["stdout"].splitlines()
    assert {"OWN=1", "A=1", "B=2", "C=x y"} <= set(lines)
    assert ran(swarm, "/bin/pwd", chdir="/tmp")["stdout"] == "/tmp"
    assert ran(swarm, "/usr/bin/id", "-u", user="1234:5")["stdout"] == "1234"


def test_input_is_read_to_its_end(swarm: Engine) -> None:
    assert ran(swarm, "/bin/cat", stdin="line")["stdout"] == "line"
    assert ran(swarm, "/bin/cat", stdin="line", stdin_add_newline=False, strip_empty_ends=False)["stdout"] == "line"
    assert ran(swarm, "/bin/cat")["stdout"] == "", "without input there is nothing to read"
    large = "x" * 3_000_000
    assert ran(swarm, "/bin/cat", secret_stdin=large)["stdout"] == large, "written and read at the same time"
    assert ran(swarm, "/usr/bin/head", "-c", "2", stdin=large)["stdout"] == "xx", "who does not read it need not"


def test_over_tcp_and_with_a_version_that_was_asked_for(swarm: Engine, engines: list[PrivateEngine]) -> None:
    forwarder = Forwarder(engines[0].socket)
    forwarder.start()
    far = open_engine(connection(engines[0], docker_host=forwarder.url, api_version="1.41"))
    large = "x" * 1_000_000
    assert ran(far, "/bin/cat", stdin=large)["stdout"] == large
    assert ran(far, "/bin/sh", "-c", "echo err >&2; exit 3")["rc"] == 3
    with pytest.raises(WaitTimeout, match="did not end within 1 s"):
        ran(far, "/bin/sleep", "5", command_timeout=1)
    forwarder.stop()
    with pytest.raises(Unavailable, match="nothing listens there"):
        open_engine(connection(engines[0], docker_host="tcp://127.0.0.1:1")).converse("/exec/none/start", {})
    for engine in (swarm, open_engine(connection(engines[0], docker_host=swarm._host, api_version="1.40"))):
        with pytest.raises(NotFound, match="No such exec instance"):
            engine.converse("/exec/none/start", {"Detach": False, "Tty": False})
    with pytest.raises(Unavailable, match="the socket does not exist"):
        Engine(None, "unix:///nonexistent.sock").converse("/exec/none/start", {})


def test_much_output_of_both_kinds(swarm: Engine) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    done = ran(swarm, "/bin/sh", "-c", script)
    for word, told in (("out", done["stdout"]), ("err", done["stderr"])):
        assert told.splitlines() == [f"{word} {number}" for number in range(3000)]


def test_the_task_is_chosen(swarm: Engine, worker: Engine) -> None:
    assert ran(swarm, "/bin/pwd", slot=2)["task"] == "near.2"
    own = swarm.call("GET", "/info")["Swarm"]["NodeID"]
    assert ran(swarm, "/bin/pwd", node=own)["task"] == "near.1"
    other = worker.call("GET", "/info")["Swarm"]["NodeID"]
    with pytest.raises(
        InputError, match=f'"near", node {other}: no such task runs; its tasks: near.1 on .* is running'
    ):
        ran(swarm, "/bin/pwd", node=other)
    with pytest.raises(InputError, match='"near", slot 3: no such task runs'):
        ran(swarm, "/bin/pwd", slot=3)
    with pytest.raises(InputError, match=r'"idle": no such task runs; its tasks: idle.1 is pending \(no suitable node'):
        eventually(lambda: "no suitable" in json.dumps(swarm.call("GET", "/tasks")))
        ran(swarm, "/bin/pwd", service="idle")
    ident = str(swarm.call("GET", "/services/near")["ID"])
    assert ran(swarm, "/bin/pwd", service=ident)["task"] == "near.1"
    with pytest.raises(InputError, match=f'service "{ident[:8]}" does not exist'):
        ran(swarm, "/bin/pwd", service=ident[:8])
    with pytest.raises(InputError, match='service "nea" does not exist'):
        ran(swarm, "/bin/pwd", service="nea")


def test_on_another_node_nothing_is_run_but_told_where(swarm: Engine, worker: Engine) -> None:
    place = ran(swarm, "/bin/pwd", service="far")
    assert place["elsewhere"] and not place["changed"] and "rc" not in place
    assert place["node_addresses"] == ["10.98.0.2"] and place["container_id"] == container(swarm, "far")
    assert ran(worker, "/bin/pwd", container_id=place["container_id"])["rc"] == 0
    with pytest.raises(NotFound, match=f"container {place['container_id'][:12]} is not on this host"):
        ran(swarm, "/bin/pwd", container_id=place["container_id"])
    with pytest.raises(NotManager, match="worker of its swarm"):
        ran(worker, "/bin/pwd")


def test_a_program_that_is_not_there(swarm: Engine, worker: Engine) -> None:
    with pytest.raises(OverlayError, match=r'"sh" cannot be started .*not found.*an image without a shell has no sh'):
        ran(worker, "sh", "-c", "true", container_id=container(swarm, "bare"))
    done = ran(swarm, "/bin/sh", "-c", "nothing-of-this-name")
    assert done["rc"] == 127 and "not found" in done["stderr"], "a shell that does not find it says so itself"
    with pytest.raises(OverlayError, match='"/bin/pwd" cannot be started'):
        ran(swarm, "/bin/pwd", chdir="/nowhere")
    with pytest.raises(OverlayError, match="nobody-of-this-name"):
        ran(swarm, "/bin/pwd", user="nobody-of-this-name")


def test_a_command_that_does_not_end(swarm: Engine) -> None:
    with pytest.raises(
        WaitTimeout, match=r"did not end within 1 s; it goes on in the container, as process \d+"
    ) as error:
        ran(swarm, "/bin/sleep", "7", command_timeout=1)
    pid = int(str(error.value).rpartition("process ")[2].split()[0])
    assert b"sleep\x007" in Path(f"/proc/{pid}/cmdline").read_bytes()
    with pytest.raises(InputError, match="is not above 0"):
        ran(swarm, "/bin/pwd", command_timeout=0)


def test_a_task_that_ends_meanwhile(swarm: Engine) -> None:
    ident = container(swarm, "mortal")
    killer = threading.Timer(1, lambda: swarm.call("POST", f"/containers/{ident}/kill"))
    killer.start()
    with pytest.raises(OverlayError, match=r"ended while the command ran in it \(it is exited\).*exit code is 137"):
        ran(swarm, "/bin/sh", "-c", "echo begun; sleep 30", container_id=ident)
    killer.join()
    with pytest.raises(OverlayError, match=r"takes no command: .*is not running"):
        ran(swarm, "/bin/pwd", container_id=ident)


def test_check_mode_runs_nothing(swarm: Engine) -> None:
    del swarm.calls[:]
    assert ran(swarm, "/bin/pwd", check_mode=True)["skipped"] and not swarm.calls


def test_an_answer_that_is_cut_short_is_no_answer() -> None:
    parts = [b"\x01\0\0\0\0\0\0\x05", b"he"]
    with pytest.raises(OverlayError, match="ended in the middle of the command's output"):
        container_exec.demultiplexed(lambda _length: parts.pop(0) if parts else b"")


# --- the playbook ------------------------------------------------------------------------------------------------


class Controller:
    """A folder with an inventory of both hosts. "two" is reached by a connection that writes down what it did."""

    def __init__(self, folder: Path, engines: list[PrivateEngine]) -> None:
        self.folder = folder
        self.engines = engines
        (folder / "connection_plugins").mkdir()
        (folder / "connection_plugins" / "noted.py").write_text(
            "from ansible.plugins.connection.local import Connection as Local, DOCUMENTATION as _SAID\n"
            "DOCUMENTATION = _SAID.replace('name: local', 'name: noted')\n"
            "class Connection(Local):\n"
            "    transport = 'noted'\n"
            "    def exec_command(self, *args, **more):\n"
            f"        with open('{folder}/noted', 'a') as file:\n"
            "            file.write(f'{self._play_context.remote_addr} become={bool(self.become)}\\n')\n"
            "        return super().exec_command(*args, **more)\n"
        )

    def __call__(self, *arguments: str, expect: int = 0, **changes: Any) -> str:
        python = {"ansible_python_interpreter": sys.executable}
        hosts: dict[str, Any] = {
            "one": {**python, "ansible_connection": "local", "overlay_underlay_address": self.engines[0].address},
            "two": {**python, "ansible_connection": "noted", "overlay_underlay_address": self.engines[1].address},
        }
        hosts["one"]["docker_host"] = self.engines[0].url
        for name, change in changes.items():
            hosts[name] = {key: one for key, one in {**hosts.get(name, {}), **change}.items() if one is not None}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        done = subprocess.run(
            ["ansible-playbook", "-i", "hosts.yml", "play.yml", *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == expect, said
        return said

    def play(self, *tasks: dict[str, Any], hosts: str = "one", **options: Any) -> None:
        text = yaml.safe_dump([{"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **options}])
        (self.folder / "play.yml").write_text(text)
        path = ROOT / ".cache" / "collections"
        (self.folder / "ansible.cfg").write_text(
            f"[defaults]\ncollections_path = {path}\nconnection_plugins = {self.folder}/connection_plugins\n"
            f"local_tmp = {self.folder}/tmp\nremote_tmp = {self.folder}/tmp\n"
        )

    def task(self, service: str = "far", argv: Any = None, that: Any = None, **more: Any) -> list[dict[str, Any]]:
        arguments = {
            "service": service,
            "argv": argv or ["/bin/sh", "-c", "echo out; echo err >&2"],
            "docker_host": "{{ hostvars.one.docker_host }}",
            "docker_hosts": {"two": self.engines[1].url},
            **more.pop("arguments", {}),
        }
        step = {"name": "exec", "baremetal.overlay.task_exec": arguments, "register": "done", **more}
        return [step, {"name": "look", "ansible.builtin.assert": {"that": that or ["done.rc == 0"]}}]

    @property
    def noted(self) -> list[str]:
        path = self.folder / "noted"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def controller(tmp_path: Path, swarm: Engine, engines: list[PrivateEngine]) -> Controller:
    assert swarm
    return Controller(tmp_path, engines)


def test_a_play_goes_to_the_tasks_own_host(controller: Controller, worker: Engine) -> None:
    node = worker.call("GET", "/info")["Swarm"]["NodeID"]
    controller.play(*controller.task(that=[
        "done.stdout == 'out' and done.stderr == 'err' and done.rc == 0 and done is changed",
        "done.stdout_lines == ['out'] and done.host == 'two' and done.task == 'far.1'",
        f"done.node_id == '{node}' and done.container_id | length == 64",
        "done.elsewhere is not defined and done.node_addresses is not defined",
    ]))  # fmt: skip
    controller("--limit", "one")
    assert controller.noted and {line.split()[0] for line in controller.noted} == {"two"}


def test_a_play_stays_where_the_task_is_there(controller: Controller) -> None:
    controller.play(*controller.task("near", that=["done.rc == 0 and done.host is not defined"]))
    controller()
    assert not controller.noted


def test_a_delegated_task_in_a_loop_with_another_user(controller: Controller) -> None:
    tasks = controller.task(
        delegate_to="one",
        become=True,
        become_method="su",
        loop=["far", "near"],
        that=["done.results | map(attribute='rc') | list == [0, 0]"],
    )
    tasks[0]["baremetal.overlay.task_exec"]["service"] = "{{ item }}"
    controller.play(*tasks, hosts="three")
    controller(three={"ansible_connection": "local"})
    assert {line.split()[0] for line in controller.noted} == {"two"}
    assert any("become=True" in line for line in controller.noted)


def test_a_host_is_found_by_its_connection_address_or_name(controller: Controller, worker: Engine) -> None:
    name = worker.call("GET", "/info")["Name"]
    controller.play(*controller.task(that=["done.rc == 0 and done.host == 'two'"]))
    controller(two={"overlay_underlay_address": None, "ansible_host": controller.engines[1].address})
    controller.play(*controller.task(that=["done.rc == 0 and done.host == '" + name + "'"]))
    tasks = controller.task(
        that=["done.host == '" + name + "'"], arguments={"docker_hosts": {name: controller.engines[1].url}}
    )
    controller.play(*tasks)
    two = {"overlay_underlay_address": None, "ansible_connection": None}
    named = {"ansible_connection": "noted", "ansible_python_interpreter": sys.executable}
    controller(two=two, **{name: named})


def test_a_node_that_is_no_host_or_two(controller: Controller) -> None:
    controller.play(controller.task()[0])
    said = controller(expect=2, two={"overlay_underlay_address": "10.98.0.77", "ansible_host": "10.98.0.78"})
    assert "(10.98.0.2) is no host of this inventory" in said
    assert "two (overlay_underlay_address 10.98.0.77, ansible_host 10.98.0.78)" in said
    said = controller(expect=2, three={"overlay_underlay_address": "10.98.0.2"})
    assert "2 hosts of the inventory have overlay_underlay_address 10.98.0.2: three, two" in said


def test_a_host_that_cannot_be_reached_is_named(controller: Controller) -> None:
    controller.play(controller.task()[0])
    said = controller(expect=2, two={"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1})
    assert "task far.1 on node" in said and "host two: the host cannot be reached" in said
    assert "unreachable=0" in said, "the manager is not the one that is unreachable"


def test_a_command_that_fails_fails_the_task(controller: Controller) -> None:
    argv = ["/bin/sh", "-c", "echo no >&2; exit 4"]
    controller.play(controller.task(argv=argv)[0])
    assert "non-zero return code" in controller(expect=2)
    controller.play(
        *controller.task(argv=argv, failed_when="done.rc not in [0, 4]", that=["done.rc == 4", "done is not failed"])
    )
    controller()
    controller.play(controller.task("bare", argv=["sh"])[0])
    assert "on node" in (said := controller(expect=2)) and "an image without a shell has no sh" in said


def test_secrets_do_not_show(controller: Controller) -> None:
    secrets = {"secret_env": {"KEY": "hunter2env"}, "secret_stdin": "hunter2stdin"}
    controller.play(*controller.task(argv=["/bin/sh", "-c", "cat; echo $KEY"], arguments=secrets))
    said = controller("-vvv")
    assert "hunter2" not in said and "********" in said


def test_check_mode_skips(controller: Controller) -> None:
    controller.play(*controller.task(that=["done is skipped and done is not changed"]))
    assert "skipped=1" in controller("--check")
    assert not controller.noted
