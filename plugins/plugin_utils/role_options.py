# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of a deployment say of their options in their argument specs, and variables read by that.

Every option is typed here, once, where it enters: what comes as text (surveys, the command line) is the same as what
YAML would have made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils import option_types, option_values
from jinja2.exceptions import TemplateError

# Those of site.yml; the others have playbooks of their own.
DEPLOYED = (
    "preflight",
    "docker_engine",
    "drives",
    "firewall",
    "ipsec",
    "kernel_overlay",
    "swarm",
    "minio",
    "connectivity",
)
ROLES = (*DEPLOYED, "teardown")
# What no deployment is made of: known by name only.
APART = ("lab", "walkthrough")
# These are judged word for word by rules of their own.
IN_OWN_WORDS = frozenset(
    (
        *("overlay_network_driver", "overlay_encryption", "overlay_host_number", "overlay_underlay_address"),
        *("overlay_client_networks", "overlay_underlay_mtu", "firewall_confirm_timeout", "ipsec_confirm_timeout"),
        "kernel_overlay_confirm_timeout",
        *("kernel_overlay_kind", "kernel_overlay_vni", "kernel_overlay_port", "kernel_overlay_subnet"),
        *("kernel_overlay_bridge", "kernel_overlay_mtu", "kernel_overlay_replication", "ipsec_protect"),
        *("ipsec_authentication", "ipsec_psk_master", "ipsec_psk_epoch", "ipsec_ca_host"),
        *(
            "ipsec_days",
            "ipsec_renew_days",
            "minio_tls",
            "minio_tls_names",
            "minio_tls_days",
            "minio_tls_renew_days",
            "minio_image_source",
        ),
    )
)
FOLDER = Path(__file__).parents[2] / "roles"
# What stands in for a list or dictionary that is none, until the run ends with the sentence about it.
_NOTHING: Mapping[str, Any] = {"list": [], "dict": {}}


@cache
def known() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Every option by its name: the role that has it, and what it says of it."""
    return _read(ROLES)


@cache
def apart() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """The same of the roles that no deployment is made of, where they are installed."""
    return _read(tuple(role for role in APART if (FOLDER / role).is_dir()))


def _read(roles: Sequence[str]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for role in roles:
        text = (FOLDER / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        for entry in yaml_load(text)["argument_specs"].values():
            found.update({name: (role, option) for name, option in entry.get("options", {}).items()})
    return found


def default(name: str) -> Any:
    """What the argument spec says where nothing is given."""
    return known()[name][1].get("default")


def typed(name: str, value: Any) -> Any:
    """The value in the option's own type; InputError where it is none, or is out of bounds."""
    converted = option_types.convert(value, known()[name][1], name)
    wrong = list(option_values.violations(name, converted))
    if wrong:
        raise InputError(wrong)
    return converted


def usable(name: str, value: Any) -> Any:
    """As ``typed``; what is wrong is stood in for, so that the rest can be looked at before the run is refused."""
    try:
        return typed(name, value)
    except InputError:
        option = known()[name][1]
        default = option.get("default")
        given_by_template = isinstance(default, str) and "{{" in default
        return _NOTHING.get(str(option.get("type")), None if given_by_template else default)


def read(variables: Mapping[str, Any], name: str) -> Any:
    """A host's own value, typed; as it is where a rule quotes it, and None where it is refused."""
    value = variables.get(name)
    try:
        return typed(name, value)
    except InputError:
        return value if name in IN_OWN_WORDS else None


def read_or(variables: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    """The same, and something else where it is not given, refused, or a template of what only its role knows."""
    try:
        found = read(variables, name) if name in variables else None
    except (AnsibleError, TemplateError):
        return otherwise
    return otherwise if found is None else found


def refusals(variables: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the variables that the inventory gives, each in the words of its option."""
    for name, (role, _option) in known().items():
        if name in variables and role in DEPLOYED and name not in IN_OWN_WORDS:
            for words in _refused(name, variables):
                yield f"{words}; see `ansible-doc --type role baremetal.overlay.{role}`"


def _refused(name: str, variables: Mapping[str, Any]) -> list[str]:
    try:
        typed(name, variables[name])
    except InputError as error:
        return list(error.violations)
    except (AnsibleError, TemplateError):
        # A template of what is known to that role only, which it reads itself.
        return []
    return []
