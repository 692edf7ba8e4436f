# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: once
type: stdout
short_description: Ansible's default output, with each failure said once
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Ansible's default output says a failure twice, in one line and again as the task's result.
  - This one leaves out the line, unless C(-v) is given. Everything else is as in P(ansible.builtin.default#callback).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
"""

from collections.abc import MutableMapping
from typing import Any

from ansible.plugins.callback.default import CallbackModule as DefaultCallback


class CallbackModule(DefaultCallback):
    """Where a result has no message, the line is all that there is."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "baremetal.overlay.once"

    def _handle_exception(self, result: MutableMapping[str, Any], use_stderr: bool = False) -> None:
        if result.get("msg") and not self._display.verbosity:
            result.pop("exception", None)
        super()._handle_exception(result, use_stderr)
