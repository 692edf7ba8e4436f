# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the engine, on scripted HTTP answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from ansible_collections.baremetal.overlay.plugins.module_utils import errors
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import (
    Engine,
    FreshEngine,
    PredictingEngine,
    open_engine,
    retry_out_of_sequence,
)

WORKER = {
    "Swarm": {
        "LocalNodeState": "active",
        "RemoteManagers": [{"NodeID": "b", "Addr": "10.0.0.2:2377"}, {"NodeID": "a", "Addr": "10.0.0.1:2377"}],
    }
}


class Http:
    """A session that answers from a script: path → (status, body)."""

    base_url = "http+docker://localhost"

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.sent: list[dict[str, Any]] = []

    def request(self, verb: str, url: str, **sent: Any) -> requests.Response:
        self.sent.append({"verb": verb, "url": url, **sent})
        answer = self.answers[url.removeprefix(self.base_url)]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer
        response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
        response.headers["Api-Version"] = "1.41"
        return response


def engine(path: str = "/x", status: int = 200, body: Any = None, **more: Any) -> Engine:
    return Engine(Http({path: (status, body), **more}))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "service x not found", errors.NotFound),
        (404, "page not found", errors.EngineError),
        (409, "name conflicts", errors.Conflict),
        (500, "rpc error: code = Unknown desc = name conflicts with an existing object", errors.Conflict),
        (500, "rpc error: code = Unknown desc = update out of sequence", errors.OutOfSequence),
        (500, "raft: failed to process the request: node lost leader status", errors.OutOfSequence),
        (400, "invalid", errors.EngineError),
        (503, "context deadline exceeded", errors.EngineError),
    ],
)
def test_errors_are_told_apart(status: int, message: str, kind: type) -> None:
    with pytest.raises(errors.EngineError) as error:
        engine(status=status, body={"message": message}, **{"/info": (200, {})}).call("GET", "/x")
    assert error.value.__class__ is kind
    assert str(error.value) == f"{message} (GET /x: {status})"


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (WORKER, "this host is a worker of its swarm; run this on one of the managers: 10.0.0.1:2377, 10.0.0.2:2377"),
        ({"Swarm": {"LocalNodeState": "inactive"}}, "this host is in no swarm"),
        ({"Swarm": {"LocalNodeState": "locked"}}, "this host's swarm is locked since its engine restarted; unlock it"),
    ],
)
@pytest.mark.parametrize("status", [500, 503])
def test_the_wrong_host_is_told_where_to_go(info: Any, sentence: str, status: int) -> None:
    said = {"message": 'This node is not a swarm manager. Use "docker swarm init" …'}
    with pytest.raises(errors.NotManager) as error:
        Engine(Http({"/x": (status, said), "/info": (200, info)})).call("GET", "/x")
    assert sentence in str(error.value)


@pytest.mark.parametrize("message", ["The swarm does not have a leader. It's possible …", "context deadline exceeded"])
def test_a_swarm_without_a_leader_is_told_from_a_slow_one(message: str) -> None:
    lost = {"Swarm": {**WORKER["Swarm"], "ControlAvailable": True, "Error": "rpc error: context deadline exceeded"}}
    with pytest.raises(errors.NoLeader, match=r"no leader.*knows of: 10.0.0.1:2377, 10.0.0.2:2377; start.*force: true"):
        Engine(Http({"/x": (500, {"message": message}), "/info": (200, lost)})).call("GET", "/x")
    with pytest.raises(errors.EngineError) as error:
        Engine(Http({"/x": (500, {"message": message}), "/info": (200, WORKER)})).call("GET", "/x")
    assert error.value.__class__ is errors.EngineError


def test_an_engine_that_let_go_of_a_locked_swarm_is_to_be_restarted() -> None:
    said = {"message": "Swarm is encrypted and needs to be unlocked before it can be used."}
    with pytest.raises(errors.NotManager, match="restart it"):
        Engine(Http({"/x": (503, said), "/info": (200, {"Swarm": {"LocalNodeState": "inactive"}})})).call("GET", "/x")


@pytest.mark.parametrize(
    ("failure", "sentence", "absent"),
    [
        ("Permission denied", "become root", False),
        ("[Errno 2] No such file or directory", "the socket does not exist; install the engine", True),
        ("[Errno 111] Connection refused", "start the engine", True),
    ],
)
def test_no_engine_says_what_to_do(failure: str, sentence: str, absent: bool) -> None:
    with pytest.raises(errors.Unavailable) as error:
        Engine(Http({"/x": requests.exceptions.ConnectionError(failure)})).call("GET", "/x")
    assert sentence in str(error.value)
    assert error.value.absent is absent


def test_a_slow_engine_is_not_an_absent_one() -> None:
    with pytest.raises(errors.EngineError, match="gave no answer in time") as error:
        Engine(Http({"/x": requests.exceptions.ReadTimeout("60 s")})).call("GET", "/x")
    assert not isinstance(error.value, errors.Unavailable)


def test_queries_bodies_and_answers() -> None:
    http = Http(
        {"/services": (200, [{"ID": "1"}]), "/v1.30/services": (200, None), "/images/load": (200, '{"a":1}\n{"b":2}\n')}
    )
    one = Engine(http)
    query = {"status": True, "filters": {"name": ["a"]}, "none": None}
    assert one.call("GET", "/services", query=query) == [{"ID": "1"}]
    assert http.sent[0]["params"] == {"status": "true", "filters": '{"name": ["a"]}'}
    assert one.api_version == (1, 41), "known from the answer's header, without another call"
    assert one.call("POST", "/images/load", data=b"tar") == [{"a": 1}, {"b": 2}]
    asked = Engine(http, api_version="1.30")
    asked.call("GET", "/services")
    assert asked.api_version == (1, 30)


def test_a_fresh_engine_predicts_and_never_changes() -> None:
    fresh = FreshEngine("none")
    assert fresh.call("GET", "/services", query={"status": True}) == []
    assert fresh.call("GET", "/info")["Swarm"]["LocalNodeState"] == "inactive"
    with pytest.raises(errors.NotFound):
        fresh.call("GET", "/networks/x")
    with pytest.raises(errors.EngineError, match="must not change"):
        fresh.call("POST", "/networks/create", {"Name": "x"})


@pytest.mark.parametrize(("state", "predicts"), [("inactive", True), ("active", False), ("locked", False)])
def test_only_a_host_that_is_in_no_swarm_is_planned_for_as_if_it_were(state: str, predicts: bool) -> None:
    said = (503, {"message": "This node is not a swarm manager."})
    one = PredictingEngine(Engine(Http({"/nodes": said, "/info": (200, {"Swarm": {"LocalNodeState": state}})})))
    if predicts:
        assert one.call("GET", "/nodes") == []
    else:
        with pytest.raises(errors.NotManager):
            one.call("GET", "/nodes")
    assert one.fresh is predicts


def test_retries_are_bounded() -> None:
    tries = []

    def attempt() -> None:
        tries.append(1)
        raise errors.OutOfSequence("update out of sequence")

    with pytest.raises(errors.OutOfSequence):
        retry_out_of_sequence(attempt, tries=3)
    assert len(tries) == 3


@pytest.mark.parametrize("version", ["v1.41", "1", "1.x", "latest"])
def test_what_is_no_version_is_told(version: str) -> None:
    with pytest.raises(errors.InputError, match=f'option "api_version": "{version}" is no version; give for example'):
        open_engine({"docker_host": "unix:///nonexistent", "api_version": version, "timeout": 1})
