# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``engine``: an engine that is there is used and configured, where there is none one is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ..errors import InputError
from ..state_directory import STATE_DIRECTORY, STATE_MODE
from ..wait import wait_until
from . import daemon, engine_differences, packages, units
from .local_engine import Answers
from .packages import Packages
from .steps import DAEMON_RELOAD, Mark, Plan, Run, Step, Unmark
from .system import RUN_DIRECTORY, System
from .units import Unit

SERVICE, RUNTIME = "docker.service", "containerd.service"
UNITS = (SERVICE, "docker.socket", RUNTIME)
ENGINES = ("docker.io", "docker-ce", "docker-ee", "moby-engine")
# What restarts running tasks when an upgrade replaces it.
HELD = (*ENGINES, "containerd", "containerd.io", "moby-containerd", "runc", "moby-runc")
SDK = "python3-docker"
# Says that an installation of ours is under way: a stopped engine is then ours to start.
INSTALLING = f"{STATE_DIRECTORY}/engine-installing"
# Holds the start of the engine that does not know its new configuration yet.
PENDING = f"{RUN_DIRECTORY}/engine-restart"


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at."""

    packages: Packages = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    routes: Sequence[Mapping[str, Any]] = ()
    binary: Optional[str] = None
    answers: Optional[Answers] = None
    sdk: bool = False
    python: str = "python3"
    daemon_json: Optional[str] = None
    drop_ins: Mapping[str, Optional[str]] = field(default_factory=dict)
    installing: bool = False
    pending: str = ""
    debian: int = 0
    apparmor: bool = False
    # Of our own directory, where it is there.
    directory_mode: Optional[int] = None

    @property
    def unit(self) -> Unit:
        return self.units.get(SERVICE, Unit(SERVICE))

    @property
    def package(self) -> Optional[str]:
        return next((name for name in ENGINES if name in self.packages), None)

    @property
    def installed(self) -> bool:
        return self.binary is not None or self.package is not None

    @property
    def running(self) -> bool:
        return self.answers is not None

    @property
    def restart_is_pending(self) -> bool:
        """Whether the engine that runs is still the one from before its configuration was changed."""
        return bool(self.pending) and self.pending.strip() == self.unit.invocation


def read_drop_ins(system: System) -> dict[str, Optional[str]]:
    return {unit: system.read(daemon.DROP_IN.format(unit=unit)) for unit in daemon.UNITS}


def has_sdk() -> bool:
    return importlib.util.find_spec("docker") is not None


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations first; the steps stand in the order in which they are safe."""
    try:
        config = daemon.write(state.daemon_json, options, state.unit.command)
    except InputError as error:
        return Plan(violations=[*error.violations, *_stopped(state)], flags={"restart": False})
    files: list[Step] = [step for step in (config, *_drop_ins(options, state)) if step]
    result = Plan(violations=[*_stopped(state), *_configuration(options, state)])
    if state.installed and not _interrupted(state):
        result.steps = _reconfigure(options, state, files)
    else:
        result.steps = _install(options, state, files)
    result.steps = [*_directory(state), *result.steps]
    result.flags["differs"] = _differs(options, state)
    changes_live = bool(files) and state.running
    result.flags["restart"] = changes_live or state.restart_is_pending
    return result


def _directory(state: State) -> list[Step]:
    """Hosts of an earlier release have it open to all."""
    if state.directory_mode in (None, STATE_MODE):
        return []
    command = ("chmod", f"{STATE_MODE:04o}", STATE_DIRECTORY)
    return [Run(f"let only root enter {STATE_DIRECTORY} (its mode is {state.directory_mode:04o})", (command,))]


def _differs(options: Mapping[str, Any], state: State) -> list[str]:
    """What stays as it is although the options say otherwise."""
    if not state.installed or _interrupted(state):
        return []
    present = daemon.parse(state.daemon_json)
    return [
        *engine_differences.configuration(options, present, state.unit.command),
        *engine_differences.limits(options, state.units, state.drop_ins),
        *engine_differences.packages(options, state.package or "", state.packages, HELD),
    ]


def _interrupted(state: State) -> bool:
    return state.installing or packages.repair(state.packages, [*HELD, SDK]) is not None


