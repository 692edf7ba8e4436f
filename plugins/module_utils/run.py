# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module's ``main`` does: options in, one action, result or failure out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Optional

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule

from .engine import FreshEngine, connection_spec, open_engine
from .errors import InputError, OverlayError
from .given import strange

Action = Callable[..., dict[str, Any]]


def run_module(
    argument_spec: Mapping[str, Any],
    action: Action,
    host: Optional[Callable[[AnsibleModule], Any]] = None,
    failure: Optional[Mapping[str, Any]] = None,
    **options: Any,
) -> None:
    """``action(engine, params, check_mode)`` returns what ``exit_json`` takes, and ``warnings``.

    ``host``: makes a fourth argument for it of the module; ``failure``: what a failure returns beside its message.
    """
    whole_spec = {**connection_spec(), **argument_spec}
    _refuse(whole_spec, strange(whole_spec, basic._load_params()), failure or {})
    module = AnsibleModule(whole_spec, supports_check_mode=True, **options)
    try:
        engine = open_engine(module.params, module.check_mode)
        if isinstance(engine, FreshEngine):
            module.warn(f"the plan is for a newly installed engine: {engine.reason}")
        result = action(engine, module.params, module.check_mode, *([host(module)] if host else []))
    except OverlayError as error:
        violations = error.violations if isinstance(error, InputError) else [str(error)]
        module.fail_json(msg=str(error), violations=violations, **{**(failure or {}), **error.facts})
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


def _refuse(argument_spec: Mapping[str, Any], violations: list[str], failure: Mapping[str, Any]) -> None:
    """Before Ansible reads the options: it makes texts of what is none, and of some it makes a traceback."""
    if violations:
        kept = ("aliases", "no_log")
        raw = {
            name: {"type": "raw", **{key: one[key] for key in kept if key in one}}
            for name, one in argument_spec.items()
        }
        AnsibleModule(raw, supports_check_mode=True).fail_json(
            msg="; ".join(violations), violations=violations, **failure
        )
