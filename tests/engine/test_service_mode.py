# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another mode is another service, which must never mean no service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from running import Brittle, Interrupted, programs, quick, run_service, spec_of

NAME = "moded"


@pytest.fixture
def service(swarm_engine: Engine) -> Iterator[dict[str, Any]]:
    made = quick(programs(swarm_engine), labels={"kept": "yes"}, rollback_config={"delay": "2s"})
    yield run_service(swarm_engine, name=NAME, wait_timeout=60, **made)
    run_service(swarm_engine, name=NAME, state="absent", wait_timeout=60)


def test_a_job_is_made_of_a_service_that_is_updated(swarm_engine: Engine, service: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {
        "name": NAME, "mode": "replicated-job", "command": ["/bin/true"], "restart_config": {"condition": "none"},
    }  # fmt: skip
    predicted = run_service(swarm_engine, True, **wanted)
    done = run_service(swarm_engine, wait_timeout=60, **wanted)
    assert done["rebuilt"] and done["swarm_service"]["ID"] != service["swarm_service"]["ID"]
    spec = done["swarm_service"]["Spec"]
    assert fields.read(TABLE, predicted["swarm_service"]["Spec"]) == fields.read(TABLE, spec)
    assert spec["Labels"] == {"kept": "yes"}
    assert not {"UpdateConfig", "RollbackConfig"} & set(spec_of(swarm_engine, NAME))
    assert not run_service(swarm_engine, **wanted)["changed"]


@pytest.mark.usefixtures("service")
def test_what_the_engine_refuses_leaves_the_service_as_it_was(swarm_engine: Engine) -> None:
    before = spec_of(swarm_engine, NAME)
    with pytest.raises(OverlayError, match=r"was made again as it was: .*expanding hostname failed"):
        run_service(swarm_engine, name=NAME, mode="global-job", hostname="{{.Nothing}}", wait_timeout=60)
    assert spec_of(swarm_engine, NAME) == before


@pytest.mark.usefixtures("service")
def test_tasks_that_do_not_stop_in_time_leave_the_service(
    swarm_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_args: Any) -> None:
        raise WaitTimeout("still there")

    with monkeypatch.context() as patched:
        patched.setattr(rollout, "await_gone", stuck)
        with pytest.raises(WaitTimeout, match="still there"):
            run_service(swarm_engine, name=NAME, mode="global", wait_timeout=60)
    assert not run_service(swarm_engine, name=NAME, mode="global", wait_timeout=60)["changed"]
    assert spec_of(swarm_engine, NAME)["Labels"] == {"kept": "yes"}


# A note, removed, made, the note forgotten.
@pytest.mark.parametrize("fatal", range(4))
@pytest.mark.usefixtures("service")
def test_a_run_that_is_killed_is_completed(swarm_engine: Engine, fatal: int) -> None:
    """With options that only the live service had: the run that completes it does not name them."""
    with pytest.raises(Interrupted):
        run_service(Brittle(swarm_engine, fatal), name=NAME, mode="global", wait_timeout=60)  # type: ignore[arg-type]
    predicted = run_service(swarm_engine, True, name=NAME, mode="global")
    done = run_service(swarm_engine, name=NAME, mode="global", wait_timeout=60)
    assert predicted["changed"] == done["changed"] == (fatal < 3)
    spec = spec_of(swarm_engine, NAME)
    assert (spec["Labels"], "Global" in spec["Mode"]) == ({"kept": "yes"}, True)
    assert not run_service(swarm_engine, name=NAME, mode="global", wait_timeout=60)["changed"]
    run_service(swarm_engine, name=NAME, state="absent", wait_timeout=60)
    assert not swarm_engine.call("GET", "/configs"), "the note is forgotten"
