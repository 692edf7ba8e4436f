# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door to the Docker Engine: one method (verb, path, body) → answer.

A socket of this host is spoken to directly (``unix_http.py`` says why); for all else (TLS, ssh) the Docker SDK is the
transport, and nothing else of it is used. In check mode a host may still be bare: ``open_engine`` then returns an
engine that answers as a newly installed one would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any, Callable, Optional, TypeVar, Union
from urllib.parse import quote

from ansible.module_utils.basic import env_fallback

from .conversation import Conversation, begin, half_closes
from .errors import (
    Conflict,
    EngineError,
    InputError,
    NoLeader,
    NotFound,
    NotManager,
    OutOfSequence,
    OverlayError,
    Unavailable,
)
from .transport import open_client, timed_out
from .versions import ENGINES

DEFAULT_HOST = "unix:///var/run/docker.sock"
_NOT_MANAGER = re.compile(
    r"not a swarm manager|not part of a swarm|Worker nodes can't|from a worker node|needs to be unlocked", re.I
)
# Where the leader changed in between, a write may have been made or not: that, too, is for reading again to tell.
_LOST_RACE = re.compile(r"update out of sequence|lost leader status", re.I)
_LEADER = re.compile(r"does not have a leader|context deadline exceeded", re.I)
_TAKEN = "name conflicts with an existing object"
# What a cluster says between two leaders, and an engine that has just been started.
_BETWEEN = re.compile(
    r"(not have a|has no) leader|is not the leader|deadline exceeded|connection (refused|error)|no answer in time", re.I
)

Answer = TypeVar("Answer")


def connection_spec() -> dict[str, Any]:
    """The connection options of community.docker, with their environment variables."""

    def option(kind: str, variable: str, *aliases: str, **more: Any) -> dict[str, Any]:
        fallback = {"fallback": (env_fallback, [variable])} if variable else {}
        return {"type": kind, **fallback, **({"aliases": list(aliases)} if aliases else {}), **more}

    return {
        "docker_host": option("str", "DOCKER_HOST", "docker_url", default=DEFAULT_HOST),
        "tls_hostname": option("str", "DOCKER_TLS_HOSTNAME"),
        "api_version": option("str", "DOCKER_API_VERSION", "docker_api_version", default="auto"),
        "timeout": option("int", "DOCKER_TIMEOUT", default=60),
        "ca_path": option("path", "", "ca_cert", "tls_ca_cert", "cacert_path"),
        "client_cert": option("path", "", "tls_client_cert", "cert_path"),
        "client_key": option("path", "", "tls_client_key", "key_path", no_log=False),
        "tls": option("bool", "DOCKER_TLS", default=False),
        "use_ssh_client": option("bool", "", default=False),
        "validate_certs": option("bool", "DOCKER_TLS_VERIFY", "tls_verify", default=False),
        "debug": option("bool", "", default=False),
    }


