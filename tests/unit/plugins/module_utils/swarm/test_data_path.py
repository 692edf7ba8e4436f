# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engines encrypt on which port."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import data_path


@pytest.mark.parametrize(
    ("version", "port", "encrypted"),
    [
        ("20.10.24+dfsg1", 4789, True),
        ("20.10.24+dfsg1", 4790, False),
        ("20.10.27", 4790, False),
        ("19.03.15", 4790, False),
        ("23.0.6", 4790, False),
        ("23.0.7", 4790, True),
        ("24.0.2", 4790, False),
        ("24.0.3", 4790, True),
        ("25.0.0", 4790, True),
        ("26.1.5+dfsg1", "4790", True),
        ("5:24.0.2-1~debian.12~bookworm", 4790, False),
        ("5:29.1.0-1~debian.13~trixie", 4790, True),
        ("20.10.24+dfsg1-1+deb12u1+b2", 4790, False),
        (None, 4790, True),
        ("library-import", 4790, True),
    ],
)
def test_engines_before_the_fix_encrypt_on_one_port_only(version: object, port: object, encrypted: bool) -> None:
    assert data_path.encrypts(version, port) is encrypted


@pytest.mark.parametrize(
    ("swarm", "port"),
    [
        ({"Cluster": {"ID": "c", "DataPathPort": 4790}}, 4790),
        ({"Cluster": {"ID": "c", "DataPathPort": 0}}, 4789),
        ({"Cluster": {"ID": "c"}}, 4789),
        ({"Cluster": {"ID": ""}}, 0),
        ({"Cluster": None}, 0),
        (None, 0),
    ],
)
def test_only_managers_say_which_port_is_in_use(swarm: object, port: int) -> None:
    assert data_path.port_of({"Swarm": swarm}) == port
