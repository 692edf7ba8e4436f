# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, and confirms what it changed over a new connection."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.plugin_utils.confirmed import ConfirmedAction


class ActionModule(ConfirmedAction):
    """A subnet that takes away the way to the controller would do so for good."""

    module = "baremetal.overlay.links"
