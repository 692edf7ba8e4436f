# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests against real engines of their own. Where dockerd is missing they fail: a lane that was not run is not green."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
_unit = importlib.util.spec_from_file_location("_unit_conftest", HERE.parent / "unit" / "conftest.py")
assert _unit is not None and _unit.loader is not None
_unit.loader.exec_module(importlib.util.module_from_spec(_unit))
sys.path.insert(0, str(HERE))

if TYPE_CHECKING:
    from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
    from private import PrivateEngine


@pytest.fixture(scope="session")
def engines() -> Iterator[list[PrivateEngine]]:
    """Two engines that are in no swarm; the folder's path is short because a socket's must be."""
    from private import two_engines

    with tempfile.TemporaryDirectory(prefix="bo") as folder, two_engines(Path(folder)) as pair:
        yield pair


@pytest.fixture(scope="session")
def swarm_engine(engines: list[PrivateEngine]) -> Engine:
    """The first of them, made the manager of a swarm."""
    from private import connect

    engine = connect(engines[0])
    address = f"{engines[0].address}:2377"
    engine.call("POST", "/swarm/init", {"ListenAddr": address, "AdvertiseAddr": address})
    return engine


@pytest.fixture(scope="session")
def bare_engine(engines: list[PrivateEngine]) -> Engine:
    """The second one."""
    from private import connect

    return connect(engines[1])
