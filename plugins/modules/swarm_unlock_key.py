#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_unlock_key
short_description: Keep the unlock key of a swarm on its managers, and unlock with it
version_added: 0.1.0
description:
  - A swarm with C(autolock_managers) locks a manager whenever its engine restarts. This keeps the key on the manager,
    in a file that only root can read, and unlocks it with that.
  - The key comes from the manager's own engine and is never returned.
options:
  state:
    description:
      - V(present) keeps the key that is in force. Where the swarm locks nothing, the file is removed.
      - V(unlocked) unlocks this host's engine where it is locked, and waits until it is an active node again.
      - V(absent) removes the file.
    type: str
    choices: [absent, present, unlocked]
    default: present
  path:
    description: The file.
    type: path
    default: /etc/baremetal-overlay/swarm-unlock-key
  key:
    description: The key to unlock with. Without it, the one that is kept.
    type: str
  wait_timeout:
    description: Seconds until the node has to be active once it is unlocked.
    type: int
    default: 120
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Keep the unlock key on every manager
  baremetal.overlay.swarm_unlock_key:

- name: Unlock a manager after a reboot
  baremetal.overlay.swarm_unlock_key:
    state: unlocked
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ["keep the unlock key in /etc/baremetal-overlay/swarm-unlock-key"]
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.unlock_key import SPEC, converge


def main() -> None:
    run_module(SPEC, converge, host=System)


if __name__ == "__main__":
    main()
