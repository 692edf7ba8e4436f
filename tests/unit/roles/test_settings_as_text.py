# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of every role, given as a survey gives it: text. Nothing becomes another plan, label or argument."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options

SCRIPT = Path(__file__).with_name("as_text.py")
# Without a default: nothing is given as text that would mean the same.
NOTHING_TO_GIVE = {
    *("overlay_underlay_mtu", "minio_parity", "minio_network_consent", "minio_root_user", "minio_root_password"),
    *("minio_tls_certificate", "minio_tls_key", "minio_tls_ca", "minio_tls_ca_host", "minio_image"),
    *("minio_image_archive", "minio_image_binary", "minio_image_mc_binary", "minio_image_release"),
    *("minio_image_consent", "minio_root_consent", "minio_ca_certificates", "minio_cache_dir", "swarm_lan_parent"),
    *("docker_engine_minio_ca_path", "firewall_gre_vsid", "ipsec_ca_host"),
    *("kernel_overlay_mtu", "connectivity_report_dir", "connectivity_client_ca", "teardown_ca_host"),
    *("teardown_ipsec_ca_host", "minio_go_proxy", "minio_python_index", "swarm_autolock"),
}


@cache
def told() -> dict[str, Any]:
    """What is different, option by option."""
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", sorted({*role_options.known()} - NOTHING_TO_GIVE))
def test_the_default_as_text_is_the_default(name: str) -> None:
    assert told()[name]["differs"] == {}, told()[name]["text"]


def test_no_option_is_left_out() -> None:
    assert {*told()} == {*role_options.known()} - NOTHING_TO_GIVE
