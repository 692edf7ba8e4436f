# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can be asked: a section with wrong options is left out, and the rest is looked at all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.baremetal.overlay.plugins.module_utils.host import sections


def sound(asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The sections that the module takes, and what it would say against the others."""
    specs = sections.spec()["sections"]["options"]
    good: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for name, options in asked.items():
        spec = specs.get(name)
        if spec is None or options is None:
            good[name] = options
            continue
        errors = ArgumentSpecValidator({name: spec}).validate({name: options}).error_messages
        if errors:
            refused[name] = "; ".join(errors)
        else:
            good[name] = options
    return good, refused
