# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a deployment whose modules are killed between two of their steps: a table, a row for each step.

``kills/sitecustomize.py`` kills on the hosts. Here a playbook is run again and again: each run dies before the first
step that no run has died before yet, on every host that comes to it, until a run comes to its end.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment import Deployment, Run

HERE = Path(__file__).parent / "kills"
PLACE = "/var/lib/overlay-kills"
# No deployment has more steps than this: a step whose words differ in every run would never end.
MOST = 400
# A host takes a change back after this many seconds; a run that finds one waits for that.
BRIEF: dict[str, Any] = {"firewall_confirm_timeout": 45}
# Settings that are changed there and back.
CHANGES: dict[str, dict[str, Any]] = {
    "firewall": {"firewall_client_ports": [9000, 9001, 9100]},
    "engine": {"docker_engine_log_max_size": "11m"},
    "servers": {"minio_environment": {"MINIO_SCANNER_SPEED": "slow"}},
    "tls": {"minio_tls": "own-ca"},
}
BUCKET = "killed"
DRIVES = r"""
for drive in /dev/disk/by-id/overlay-*; do echo "${drive##*/} $(blkid -p -o value -s UUID "$drive")"; done 2>/dev/null
"""
# Drafts and marks: what a run that came to its end has nothing of.
LEFT = r"""
find /etc /srv/minio /run/baremetal-overlay -xdev -regextype posix-extended \
    -regex '.*/\.[^/]+\.[0-9]+\.[a-z0-9_]{8}' 2>/dev/null
find /etc/baremetal-overlay -maxdepth 1 -regextype posix-extended \
    -regex '.*/(unconfirmed.*|formatting-.*|.*-installing|.*\.draft|.*\.new|.*\.reverted)'
"""


@dataclass(frozen=True)
class Row:
    """One step that modules were killed before, and what the runs after it made of that."""

    module: str
    step: str
    hosts: tuple[str, ...]
    case: str
    result: str = ""

    @property
    def line(self) -> str:
        words = " ".join(self.step.split()).replace("|", "\\|")
        shown = words if len(words) <= 110 else f"{words[:109]}…"
        return f"| `{self.module}` | {shown} | {' '.join(self.hosts)} | {self.case} | {self.result} |"


@dataclass
class Kept:
    """What must not be lost: every file system that a drive was ever seen with, and the objects that were written."""

    deployment: Deployment
    drives: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)

    def look(self) -> list[str]:
        """What the drives have lost since the last look, in sentences."""
        lost = []
        for host in self.deployment.hosts.values():
            for line in host.check_output(DRIVES).splitlines():
                name, _blank, seen = line.partition(" ")
                if self.drives.get(name, seen) != seen:
                    lost.append(f"{name} had the file system {self.drives[name]}, and has {seen or 'none'}")
                if seen:
                    self.drives[name] = seen
        return lost

    def write(self, name: str = "before", size: int = 300_000) -> None:
        client = self.deployment.s3("n1")
        if not client.bucket_exists(bucket_name=BUCKET):
            client.make_bucket(bucket_name=BUCKET)
        body = os.urandom(size)
        client.put_object(bucket_name=BUCKET, object_name=name, data=io.BytesIO(body), length=size)
        self.objects[name] = hashlib.sha256(body).hexdigest()

    def read(self) -> list[str]:
        """The objects that are no longer what was written, in sentences."""
        client = self.deployment.s3("n1")
        lost = []
        for name, wanted in self.objects.items():
            response = client.get_object(bucket_name=BUCKET, object_name=name)
            if hashlib.sha256(response.read()).hexdigest() != wanted:
                lost.append(f"the object {name} is another one")
            response.close()
        return lost

    def clear(self) -> None:
        client = self.deployment.s3("n1")
        for name in self.objects:
            client.remove_object(bucket_name=BUCKET, object_name=name)
        if self.objects:
            client.remove_bucket(bucket_name=BUCKET)


