# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One option at a time on a real engine: made with it, again, changed, again, back to the default, again.

Each step is predicted first: the prediction, its diff and what the engine then shows have to be one. On an engine that
does not know the option's field the case is the refusal, which says which engine does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Field, OneOf, Table, Version
from ansible_collections.baremetal.overlay.plugins.module_utils.versions import dotted, engine_of
from table_walk import entries, later

Options = dict[str, Any]
# What each case came to, for the line at the end of the run.
COUNT: dict[str, int] = {}


@dataclass(frozen=True)
class Case:
    """``values``: to make it with, to change it to, what is its default. ``same``: other ways to say the first one.

    ``beside`` stands beside the option: in the same element of a list, or else among the object's options.
    ``since``: where a value, not the option, needs a newer engine.
    """

    first: Any
    second: Any
    default: Any
    beside: Mapping[str, Any] = field(default_factory=dict)
    same: tuple[Any, ...] = ()
    since: Version | None = None
    constant: bool = False  # it cannot be anything else
    shown: bool = True  # what the engine never shows cannot differ
    lost: tuple[Version, ...] = ()  # engines that lose it although their API has it: they are found out


class Subject(Protocol):
    """A module on an engine, for one object."""

    kind: str
    table: Table

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]: ...

    def live(self) -> Any:
        """What the table describes, as the engine shows it; None where the object is not there."""

    def after(self, result: Mapping[str, Any]) -> Any:
        """The same, as a result says it."""


def options_of(table: Table, option: str, value: Any, beside: Mapping[str, Any]) -> Options:
    """The option, dotted, with its value, in the dicts and lists that it lies in."""
    name, _dot, rest = option.partition(".")
    if not rest:
        return {**beside, name: value}
    row = next(one for one in flat(table) if one.name == name)
    if row.type == "list":
        return {name: [options_of(row.fields, rest, value, beside)]}
    return {**beside, name: options_of(row.fields, rest, value, {})}


def flat(table: Table) -> list[Field]:
    found: list[Field] = []
    for row in table:
        found.extend(row.options().values() if isinstance(row, OneOf) else [row])
    return found


def without_case(table: Table, cases: Mapping[str, Case]) -> list[str]:
    """Options of the table that nobody tries, and cases of options that there are not."""
    return sorted({one.option for one in entries(table)} ^ {option for option in cases if " " not in option})


def since_of(table: Table, option: str, case: Case) -> Version | None:
    found = [one.since for one in entries(table) if one.option == option.partition(" ")[0]]
    return later(case.since, min((one for one in found if one), default=None) if all(found) else None)


def walk_case(subject: Subject, option: str, case: Case, version: Version) -> None:
    """``option``: its dotted name; what follows a blank tells cases of the same option apart."""
    name = option.partition(" ")[0]
    needs = since_of(subject.table, option, case)
    first, second, default = (
        options_of(subject.table, name, value, case.beside) for value in (case.first, case.second, case.default)
    )
    if needs and version < needs:
        _refused(subject, name, first, needs, version)
        return
    if version in case.lost:
        _found_out(subject, name, first)
        return
    seen: dict[str, Any] = {}
    _step(subject, name, first, subject.live() is None or (case.shown and not case.constant), seen)
    for other in case.same:
        again = subject(**options_of(subject.table, name, other, case.beside))
        assert not again["changed"], f"{other!r} is the same as {case.first!r}: {again['diff']}"
    _step(subject, name, second, case.shown and case.second != case.first, seen)
    _step(subject, name, default, case.shown and case.default != case.second, seen)
    COUNT[subject.kind] = COUNT.get(subject.kind, 0) + 1


def _step(subject: Subject, name: str, options: Options, changes: bool, seen: dict[str, Any]) -> None:
    made = subject.live() is None
    predicted = subject(check_mode=True, **options)
    assert made == (subject.live() is None), "a prediction changes nothing"
    done = subject(**options)
    assert predicted["changed"] == done["changed"] == changes
    live = subject.live()
    assert _read(subject, subject.after(predicted)) == _read(subject, live)
    assert _read(subject, subject.after(done)) == _read(subject, live)
    if changes:
        assert predicted["diff"] == done["diff"]
        _says(name, done["diff"], made, seen)
    again = subject(**options)
    assert not again["changed"] and not _entries(again), again.get("diff")
    assert not subject(check_mode=True, **options)["changed"]
    assert _read(subject, subject.live()) == _read(subject, live)


def _read(subject: Subject, found: Any) -> fields.Values:
    return _comparable(subject.table, fields.read(subject.table, found))


def _comparable(table: Table, found: fields.Values) -> fields.Values:
    """Without what the engine never shows."""
    kept = dict(found)
    for row in flat(table):
        if row.name not in found:
            continue
        if not row.compared:
            del kept[row.name]
        elif row.nested == "list":
            kept[row.name] = [_comparable(row.fields, item) for item in found[row.name]]
        elif row.nested == "dict":
            kept[row.name] = _comparable(row.fields, found[row.name])
    return kept


def _entries(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a diff says has changed."""
    diff = result.get("diff") or {"before": {}, "after": {}}
    assert diff["before"].keys() == diff["after"].keys()
    return {key: one for key, one in diff["after"].items() if one != diff["before"][key]}


def _says(name: str, diff: Mapping[str, Any], made: bool, seen: dict[str, Any]) -> None:
    """The diff names the option with what was there, which is what the last diff said would be, and with what is."""
    top = name.partition(".")[0]
    own = [key for key in diff["after"] if re.match(rf"(\w+\.)?{top}\b", key)]
    assert own, f"{top} is not in {diff}"
    for key in own:
        assert diff["before"][key] != diff["after"][key]
        assert not made or diff["before"][key] is None
        assert key not in seen or _holds(diff["before"][key], seen[key])
        # What is said of a part is no longer what was said of the whole.
        for whole in [one for one in seen if key.startswith(f"{one}.")]:
            del seen[whole]
        seen[key] = diff["after"][key]


def _holds(before: Any, said: Any) -> bool:
    """What is there is what was said would be, with what only the engine could add."""
    if isinstance(before, dict) and isinstance(said, dict):
        return before.items() >= said.items()
    return bool(before == said)


def _refused(subject: Subject, name: str, options: Options, needs: Version, version: Version) -> None:
    pattern = (
        rf'option "{name.partition(".")[0]}\b.* needs Engine API {re.escape(dotted(needs))} '
        rf"\({re.escape(engine_of(needs))} or later\); this engine speaks {re.escape(dotted(version))}"
    )
    for check_mode in (True, False):
        with pytest.raises(InputError, match=pattern):
            subject(check_mode=check_mode, **options)
    assert subject.live() is None
    COUNT["refused"] = COUNT.get("refused", 0) + 1


def _found_out(subject: Subject, name: str, options: Options) -> None:
    top, _dot, last = name.partition(".")
    with pytest.raises(OverlayError, match=rf'option "{top}.*{last}": this engine took .* and has .*: remove it'):
        subject(**options)
    COUNT["found out"] = COUNT.get("found out", 0) + 1
