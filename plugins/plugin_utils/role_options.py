# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of a deployment say of their options, in the argument specs by which each judges its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.errors import UnsupportedError
from jinja2.exceptions import TemplateError

# Those of the kernel overlay, and of the inventory as a whole, are judged word for word by rules of their own.
ROLES = ("docker_engine", "drives", "firewall", "ipsec", "swarm", "minio", "connectivity")
FOLDER = Path(__file__).parents[2] / "roles"


@cache
def known() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Every option by its name: the role that has it, and what it says of it."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for role in ROLES:
        text = (FOLDER / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        for entry in yaml_load(text)["argument_specs"].values():
            found.update({name: (role, option) for name, option in entry.get("options", {}).items()})
    return found


def refusals(variables: Mapping[str, Any]) -> Iterator[str]:
    """What the roles would refuse of these variables once hosts have been changed already."""
    for name, (role, option) in known().items():
        if name in variables and not option.get("no_log"):
            for words in _refused(name, option, variables):
                yield f"{words}; see `ansible-doc --type role baremetal.overlay.{role}`"


def _refused(name: str, option: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    try:
        result = ArgumentSpecValidator({name: option}).validate({name: variables[name]})
    except (AnsibleError, TemplateError):
        # A template of what is known to that role only, which it reads itself.
        return []
    return [_worded(name, error) for error in result.errors]


def _worded(name: str, error: Exception) -> str:
    text = str(error).rstrip(".")
    if isinstance(error, UnsupportedError):
        given, _words, allowed = text.partition(". Supported parameters include: ")
        return f"{given} is unknown; allowed: {allowed}"
    return text if name in text else f"{name}: {text}"