class Engine:
    """A live engine. ``api_version`` is what it speaks, or what the user asked to speak."""

    fresh = False

    def __init__(self, client: Any, host: str = DEFAULT_HOST, api_version: str = "auto", timeout: int = 60) -> None:
        self._client = client
        self._host = host
        self._timeout = timeout
        self._asked = "" if api_version in ("", "auto") else api_version
        self._spoken = self._asked
        self.calls: list[tuple[str, str]] = []

    @property
    def api_version(self) -> tuple[int, int]:
        if not self._spoken:
            self.call("GET", "/_ping")
        major, _dot, minor = self._spoken.partition(".")
        return int(major), int(minor or 0)

    def call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        query: Optional[Mapping[str, Any]] = None,
        data: Optional[Union[IO[bytes], bytes]] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        """The Engine's answer as data: JSON decoded (a stream of JSON lines as a list), text, or None."""
        self.calls.append((verb, path))
        sent = {"Content-Type": "application/json" if data is None else "application/x-tar", **(headers or {})}
        try:
            response = self._client.request(
                verb,
                f"{self._client.base_url}{'/v' + self._asked if self._asked else ''}{quote(path, safe='/:@')}",
                params={key: _query(value) for key, value in (query or {}).items() if value is not None},
                data=json.dumps(body) if body is not None else data,
                headers=sent,
                timeout=timeout or self._timeout,
            )
        except OSError as error:
            raise self._unavailable(error, verb, path) from error
        self._spoken = self._spoken or response.headers.get("Api-Version", "")
        if response.status_code >= 400:
            raise self._error(response.status_code, _message(response), verb, path)
        return _decoded(response)

    def converse(self, path: str, body: Any) -> Conversation:
        """A POST whose connection stays open both ways, as that of a command that runs."""
        self.calls.append(("POST", path))
        versioned = f"{'/v' + self._asked if self._asked else ''}{quote(path, safe='/:@')}"
        try:
            opened = begin(self._client, self._host, versioned, json.dumps(body), self._timeout)
        except OSError as error:
            raise self._unavailable(error, "POST", path) from error
        if opened.status_code < 400:
            return opened
        said = _message(opened)
        opened.close()
        raise self._error(opened.status_code, said, "POST", path)

    @property
    def half_closes(self) -> bool:
        """Whether the end of what is sent can be said in a conversation."""
        return half_closes(self._client, self._host)

    def _error(self, status: int, message: str, verb: str, path: str) -> EngineError:
        # 503 most of the time, 500 where the engine noticed late, 403 for a network.
        if (status == 403 or status >= 500) and _NOT_MANAGER.search(message):
            return self._not_manager(message, verb, path)
        # Without a leader every request but this one takes its time and fails; so does a slow one with a leader.
        if status >= 500 and path != "/info" and _LEADER.search(message):
            swarm = self._swarm()
            if _LEADER.search(swarm.get("Error") or ""):
                return NoLeader(_no_leader(swarm), status, verb, path)
        if _LOST_RACE.search(message):
            return OutOfSequence(message, status, verb, path)
        if status == 404 and message != "page not found":
            return NotFound(message, status, verb, path)
        # 500 where two made an object of one name at the same moment.
        kind = Conflict if status == 409 or _TAKEN in message else EngineError
        return kind(message, status, verb, path)

    def _swarm(self) -> Mapping[str, Any]:
        return self.call("GET", "/info").get("Swarm") or {}

    def _not_manager(self, message: str, verb: str, path: str) -> NotManager:
        swarm = self._swarm()
        state = swarm.get("LocalNodeState", "")
        if state == "locked":
            said = f"this host's swarm is locked since its engine restarted; {UNLOCK}"
        elif state == "active":
            said = worker(swarm)
        elif "needs to be unlocked" in message:
            said = (
                f"this host's engine has let go of a locked swarm; restart it (systemctl restart docker), then {UNLOCK}"
            )
        else:
            said = f"this host is in no swarm (state: {state or 'unknown'}); initialise or join one first"
        error = NotManager(said, 503, verb, path)
        error.state = state
        return error

    def _unavailable(self, error: OSError, verb: str, path: str) -> EngineError:
        said = str(error)
        if timed_out(error):
            return EngineError(f"the engine at {self._host} gave no answer in time: {said}", 0, verb, path)
        found = Unavailable(f"no engine answers at {self._host}: {_why(self._host, said)}", 0, verb, path)
        found.absent = any(word in said for word in ("No such file", "Connection refused", "FileNotFound"))
        return found