def _stopped(state: State) -> list[str]:
    """An engine that somebody stopped is not ours to start."""
    if not state.installed or state.running or _interrupted(state):
        return []
    unit = state.unit
    if not unit.exists:
        return [
            f"engine: {state.binary or state.package} is installed, but there is no {SERVICE} and nothing answers at "
            "its socket; start that engine, or remove it so that one is installed"
        ]
    why = f", result {unit.result}" if unit.result not in ("", "success") else ""
    if unit.running:
        return [
            f"engine: {SERVICE} is {unit.active} ({unit.sub}), but nothing answers at its socket; "
            f"see `journalctl -u {SERVICE}`, then `systemctl restart {SERVICE}`"
        ]
    return [
        f"engine: it is installed, but {SERVICE} is {unit.active} ({unit.sub}{why}); see `journalctl -u {SERVICE}`, "
        f"then `systemctl start {SERVICE}`; a stopped engine is not started without you"
    ]


def _configuration(options: Mapping[str, Any], state: State) -> list[str]:
    present = daemon.parse(state.daemon_json)
    found = []
    if daemon.sets_pools(present, state.unit.command):
        found += daemon.pool_violations(options.get("address_pools") or [], state.routes)
    if daemon.live_restore_argument(state.unit.command):
        found.append(
            f"engine: {SERVICE} starts it with --live-restore, and an engine with live-restore cannot be in a swarm; "
            "take the argument out of the unit and restart the engine"
        )
    if SDK in state.packages and state.packages[SDK].installed and not state.sdk:
        found.append(
            f"engine: {SDK} is installed, but {state.python} cannot import it; "
            "set ansible_python_interpreter to the system's own /usr/bin/python3"
        )
    return found


def _drop_ins(options: Mapping[str, Any], state: State) -> list[Any]:
    return list(daemon.drop_ins(state.units, state.drop_ins, options.get("nofile")))


def _reconfigure(options: Mapping[str, Any], state: State, files: Sequence[Step]) -> list[Step]:
    steps: list[Optional[Step]] = []
    if files and state.running:
        steps.append(Mark(PENDING, f"{state.unit.invocation}\n"))
    steps += files
    if any(step.path != daemon.PATH for step in files if hasattr(step, "path")):
        steps.append(DAEMON_RELOAD)
    if not state.sdk:
        steps.append(packages.Install([SDK]))
    if state.unit.enabled == "disabled":
        steps.append(Run(f"enable {SERVICE} at boot", (("systemctl", "enable", SERVICE),)))
    if options.get("hold"):
        steps.append(packages.hold([name for name in HELD if name in state.packages], state.packages))
    return [step for step in steps if step]


def _install(options: Mapping[str, Any], state: State, files: Sequence[Step]) -> list[Step]:
    """The configuration comes first, so that the first start has it and no second one is needed."""
    engine = state.package or options.get("package") or ENGINES[0]
    names = [engine, SDK] if not state.sdk else [engine]
    if engine == "docker.io" and state.debian >= 13:
        names.append("docker-cli")
    if state.apparmor:
        # A kernel with AppArmor refuses containers whose profile nobody can load.
        names.append("apparmor")
    names += options.get("along") or []
    wanted = packages.missing(names, state.packages)
    held = [engine, *(["containerd", "runc"] if engine == "docker.io" else [])]
    steps: list[Optional[Step]] = [
        Mark(INSTALLING, f"{engine}\n"),
        *files,
        packages.repair(state.packages, [*HELD, *names]),
        packages.Install(wanted) if wanted else None,
        DAEMON_RELOAD,
        StartEngine("" if state.running else f"start {SERVICE}"),
        packages.hold(held, state.packages) if options.get("hold") else None,
    ]
    due = [step for step in steps if step]
    # The mark of a run that died after all its work would otherwise stay: nothing else calls for another run.
    alone = not any(step.sentence for step in due)
    return [*due, Unmark(INSTALLING, f"note that {engine} is installed" if alone else "")]


@dataclass(frozen=True)
class StartEngine:
    """Started, and at every boot; done when it answers."""

    sentence: str
    timeout: float = 90

    def apply(self, system: System) -> None:
        # systemd refuses a unit that was started several times within a minute.
        system.query(("systemctl", "reset-failed", *UNITS))
        system.run(("systemctl", "enable", "--now", SERVICE))
        await_running(system, self.timeout)


def await_running(system: System, timeout: float) -> None:
    """Waits until the unit is up; Type=notify means that the socket answers then."""
    _await(system, lambda unit: unit.running, timeout, f"{SERVICE} to be active")


def await_settled(system: System, timeout: float = 60) -> None:
    """Waits until the unit is no longer on its way up, with whatever outcome."""
    _await(system, lambda unit: unit.active != "activating", timeout, f"{SERVICE} to finish starting")


def _await(system: System, done: Callable[[Unit], bool], timeout: float, what: str) -> None:
    wait_until(
        lambda: units.read(system, (SERVICE,))[SERVICE],
        done,
        timeout,
        what,
        interval=0.5,
        show=lambda unit: f"{unit.active} ({unit.sub})",
    )
