# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs that are kept on the controller: they belong to the user who runs Ansible, since nothing becomes root there."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.ca import KEY
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ipsec_plan, tls_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule

# For each CA: the settings that say where it is, and whether this cluster has it.
KEPT = (
    ("minio_tls_ca", "tls_ca", lambda cluster: tls_plan.mode(cluster) == "own-ca"),
    ("ipsec_ca", "ipsec_ca", ipsec_plan.by_certificates),
)


def controllers_can_keep_them(cluster: Cluster) -> Iterator[str]:
    """Before a run that would fail in the middle, at its first certificate."""
    for option, setting, is_wanted in KEPT:
        if not is_wanted(cluster) or cluster.settings.get(f"{setting}_host") != tls_plan.CONTROLLER:
            continue
        directory = Path(str(cluster.settings.get(f"{setting}_dir"))).expanduser()
        refused = _refused(directory)
        if refused:
            yield (
                f"{option}_dir: {option}_host is localhost, and the user {_user()} may not {refused} on this "
                "controller, where nothing becomes root; give a directory of "
                f"that user, for example ~/{option.replace('_', '-')}"
            )
        elif words := tls_files.refused(str(directory)):
            yield f"{option}_dir: on this controller, {words}"


def _user() -> str:
    """As the system calls the user; a container may have none of that number."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _refused(directory: Path) -> str:
    """What this user may not do there; empty where a CA can be made or used."""
    if not os.path.lexists(directory):
        above = next(parent for parent in directory.absolute().parents if os.path.lexists(parent))
        return "" if os.access(above, os.W_OK | os.X_OK) else f"make a directory in {above}"
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return f"read and write {directory}"
    key = directory / KEY
    return f"read {key}" if key.exists() and not os.access(key, os.R_OK) else ""


RULES: tuple[Rule, ...] = (controllers_can_keep_them,)
