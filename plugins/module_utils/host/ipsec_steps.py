# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of the section ``ipsec``, by phase: pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ipsec import backstop, charon, connections
from ..ipsec.files import (
    BEGINS,
    CERTIFICATE,
    CONF,
    DROP_IN,
    DROP_IN_PATH,
    KEY,
    LOADED,
    SCRIPT,
    SCRIPT_PATH,
    SNIPPET,
    SNIPPET_PATH,
    STORE,
    TRUST,
)
from ..minio import pem
from . import ipsec_state as ipsec
from . import packages
from .steps import DAEMON_RELOAD, RemoveTree, Run, Step, Unmark, WriteFile
from .system import System

# In whatever form somebody wrote it, over several lines where it is quoted.
HIDDEN = re.compile(r'(\bsecret\S*\s*=\s*)(?:"(?:[^"\\]|\\.)*"?|)[^\n]*')

HEADER = "# Written by baremetal.overlay.ipsec. Changes by hand are lost in the next run.\n"
# What a charon that runs was told to read.
SETTINGS = connections.digest(SNIPPET)
READ_SETTINGS = ("swanctl", "--reload-settings")


@dataclass(frozen=True)
class WriteSecrets(WriteFile):
    """A file with keys, which no diff shows; that one changed is seen by what it is called."""

    def shown(self, text: str) -> str:
        return HIDDEN.sub(r"\1(hidden)", text)


@dataclass(frozen=True)
class Remember:
    """What charon shows of what was loaded, so that a later run sees whether it is still that."""

    wanted: Mapping[str, str]
    facts: Mapping[str, str]
    sentence: str = ""

    def apply(self, system: System) -> None:
        with system.charon() as session:
            live = charon.look(session)
        before = ipsec.read_loaded(system.read(LOADED))
        found = {name: [digest, charon.shown(live, name)] for name, digest in self.wanted.items()}
        kept = {name: what for name, what in (before.get("connections") or {}).items() if name in live.connections}
        facts = {**before, **self.facts, "connections": {**kept, **found}}
        system.write(LOADED, json.dumps(facts, indent=1, sort_keys=True) + "\n", 0o600)


