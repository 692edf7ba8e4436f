# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, refuse or apply, report: the one way in which modules treat plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import OverlayError
from .steps import Plan
from .system import System

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@contextmanager
def failing(module: AnsibleModule) -> Iterator[None]:
    """The edge: inside it errors are raised, outside it the module has failed with their sentence."""
    try:
        yield
    except OverlayError as error:
        module.fail_json(msg=str(error))


def refuse(module: AnsibleModule, plans: Mapping[str, Plan]) -> None:
    """Ends the module with every violation at once, before anything was changed."""
    violations = [sentence for plan in plans.values() for sentence in plan.violations]
    if violations:
        sections = {name: plan.report() for name, plan in plans.items()}
        module.fail_json(msg="\n".join(violations), violations=violations, sections=sections)


def apply(module: AnsibleModule, plans: Iterable[Plan], system: System) -> bool:
    """The one place where check mode ends; nothing is applied beside a violation. Says whether there was anything."""
    plans = list(plans)
    if any(plan.violations for plan in plans) or not any(plan.steps for plan in plans):
        return False
    for plan in plans:
        if not module.check_mode:
            plan.apply(system)
    return any(plan.changed for plan in plans)


def report(plans: Mapping[str, Plan]) -> dict[str, Any]:
    """What every module returns about its plans."""
    return {
        "sections": {name: plan.report() for name, plan in plans.items()},
        "violations": [sentence for plan in plans.values() for sentence in plan.violations],
        "diff": [entry for name, plan in plans.items() for entry in plan.diff(name)],
    }
