# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates what roles make of their options, with each option given as text in turn; prints what differs as JSON.

A process of its own, as Ansible's plugin loader changes how collections are imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[3]
init_plugin_loader([str(ROOT / ".cache" / "collections")])

# Only now are collections known.
from ansible_collections.baremetal.overlay.plugins.module_utils.host import sections  # noqa: E402
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack  # noqa: E402
from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options  # noqa: E402
from ansible_collections.baremetal.overlay.plugins.plugin_utils import settings as cluster_settings  # noqa: E402

OURS = ("docker_engine", "drives", "kernel_overlay", "firewall", "ipsec", "swarm", "minio")
ROLES = (*OURS, "preflight", "connectivity", "teardown")
# What tasks and filters read of the options.
READ = (
    *("__preflight_settings", "__preflight_sections", "__preflight_look", "__minio_options", "__minio_secret_data"),
    *("__minio_secret_files", "__swarm_options", "__swarm_networks", "__swarm_driver_options", "__teardown_options"),
    *("__teardown_settings", "__connectivity_settings", "__connectivity_store", "__kernel_overlay_options"),
    "__connectivity_clients",
)
HOSTS = {
    f"n{number}": {
        "overlay_host_number": number,
        "overlay_underlay_address": f"192.0.2.{number}",
        "minio_drives": ["/dev/disk/by-id/a", "/dev/disk/by-id/b"],
    }
    for number in range(1, 5)
}
GROUPS = {"managers": ["n1", "n2", "n3"], "workers": ["n4"], "minio": [*HOSTS], "all": [*HOSTS]}
MASTER = "a master of more than thirty-two characters, 0123456789"


def world() -> dict[str, Any]:
    """The variables of a run on the first host."""
    return {
        "groups": GROUPS,
        "inventory_hostname": "n1",
        "group_names": ["managers", "minio"],
        "ansible_play_hosts_all": [*HOSTS],
        "ansible_play_hosts": [*HOSTS],
        "ansible_check_mode": False,
        "overlay_client_networks": ["192.0.2.0/24"],
        "overlay_encryption": "none",
        "ipsec_psk_master": MASTER,
        "__connectivity_begun": {"run": "1", "began": 0, "started": "2026-01-01T00:00:00+00:00"},
        "preflight_plan": {
            "swarm_mtu": 1450,
            "minio": {
                **{"image": "sha256:0", "release": "R", "scheme": "http", "running_urls": {}, "running_endpoints": []},
                **{"root_change": False, "credentials_file": "minio-root.json", "credentials_from": None},
                **{"secret_names": [], "secrets_id": "", "no_new_privileges": True},
                **{"running_ca_file": None, "lacking_image": [], "tls": {"trust_id": "", "certified": [], "trust": ""}},
            },
            "networks": {"attachment": {"networks": ["m"], "publish": True, "hosts": {}, "identity": "overlay m"}},
            "ipsec": {"certified": [], "trust": ""},
        },
        **HOSTS["n1"],
    }


def as_text(value: Any) -> str:
    """As a survey or a command line gives it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


class Roles:
    """Defaults and variables of all roles, as Ansible templates them."""

    def __init__(self) -> None:
        self._loader = DataLoader()
        self.defaults: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        for role in ROLES:
            for folder, into in (("defaults", self.defaults), ("vars", self._variables)):
                path = ROOT / "roles" / role / folder / "main.yml"
                if path.exists():
                    into.update(self._loader.load_from_file(str(path), trusted_as_template=True))

    def templar(self, given: Mapping[str, Any]) -> Templar:
        # What is a host's own is text on each of them.
        shared = {
            name: {**given, **{key: as_text(value) if key in given else value for key, value in own.items()}}
            for name, own in HOSTS.items()
        }
        variables = {**self.defaults, **self._variables, **world(), "hostvars": shared, **given}
        return Templar(loader=self._loader, variables=variables)

    def value(self, name: str, given: Mapping[str, Any]) -> Any:
        """What a variable comes to, without what Ansible keeps beside a value."""
        return json.loads(json.dumps(self.templar(given).template(trust_as_template(f"{{{{ {name} }}}}")), default=str))


def observed(roles: Roles, given: Mapping[str, Any]) -> dict[str, Any]:
    """All that hosts, rules and services are given of the options."""
    found = {name: roles.value(name, given) for name in READ}
    settings = cluster_settings.read(found.pop("__preflight_settings"))
    validator = ArgumentSpecValidator(sections.spec())
    asked = validator.validate({"sections": found.pop("__preflight_sections"), "look": found.pop("__preflight_look")})
    numbers = [1, 2, 3, 4]
    return {
        **found,
        "settings": {key: settings.usable(key) for key in settings},
        "refused": settings.refused,
        "errors": asked.error_messages,
        "look": asked.validated_parameters,
        "stack": stack.compose(numbers, ["http://minio{1...4}:9000/drives/drive{1...2}"], found["__minio_options"]),
    }


def main() -> None:
    """One line for all options: what is another thing as text than as what YAML makes of it."""
    roles = Roles()
    values = {name: world().get(name, default(name, roles)) for name in role_options.known()}
    texts = {name: as_text(value) for name, value in values.items() if value is not None}
    usual = observed(roles, {})
    told = {name: {"text": text, "differs": {}} for name, text in texts.items()}
    # All at once is fast; where that differs, one by one says which.
    if difference(usual, observed(roles, texts)):
        for name, text in texts.items():
            told[name]["differs"] = difference(usual, observed(roles, {name: text}))
    json.dump(told, sys.stdout, default=str)


def default(name: str, roles: Roles) -> Any:
    """The role's own, or that of the specification where playbooks and rules have it."""
    return roles.value(name, {}) if name in roles.defaults else role_options.known()[name][1].get("default")


def difference(usual: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {key: [usual[key], other[key]] for key in usual if usual[key] != other[key]}


if __name__ == "__main__":
    main()