class FreshEngine(Engine):
    """What a newly installed engine would answer, for predictions on a host that is still bare."""

    fresh = True

    def __init__(self, reason: str = "") -> None:
        super().__init__(None)
        self.reason = reason

    @property
    def api_version(self) -> tuple[int, int]:
        return max(ENGINES)

    def call(self, verb: str, path: str, *_args: Any, **_more: Any) -> Any:
        self.calls.append((verb, path))
        if verb != "GET":
            raise EngineError("a prediction must not change anything", 0, verb, path)
        if path == "/info":
            return {"Swarm": {"LocalNodeState": "inactive", "ControlAvailable": False, "NodeID": ""}}
        if path in ("/networks", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/images/json"):
            return []
        raise NotFound("not there yet", 404, verb, path)


class PredictingEngine(Engine):
    """A live engine in check mode: where it is in no swarm yet, it answers as it would in a newly made one."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(None)
        self._engine = engine

    @property
    def api_version(self) -> tuple[int, int]:
        return self._engine.api_version

    def call(self, verb: str, path: str, *args: Any, **more: Any) -> Any:
        self.calls.append((verb, path))
        try:
            return self._engine.call(verb, path, *args, **more)
        except NotManager as error:
            if error.state != "inactive":
                raise
            self.fresh = True
            return FreshEngine().call(verb, path)


def open_engine(params: Mapping[str, Any], check_mode: bool = False) -> Engine:
    """The engine that the connection options name."""
    asked = params["api_version"]
    if not re.fullmatch(r"(auto|\d+\.\d+)?", asked):
        raise InputError(f'option "api_version": "{asked}" is no version; give for example "1.41", or auto')
    try:
        engine = Engine(open_client(params), params["docker_host"], asked, params["timeout"])
        if not check_mode:
            return engine
        engine.call("GET", "/_ping")
        return PredictingEngine(engine)
    except Unavailable as error:
        if check_mode and error.absent:
            return FreshEngine(str(error))
        raise


def passes(error: OverlayError) -> bool:
    """Whether waiting helps: the engine restarts, its swarm is not up again yet, or the managers elect a leader."""
    if isinstance(error, (Unavailable, NoLeader)):
        return True
    if isinstance(error, NotManager):
        # An engine that stops has let go of its swarm already, one that starts is not in it yet.
        return error.state in ("inactive", "pending")
    # No status: no answer in time.
    return isinstance(error, EngineError) and not 0 < error.status < 500 and bool(_BETWEEN.search(error.message))


def retry_out_of_sequence(attempt: Callable[[], Answer], tries: int = 5) -> Answer:
    """``attempt`` reads, compares and writes; where somebody else wrote in between, it is done again from the read."""
    for _again in range(tries - 1):
        try:
            return attempt()
        except OutOfSequence:
            continue
    return attempt()


UNLOCK = "unlock it with baremetal.overlay.swarm and its unlock_key, which swarm_info returns on another manager"


def managers(swarm: Mapping[str, Any]) -> list[str]:
    """The addresses of the managers that this host knows of."""
    return sorted(one.get("Addr", "") for one in swarm.get("RemoteManagers") or [])


def worker(swarm: Mapping[str, Any]) -> str:
    known = ", ".join(managers(swarm)) or "unknown"
    return f"this host is a worker of its swarm; run this on one of the managers: {known}"


def _no_leader(swarm: Mapping[str, Any]) -> str:
    return (
        "this host's swarm has no leader, because no more than half of its managers reach one another; this one knows "
        f"of: {', '.join(managers(swarm)) or 'none'}; start their engines or mend the network between them; if they "
        "are lost for good, make this host the only manager with baremetal.overlay.swarm, state: present, force: true"
    )


def _why(host: str, said: str) -> str:
    if "Permission denied" in said:
        return "permission denied; become root or a user who may use the socket"
    if "No such file" in said or "FileNotFound" in said:
        return "the socket does not exist; install the engine (docker.io) or start it (systemctl start docker)"
    if "Connection refused" in said:
        return "nothing listens there; start the engine (systemctl start docker)"
    return said if "://" in host else f"{said}; give docker_host as unix:///path or tcp://host:port"


def _query(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _message(response: Any) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return str(response.text).strip() or f"HTTP {response.status_code}"


def _decoded(response: Any) -> Any:
    text = response.text
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return text
