# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests against real engines of their own, of the release that ``--engine`` names (20.10 or 26.1).

Where it cannot be had they fail: a lane that was not run is not green.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
_unit = importlib.util.spec_from_file_location("_unit_conftest", HERE.parent / "unit" / "conftest.py")
assert _unit is not None and _unit.loader is not None
_unit.loader.exec_module(importlib.util.module_from_spec(_unit))
sys.path[:0] = [str(HERE), str(HERE.parent / "unit"), str(HERE.parents[1] / "roles" / "lab" / "files")]

pytest.register_assert_rewrite("option_cases")

if TYPE_CHECKING:
    from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
    from private import PrivateEngine


# What the run has to say at its end, for people and for the lane that runs it: `ran: <each of these>`.
SAID = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    from debian_root import RELEASES, default_release

    parser.addoption("--engine", choices=list(RELEASES), default=default_release(), help="the Docker release to run on")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SAID] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    from option_cases import COUNT

    if COUNT:
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(COUNT.items()))
        config.stash[SAID].append(f"{sum(COUNT.values())} option cases: {shown}")
    for said in config.stash[SAID]:
        terminalreporter.write_line(f"ran: {said}")


@pytest.fixture(scope="session")
def engines(pytestconfig: pytest.Config) -> Iterator[list[PrivateEngine]]:
    """Two engines that are in no swarm."""
    from debian_root import root_of
    from private import connect, two_engines

    wanted = pytestconfig.getoption("--engine")
    with two_engines(root_of(wanted)) as pair:
        version = connect(pair[0]).call("GET", "/version")["Version"]
        pytestconfig.stash[SAID].append(f"engine {version}")
        if not version.startswith(f"{wanted}."):
            raise RuntimeError(f"engine {wanted} was wanted, and {version} is what runs")
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
