# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a live server is confined and which of its variables are secret is read back from its service."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.module_utils.host import service_facts

ENVIRONMENT = ["MINIO_DOMAIN=hush.example.org", "MINIO_KMS_SECRET_KEY=unset", "MINIO_ROOT_USER=unset"]


def test_a_confined_server_and_its_secrets_without_values():
    container = {"Env": ENVIRONMENT, "CapabilityDrop": ["ALL"], "Privileges": {"NoNewPrivileges": True}}
    spec = {"TaskTemplate": {"ContainerSpec": container, "Resources": {"Limits": {"Pids": 16384}}}}
    made = service_facts.made_of(spec)
    assert (made["dropped_capabilities"], made["no_new_privileges"], made["pids_limit"]) == (["ALL"], True, 16384)
    assert made["secret_environment"] == ["MINIO_KMS_SECRET_KEY", "MINIO_ROOT_USER"]
    assert "hush" not in str(made)


def test_a_server_of_before_has_none_of_it():
    made = service_facts.made_of({"TaskTemplate": {"ContainerSpec": {"Privileges": None}}})
    assert (made["dropped_capabilities"], made["no_new_privileges"], made["pids_limit"]) == ([], False, None)