class Kills:
    """A deployment whose modules die; ``modules`` and ``steps`` (a regular expression) say which of them, and where."""

    def __init__(self, deployment: Deployment, folder: Path, modules: Sequence[str] = (), steps: str = "") -> None:
        self.deployment = deployment
        self.rows: list[Row] = []
        # Steps that were died before, and pass from then on.
        self.passed: set[str] = set()
        self._chosen = {"modules": list(modules), "steps": steps}
        self._inventory = folder / "killed.json"
        interpreter = {"vars": {"ansible_python_interpreter": f"{PLACE}/python3"}}
        self._inventory.write_text(json.dumps(dict.fromkeys(("managers", "workers", "minio"), interpreter)))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The hosts have what kills, and have nothing of it afterwards."""
        try:
            for host in self.deployment.hosts.values():
                host.check_output("mkdir -p %s", PLACE)
                for name in ("python3", "sitecustomize.py"):
                    text = (HERE / name).read_text(encoding="utf-8")
                    host.check_output("printf %%s %s > %s", text, f"{PLACE}/{name}")
                host.check_output("chmod 755 %s", f"{PLACE}/python3")
            yield
        finally:
            for host in self.deployment.hosts.values():
                host.run("rm -rf %s", PLACE)

    def play(self, playbook: str, *arguments: str, kill: bool = True) -> tuple[Run, dict[str, list[str]]]:
        """One run; the steps before which modules died, each with its hosts."""
        told = json.dumps({"kill": kill, "passed": sorted(self.passed), **self._chosen})
        for host in self.deployment.hosts.values():
            host.check_output("printf %%s %s > %s && rm -f %s", told, f"{PLACE}/kills.json", f"{PLACE}/log")
        run = self.deployment.play(playbook, *arguments, "-i", str(self._inventory))
        died: dict[str, list[str]] = {}
        for name, host in self.deployment.hosts.items():
            for line in host.run("cat %s", f"{PLACE}/log").stdout.splitlines():
                seen: dict[str, Any] = json.loads(line)
                if seen["killed"]:
                    died.setdefault(f"{seen['module']}: {seen['step']}", []).append(name)
        return run, died

    def until_alive(self, case: str, playbook: str, *arguments: str, kept: Kept) -> list[Row]:
        """Every run goes on from where the last one died, until one comes to its end; that one has converged."""
        rows: list[Row] = []
        for _run in range(MOST):
            run, died = self.play(playbook, *arguments)
            lost = kept.look()
            assert not lost, (lost, rows[-1:])
            if not died:
                break
            rows += self._rows(case, died, "the next run went on")
        else:
            raise AssertionError(f"{case}: after {MOST} runs there are still steps without a death: {rows[-5:]}")
        assert run.rc == 0, f"after {rows[-1:]}:\n{run.output[-6000:]}"
        self._converged(playbook, *arguments)
        return rows

    def there_and_back(self, case: str, change: Mapping[str, Any], kept: Kept) -> list[Row]:
        """A setting of the inventory's is changed, and is what it was again."""
        return self.each(case, "site", [("-e", json.dumps({**BRIEF, **change})), ("-e", json.dumps(BRIEF))], kept)

    def each(self, case: str, playbook: str, ways: Sequence[Sequence[str]], kept: Kept) -> list[Row]:
        """After every death a run that has to converge, and one that has nothing to do; there and back in turns."""
        rows: list[Row] = []
        alive: set[int] = set()
        for number in range(MOST):
            way = ways[number % len(ways)]
            run, died = self.play(playbook, *way)
            if died:
                run, _none = self.play(playbook, *way, kill=False)
            else:
                alive.add(number % len(ways))
            assert run.rc == 0, f"after {sorted(died)}:\n{run.output[-6000:]}"
            self._converged(playbook, *way)
            lost = [*kept.look(), *kept.read()]
            assert not lost, (lost, died)
            rows += self._rows(case, died, "converged, nothing lost")
            # What the lab is left with is the last of them.
            if len(alive) == len(ways) and way is ways[-1]:
                return rows
        raise AssertionError(f"{case}: after {MOST} runs there are still steps without a death: {rows[-5:]}")

    def _rows(self, case: str, died: dict[str, list[str]], result: str) -> list[Row]:
        self.passed |= set(died)
        new = []
        for words, hosts in died.items():
            module, _colon, step = words.partition(": ")
            new.append(Row(module, step, tuple(hosts), case, result))
            print(new[-1].line, flush=True)
        self.rows += new
        return new

    def _converged(self, playbook: str, *arguments: str) -> None:
        run, _none = self.play(playbook, *arguments, kill=False)
        assert run.rc == 0, run.output[-6000:]
        assert set(run.changed.values()) == {0}, run.output[-6000:]
        left = {name: found for name, host in self.deployment.hosts.items() if (found := host.run(LEFT).stdout.split())}
        assert left == {}


def table(rows: Sequence[Row]) -> str:
    head = ["| module | killed before | hosts | case | after that |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(row.line for row in rows)])


def by_module(rows: Sequence[Row]) -> str:
    """The same table, a row for each module and case."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.module, row.case, row.result)
        counts[key] = counts.get(key, 0) + 1
    head = ["| module | case | steps that it was killed before | after that |", "|---|---|---|---|"]
    lines = [f"| `{module}` | {case} | {count} | {result} |" for (module, case, result), count in counts.items()]
    return "\n".join([*head, *lines])
