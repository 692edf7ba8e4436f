# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module runs whose changes are confirmed: once to apply, and once more, over another connection, to keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from . import confirm
from .confirm import Guard
from .runner import refuse, report
from .snapshot import Snapshot
from .steps import Plan
from .system import System

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# Options that those modules have in common; their action plugins give all but the first.
CONFIRM_SPEC: dict[str, Any] = {
    "confirm_timeout": {"type": "int", "default": 60},
    "confirm": {"type": "str"},
    "confirm_refused": {"type": "list", "elements": "str", "default": []},
}
SHORTEST, LONGEST = 15, 3600


@dataclass(frozen=True)
class Confirmed:
    """A section whose changes are taken back by the host unless they are confirmed."""

    name: str
    plan: Callable[[Mapping[str, Any], Snapshot], Plan]
    guard: Callable[[Mapping[str, Any], Snapshot], Guard]
    # Kinds of steps that change nothing that is in force: they come before the time begins.
    prepares: tuple[type, ...] = ()
    # What speaks against a change, beside peers that do not answer any more.
    verify: Callable[[System], Sequence[str]] = lambda _system: ()
    # What peers may look at from outside: address, ports, peers.
    watched: Callable[[Mapping[str, Any], Snapshot], Mapping[str, Any]] = lambda _options, _snapshot: {}


def run(module: AnsibleModule, section: Confirmed, system: System) -> None:
    """The first time: plan, arm, apply. The second time, over another connection: confirm. Ends the module."""
    options = module.params
    if options["confirm"]:
        confirm.confirm(options["confirm"], system, lambda: [*options["confirm_refused"], *section.verify(system)])
        module.exit_json(changed=False, confirmed=True)
    seconds = options["confirm_timeout"]
    if not SHORTEST <= seconds <= LONGEST:
        module.fail_json(
            msg=f"confirm_timeout: {seconds}; allowed: {SHORTEST} to {LONGEST} seconds, in which the change is proven"
        )
    if not module.check_mode:
        confirm.await_free(system)
    snapshot = Snapshot(system)
    plans = {section.name: section.plan(options, snapshot)}
    refuse(module, plans)
    plan = plans[section.name]
    if module.check_mode or not plan.steps:
        watched = section.watched(options, snapshot) if plan.changed else {}
        module.exit_json(changed=plan.changed, watched=watched, **report(plans))
    first = [step for step in plan.steps if isinstance(step, section.prepares)]
    for step in first:
        step.apply(system)
    rest = [step for step in plan.steps if step not in first]
    token = confirm.carry_out(rest, section.guard(options, snapshot), seconds, system)
    module.exit_json(changed=plan.changed, armed={"token": token, "seconds": seconds}, **report(plans))


@contextmanager
def apart(module: AnsibleModule, name: str, system: System) -> Iterator[None]:
    """For changes without a way back: not while one with it waits, which would put back more than its own."""
    if module.check_mode:
        yield
        return
    confirm.await_free(system)
    with confirm.alone(system, name):
        yield
