# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, and stamps the controller's time on both sides of it.

Where violations are only reported, a section that the module would refuse is left out and reported as well.

The host's clock was read in between, so its offset is known to half of that time, whatever the network does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Optional

from ansible.plugins.action.normal import ActionModule as NormalActionModule
from ansible_collections.baremetal.overlay.plugins.plugin_utils import looks
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run


class ActionModule(NormalActionModule):
    """As any module is run, with a stamp."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """The module's result, with the keys ``clock`` and ``refused``."""
        end_with_run()
        refused: dict[str, str] = {}
        asked = self._task.args.get("sections")
        if self._task.args.get("violations") == "report" and isinstance(asked, Mapping):
            self._task.args["sections"], refused = looks.sound(asked)
        sent = time.time()
        result: dict[str, Any] = super().run(tmp, task_vars)
        return {**result, "refused": refused, "clock": {"sent": sent, "received": time.time()}}
