# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins whose module arms a way back: the change is confirmed over a new connection, or it was none.

The module is asked first what it would do, since what peers can reach is to be known before a change, not after it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run
from ansible_collections.baremetal.overlay.plugins.plugin_utils.other_host import OtherHost

PROBE = "baremetal.overlay.probe"
# How many peers are asked to look, and how long a look may take to succeed after a change.
PEERS, SETTLE = 2, 10.0
# After the host's timer: until the way back is done and a connection can be made.
GRACE, PAUSE = 60.0, 1.0
display = Display()
Result = dict[str, Any]


class ConfirmedAction(ActionBase):
    """For modules with ``confirm`` and ``confirm_timeout`` that return ``armed`` (token, seconds) after a change.

    A module that returns ``watched`` (address, ports) in check mode is looked at from peers before and after.
    """

    # Their action plugins run the module of the same name.
    module = ""
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        """The module's result, of a change only once it is confirmed."""
        end_with_run()
        base: Result = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = dict(self._task.args)
        if self._task.check_mode or arguments.get("confirm"):
            return {**base, **self._module(arguments, variables)}
        with self._check_mode():
            planned = self._module(arguments, variables)
        if planned.get("failed") or not planned.get("changed"):
            return {**base, **planned}
        peers = self._peers(planned.get("watched"), variables)
        try:
            try:
                done = self._module(arguments, variables)
            except AnsibleConnectionFailure as error:
                words = (
                    f"{variables.get('inventory_hostname')}: the connection broke while the change was made, and what "
                    f"nobody confirms the host takes back: {error.message}"
                )
                return {**base, "failed": True, "msg": words}
            armed = done.pop("armed", None)
            if not armed:
                return {**base, **done}
            began = time.monotonic()
            failure = self._confirm(arguments, armed, began, peers, variables)
            # What was taken back is as it was.
            over = {"failed": True, "changed": False, "msg": failure} if failure else {}
            return {**base, **done, "confirmed": not failure, **over}
        finally:
            for peer in peers:
                peer.close()

    def _module(self, arguments: Mapping[str, Any], task_vars: Result) -> Result:
        result: Result = self._execute_module(module_name=self.module, module_args=dict(arguments), task_vars=task_vars)
        return result

    @contextmanager
    def _check_mode(self) -> Iterator[None]:
        before = self._task.check_mode
        self._task.check_mode = True
        try:
            yield
        finally:
            self._task.check_mode = before

    def _confirm(
        self,
        arguments: Mapping[str, Any],
        armed: Mapping[str, Any],
        began: float,
        peers: Sequence[Peer],
        task_vars: Any,
    ) -> str:
        """Why the change is not kept, or an empty text. What cannot be confirmed is over when this returns."""
        host, seconds = task_vars.get("inventory_hostname", "this host"), armed["seconds"]
        lost = _lost(peers, began + seconds - SETTLE)
        asked = {**arguments, "confirm": armed["token"], "confirm_refused": lost}
        said = self._ask(asked, began + seconds, task_vars)
        cut_off = said["cut_off"]
        if said.get("unreachable"):
            # Once the host can be reached again, it says itself what it has done: it may have confirmed what it heard.
            late = {**asked, "confirm_refused": [*lost, "it came too late"]}
            said = self._ask(late, time.monotonic() + GRACE, task_vars)
        if not said.get("failed"):
            return ""
        if not cut_off:
            return f"{host}: {said.get('msg', said)}"
        end = _still_away(said) if said.get("unreachable") else f"and the host says: {said.get('msg', 'nothing')}"
        return f"{host}: no new connection could be made within {seconds} s after the change ({cut_off}), {end}"

    def _ask(self, arguments: Mapping[str, Any], deadline: float, task_vars: Result) -> Result:
        """The module over a new connection, until it answers or the time is over."""
        words = ""
        while True:
            try:
                # The one that is open was let in before the change, and says nothing about it.
                self._connection.reset()
                return {**self._module(arguments, task_vars), "cut_off": words}
            except AnsibleConnectionFailure as error:
                words = " ".join(str(error.message).split())[-300:]
                display.vv(f"{task_vars.get('inventory_hostname')}: not confirmed yet: {words}")
                if time.monotonic() >= deadline:
                    return {"failed": True, "unreachable": True, "cut_off": words}
            time.sleep(PAUSE)

    def _peers(self, watched: Mapping[str, Any] | None, task_vars: Result) -> list[Peer]:
        """Some peers that reach a port of this host now; none where nothing listens here or nobody else is known."""
        if not watched or not watched["ports"]:
            return []
        found: list[Peer] = []
        for name in islice(_candidates(watched, task_vars), 2 * PEERS):
            peer = Peer(self, name, watched, task_vars)
            try:
                peer.before = peer.look()
            except AnsibleError as error:
                display.vv(f"{name} cannot look at this host: {error.message}")
            if peer.before:
                found.append(peer)
            else:
                # It could not object to anything: another one may.
                peer.close()
            if len(found) == PEERS:
                break
        return found


def _still_away(said: Mapping[str, Any]) -> str:
    return (
        f"and none within {GRACE:.0f} s after the host's timer was due ({said['cut_off']}); look at it by its "
        "console: `journalctl -u baremetal-overlay-revert`"
    )


def _candidates(watched: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Iterator[str]:
    """The hosts of the inventory that are peers, those of this play first; lazily, as a host's variables cost time."""
    own, hostvars = task_vars["inventory_hostname"], task_vars["hostvars"]
    peers = {plain(address) for address in watched["peers"]}
    for name in dict.fromkeys([*task_vars.get("ansible_play_hosts", []), *hostvars]):
        if name != own and plain(hostvars[name].get("overlay_underlay_address")) in peers:
            yield name


def _lost(peers: Sequence[Peer], deadline: float) -> list[str]:
    """What peers reached before and do not reach now, in sentences."""
    end = min(time.monotonic() + SETTLE, deadline)
    while True:
        lost = [sentence for peer in peers for sentence in peer.lost()]
        if not lost or time.monotonic() >= end:
            return lost
        time.sleep(PAUSE)


class Peer:
    """Another host that looks at this one."""

    def __init__(self, action: ActionBase, name: str, watched: Mapping[str, Any], task_vars: Result) -> None:
        self.name, self.before = name, frozenset[str]()
        self._address = watched["address"]
        self._probes = [
            {"key": str(port), "kind": "tcp", "address": self._address, "port": port} for port in watched["ports"]
        ]
        self._host: OtherHost | None = None
        self._open = lambda: OtherHost(action, name, task_vars)

    def look(self) -> frozenset[str]:
        """The ports that answer."""
        self._host = self._host or self._open()
        arguments = {"run": secrets.token_hex(8), "probes": self._probes}
        result = self._host.run(PROBE, arguments)
        if result.get("failed"):
            raise AnsibleError(str(result.get("msg")))
        return frozenset(key for key, seen in result["probes"].items() if seen["ok"])

    def lost(self) -> list[str]:
        """A peer that cannot be asked any more says nothing about this host."""
        try:
            missing = sorted(self.before - self.look(), key=int)
        except AnsibleError as error:
            display.warning(f"{self.name} cannot be asked what it reaches after the change: {error.message}")
            return []
        return [f"{self.name} reached port {port} of {self._address} before and does not now" for port in missing]

    def close(self) -> None:
        if self._host is not None:
            self._host.close()