def present(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """From whatever is there to what the phase wants."""
    last = enforcing(options, state)
    if options["phase"] == ipsec.FINISH:
        if last and ipsec.old_secrets(options, state):
            # Nobody has proven himself by the keys of now before that is confirmed: those of before are still needed.
            options = {**options, "phase": ipsec.ENFORCE}
        else:
            last = [*last, *forget(options, state)]
    return [*_install(state), *_files(options, state), *_start(state), *_introduce(options, state), *last]


def enforcing(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """What refuses clear text and asks for encryption: it could cut a host off, and has a way back."""
    if options["state"] == "absent" or options["phase"] == ipsec.PREPARE:
        return []
    return [*_negotiate(options, state), *_activate(options, state), *_refuse(options, state)]


def _install(state: ipsec.State) -> list[Step]:
    """Its settings come first: it starts as soon as it is installed, and one that runs reads them at once."""
    steps: list[Step] = []
    written = state.files[SNIPPET_PATH] == SNIPPET
    if not written:
        steps.append(WriteFile(SNIPPET_PATH, SNIPPET, state.files[SNIPPET_PATH]))
    if state.units[ipsec.SERVICE].running and not (written and state.loaded.get("settings") == SETTINGS):
        again = Run(f"have {ipsec.SERVICE} read its settings again", (READ_SETTINGS,))
        steps += [again, Remember({}, {"settings": SETTINGS})]
    if state.files[SCRIPT_PATH] != SCRIPT:
        steps.append(WriteFile(SCRIPT_PATH, SCRIPT, state.files[SCRIPT_PATH]))
    if state.files[DROP_IN_PATH] != DROP_IN:
        steps += [WriteFile(DROP_IN_PATH, DROP_IN, state.files[DROP_IN_PATH]), DAEMON_RELOAD]
    missing = packages.missing(ipsec.PACKAGES, state.packages)
    repair = packages.repair(state.packages, ipsec.PACKAGES)
    steps += [repair] if repair else []
    return [*steps, packages.Install(missing)] if missing else steps


def wanted(options: Mapping[str, Any], state: ipsec.State, action: str) -> dict[str, dict[str, Any]]:
    """The connections as charon is told."""
    trust = options.get("trust") or state.files.get(TRUST) or ""
    return connections.connections(options, action, pem.blocks(trust))


def conf(options: Mapping[str, Any], state: ipsec.State) -> str:
    """What charon starts from. What is in force stays in it until this is confirmed over a new connection."""
    secrets = {
        connections.secret_name(number, value): connections.secret(options, number, value)
        for number, value in ipsec.secrets_in_order(options, state)
    }
    prepares = options["phase"] == ipsec.PREPARE
    wished = connections.connections(options, connections.READY if prepares else connections.ACTIVE, [TRUST])
    begins = [f"{BEGINS} {name} {child}\n" for name, child in connections.begins(wished, options["number"])]
    if prepares and state.enforced:
        before = state.files.get(CONF) or ""
        kept = connections.parse(before).get("connections")
        wished = {**wished, **(kept if isinstance(kept, dict) else {})}
        begins = [line for line in before.splitlines(keepends=True) if line.startswith(f"{BEGINS} ")]
    text = HEADER + "".join(begins) + connections.render({"connections": wished})
    return text + (connections.render({"secrets": secrets}) if secrets else "")


def _files(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    steps: list[Step] = []
    trust = pem.bundle([options.get("trust") or ""])
    if trust and trust != state.files.get(TRUST):
        steps.append(WriteFile(TRUST, trust, state.files.get(TRUST)))
    text = conf(options, state)
    if text != state.files.get(CONF):
        steps.append(WriteSecrets(CONF, text, state.files.get(CONF), 0o600))
    return steps


def _start(state: ipsec.State) -> list[Step]:
    unit = state.units[ipsec.SERVICE]
    commands: list[tuple[str, ...]] = []
    if unit.enabled != "enabled":
        commands.append(("systemctl", "enable", ipsec.SERVICE))
    if not unit.running:
        # Its package may have started it already, before its settings were there.
        commands += [("systemctl", "start", ipsec.SERVICE), READ_SETTINGS]
    return [Run(f"start {ipsec.SERVICE}, now and at boot", commands)] if commands else []


def _introduce(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """Keys, the certificate, and peers that charon does not know: it is ready for them, and asks for nothing."""
    live, loaded = state.live or charon.Live(), state.loaded
    ready = wanted(options, state, connections.READY)
    new = {name: connection for name, connection in ready.items() if name not in live.connections}
    order = ipsec.secrets_in_order(options, state)
    names = [connections.secret_name(number, value) for number, value in order]
    leads = connections.digest(names)
    new_keys = loaded.get("leads") != leads or not set(names) <= set(live.secrets)
    certificate = (state.files.get(CERTIFICATE) or "") if options["authentication"] != "psk" else ""
    fingerprint = pem.fingerprint(certificate)
    new_certificate = bool(certificate) and loaded.get("certificate") != fingerprint
    if not (new or new_keys or new_certificate):
        return []
    steps: list[Step] = [
        charon.Load(
            new,
            [_secret(options, number, value) for number, value in order] if new_keys else [],
            sentence=_sentence(new, new_keys and bool(order), new_certificate),
            certificate=certificate if new_certificate else "",
            key_path=KEY,
        )
    ]
    again = sorted(set(live.established) & set(ready)) if new_certificate else []
    if again:
        steps.append(charon.Reauthenticate(again))
    facts = {"leads": leads, "certificate": fingerprint, "settings": SETTINGS}
    return [*steps, Remember(_digests(new), facts)]


def _digests(connected: Mapping[str, Any]) -> dict[str, str]:
    return {name: connections.digest(connection) for name, connection in connected.items()}


def _changed(options: Mapping[str, Any], state: ipsec.State) -> dict[str, dict[str, Any]]:
    """Only what differs: an unchanged connection is not touched, and what is negotiated goes on."""
    live, known = state.live or charon.Live(), state.loaded.get("connections") or {}
    if state.loaded.get("released"):
        return wanted(options, state, connections.ACTIVE)
    return {
        name: connection
        for name, connection in wanted(options, state, connections.ACTIVE).items()
        if known.get(name) != [connections.digest(connection), charon.shown(live, name)]
    }


def _activate(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    live = state.live or charon.Live()
    changed = _changed(options, state)
    stale = sorted(set(live.connections) - set(wanted(options, state, connections.ACTIVE)))
    agreement = ipsec.agreement(options)
    if not (changed or stale or state.loaded.get("agreement") != agreement):
        return []
    parts = [f"ask for encryption with {len(changed)} peers"] if changed else []
    parts += [f"unload {', '.join(stale)}"] if stale else []
    released = bool(state.loaded.get("released"))
    load = charon.Load(changed, stale=stale, sentence="; ".join(parts), traps=released)
    return [load, Remember(_digests(changed), {"agreement": agreement, "released": ""})]


def _secret(options: Mapping[str, Any], number: int, value: str) -> tuple[str, tuple[str, ...], str]:
    owners = connections.secret(options, number, value)
    return connections.secret_name(number, value), (owners["id-1"], owners["id-2"]), value


def _sentence(new: Mapping[str, Any], new_keys: bool, new_certificate: bool) -> str:
    parts = [f"the connections with {len(new)} peers"] if new else []
    parts += ["keys"] if new_keys else []
    parts += ["the certificate"] if new_certificate else []
    return f"load {', '.join(parts)}" if parts else ""


def expected(options: Mapping[str, Any]) -> dict[str, str]:
    """The peers that this run prepared, too: with them everything is negotiated before clear text is refused."""
    names = options.get("expect")
    return {
        connections.name(peer["number"]): f"{peer['name']} ({peer['address']})"
        for peer in options["peers"]
        if names is None or peer["name"] in names
    }


def _negotiate(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """What is there stays; what is missing or of the wrong mode is made before clear text is refused."""
    live = state.live or charon.Live()
    every = wanted(options, state, connections.ACTIVE)
    changed = _changed(options, state)
    missing = {
        name: peer
        for name, peer in expected(options).items()
        if not state.enforced
        or name in changed
        or any(set(live.modes(name, child)) - {charon.TRANSPORT} for child in every[name]["children"])
    }
    if not missing:
        return []
    children = {name: list(every[name]["children"]) for name in missing}
    # Of a change that is only predicted nobody says how long it may take.
    seconds = options.get("confirm_timeout", 60) / 2
    return [charon.Negotiate(missing, children, f"negotiate with {', '.join(missing.values())}", seconds)]


def begun(options: Mapping[str, Any], state: ipsec.State) -> dict[str, list[str]]:
    """The connections, with their children, of which nothing is negotiated yet and nothing was asked for: the first
    negotiation, or trap, is that of the change."""
    live, known = state.live or charon.Live(), state.loaded.get("connections") or {}
    used = {*live.established, *(child.connection for child in live.children)}
    found = {}
    for name, ready in wanted(options, state, connections.READY).items():
        asks = state.enforced and name in known and known[name][0] != connections.digest(ready)
        if not asks and name not in used:
            found[name] = list(ready["children"])
    return found


def _refuse(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """The backstop."""
    return backstop.TABLE.steps(backstop.ruleset(options), backstop.closed(options), state.table)


def forget(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """Keys of before, once everybody has proven himself with those of now."""
    live = state.live or charon.Live()
    keep = {connections.secret_name(number, value) for number, value in ipsec.wanted_secrets(options).items()}
    old = sorted(set(live.secrets) - keep)
    if not old:
        return []
    # One end asks, so that there are not two of each.
    asks = [connections.name(number) for number in ipsec.old_secrets(options, state) if number > options["number"]]
    chosen = sorted(set(asks) & set(live.established))
    return [*([charon.Reauthenticate(chosen)] if chosen else []), charon.Forget(old)]


def _quiet(state: ipsec.State) -> list[Step]:
    """A host that is started again before all is ended asks for nothing of peers that may have ended their part."""
    text = state.files.get(CONF)
    found = connections.parse(text or "")
    children = [child for one in _sections(found, "connections") for child in _sections(one, "children")]
    if not text or not any(child.get("start_action") != "none" for child in children):
        return []
    for child in children:
        child["start_action"] = "none"
    return [WriteSecrets(CONF, HEADER + connections.render(found), text, 0o600)]


def _sections(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Those of a section, as far as a file has any that somebody may have edited."""
    section = found.get(name)
    return [one for one in section.values() if isinstance(one, dict)] if isinstance(section, dict) else []


def absent(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """Clear text is let through on all hosts first; then the connections end, and files go."""
    live = state.live or charon.Live()
    units = (backstop.TABLE.unit_path, backstop.TABLE.closed_unit_path)
    unit, closed_unit = (state.files.get(path) is not None for path in units)
    steps = backstop.TABLE.removal(unit, state.table.there, closed_unit, state.closed)
    traps = [(name, child) for name, shown in live.connections.items() for child in shown.get("children", {})]
    ends = options["phase"] == ipsec.FINISH
    if not ends:
        steps += _quiet(state)
    if traps and (state.enforced or ends):
        # A run that begins again sets them again.
        steps += [] if ends else [Remember({}, {"released": "yes"})]
        steps.append(charon.Release(traps))
    if not ends:
        return steps
    if live.connections or live.secrets:
        steps.append(charon.Unload(sorted(live.connections), sorted(live.secrets)))
    gone = [path for path in (*ipsec.FILES, KEY) if path not in units]
    steps += [Unmark(path, f"remove {path}") for path in gone if state.files.get(path) is not None]
    if state.key != "absent":
        steps += [Unmark(KEY, f"remove {KEY}"), RemoveTree(STORE)]
    if state.files.get(DROP_IN_PATH) is not None:
        steps.append(DAEMON_RELOAD)
    if state.units[ipsec.SERVICE].running and not live.others:
        stop = ("systemctl", "disable", "--now", ipsec.SERVICE)
        steps.append(Run(f"stop {ipsec.SERVICE}, which has no other connections", (stop,)))
    elif state.units[ipsec.SERVICE].running and state.files.get(SNIPPET_PATH) is not None:
        steps.append(Run("", (READ_SETTINGS,)))
    return steps


def remains(options: Mapping[str, Any], state: ipsec.State) -> list[Step]:
    """What a run that was killed left, also where nothing else is."""
    return [RemoveTree(path) for path in state.remains] if options["phase"] == ipsec.FINISH else []
