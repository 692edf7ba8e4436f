# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table machinery: from the rows of a table (``rows.py``) to all that a module does with its options.

    spec    table → argument_spec
    build   options → want: normal form, only what was given (None is unmanaged, empty is emptied)
    whole   want → want in which everything that was not given has the server's default
    read    API object → have: normal form, every row
    diff    want, have → what differs
    merge   API object, want → API object in which only what differs was changed

Both sides of a comparison are normal forms: references are names, units are the API's, defaults are filled in. A plan
therefore exists before the objects do. Everything here is pure. ``versions.gate`` says what an engine is too old for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from . import shapes
from .errors import InputError
from .rows import GIVEN, KEYED, RECREATE, Change, Field, OneOf, Refs, Table, lookup, place, remove, shown

Values = dict[str, Any]

# Option names that Ansible takes for secrets unless told otherwise.
_LOOKS_SECRET = re.compile(r"pass(?!ive)|secret|token|cryptkey|(^|_)key($|_)", re.IGNORECASE)


# --- argument spec -----------------------------------------------------------------------------------------------


def spec(table: Table) -> Values:
    """The argument_spec; nothing has a default there, so that not given stays not given."""
    found: Values = {}
    for row in table:
        if isinstance(row, OneOf):
            found[row.name] = _named({"type": "str", "choices": list(row.arms)}, row.aliases)
            found.update(spec(list(row.options().values())))
        else:
            found[row.name] = _argument(row)
    return found


def _argument(row: Field) -> Values:
    argument: Values = {"type": row.type}
    if row.elements or row.type == "list":
        argument["elements"] = row.elements or ("dict" if row.fields else "str")
    if row.fields and argument.get("elements", "dict") == "dict":
        argument["options"] = spec(row.fields)
    if row.choices:
        argument["choices"] = list(row.choices)
    if row.required:
        argument["required"] = True
    if row.secret or _LOOKS_SECRET.search(row.name):
        argument["no_log"] = row.secret
    return _named(argument, row.aliases)


def _named(argument: Values, aliases: Sequence[str]) -> Values:
    return {**argument, "aliases": list(aliases)} if aliases else argument


# --- build -------------------------------------------------------------------------------------------------------


def build(table: Table, params: Mapping[str, Any], where: str = "") -> Values:
    """What is wanted, in normal form. All violations are raised at once."""
    violations: list[str] = []
    want = _build(table, params, where, violations)
    if violations:
        raise InputError(violations)
    return want


def _build(table: Table, params: Mapping[str, Any], where: str, violations: list[str]) -> Values:
    want: Values = {}
    for row in table:
        try:
            if isinstance(row, OneOf):
                want.update(_build_union(row, params, where, violations))
            elif params.get(row.name) is not None:
                want[row.name] = _build_value(row, params[row.name], where, violations)
        except InputError as error:
            violations.extend(error.violations)
    return want


def _build_value(row: Field, value: Any, where: str, violations: list[str]) -> Any:
    at = f"{where}{row.name}"
    if row.nested == "dict":
        nested = _build(row.fields, shapes.object_of(row, value, at), f"{at}.", violations)
        return nested or whole(row.fields, {})
    if row.nested == "list":
        given = shapes.elements_of(row, value, at)
        found = [_build(row.fields, item, f"{at}[{number}].", violations) for number, item in enumerate(given)]
        _unique(row, found, at, violations)
        return found
    return shapes.value_of(row, value, at)


def _unique(row: Field, items: list[Values], at: str, violations: list[str]) -> None:
    seen = set()
    for item in items if row.compare == KEYED else []:
        key = row.key_of(item)
        if key in seen:
            violations.append(f'option "{at}": {row.label_of(item)} is given twice; give it once')
        seen.add(key)


def _build_union(row: OneOf, params: Mapping[str, Any], where: str, violations: list[str]) -> Values:
    want: Values = {}
    arm = params.get(row.name)
    if arm is not None and (not isinstance(arm, str) or arm not in row.arms):
        raise InputError(f'option "{where}{row.name}": "{arm}" is not one of {", ".join(row.arms)}')
    rows = {one.name: one for one in row.arms[arm].fields} if arm else row.options()
    for name in row.options():
        if params.get(name) is None:
            continue
        if name not in rows:
            violations.extend(row.foreign(name, str(arm), where).violations)
            continue
        want[name] = _build_value(rows[name], params[name], where, violations)
    if arm is not None:
        want[row.name] = arm
    return want


def whole(table: Table, want: Mapping[str, Any]) -> Values:
    """The same want, in which what was not given is wanted as the server's default (write-only rows excepted)."""
    full: Values = dict(want)
    for row in table:
        if isinstance(row, OneOf):
            full.setdefault(row.name, row.default)
            full.update(whole(row.arms[full[row.name]].fields, full))
        elif row.nested == "dict":
            full[row.name] = whole(row.fields, full.get(row.name) or {})
        elif row.nested == "list":
            full[row.name] = [whole(row.fields, item) for item in full.get(row.name) or []]
        elif row.compared and row.compare != GIVEN:
            full.setdefault(row.name, row.absent)
    return full


# --- read --------------------------------------------------------------------------------------------------------


def read(table: Table, obj: Any, refs: Optional[Refs] = None) -> Values:
    """What an API object says, in normal form, every row filled in."""
    have: Values = {}
    for row in table:
        if isinstance(row, OneOf):
            arm = row.live(obj)
            have[row.name] = arm
            have.update(read(row.arms[arm].fields, lookup(obj, _join(row.path, row.arms[arm].path)), refs))
        else:
            have[row.name] = _read_value(row, obj, refs)
    return have


def _read_value(row: Field, obj: Any, refs: Optional[Refs]) -> Any:
    raw = lookup(obj, row.path)
    value = None if raw is None else row.convert.decode(raw)
    if row.nested == "dict":
        return read(row.fields, value or {}, refs)
    if row.nested == "list":
        return [read(row.fields, item, refs) for item in value or []]
    if value is None:
        return row.absent
    return refs.name(row.ref, value) if row.ref and refs else value


def _join(*paths: str) -> str:
    return ".".join(path for path in paths if path)


# --- diff --------------------------------------------------------------------------------------------------------


def diff(table: Table, want: Mapping[str, Any], have: Optional[Mapping[str, Any]]) -> list[Change]:
    """What differs, option by option; without ``have`` (the object is not there) everything that is wanted."""
    return list(_diff(table, want, have, ""))


def _diff(table: Table, want: Mapping[str, Any], have: Optional[Mapping[str, Any]], where: str) -> Iterator[Change]:
    for row in table:
        if isinstance(row, OneOf):
            yield from _diff_union(row, want, have, where)
        elif row.name in want and (row.compared or have is None):
            yield from _diff_value(row, want[row.name], None if have is None else have.get(row.name), have, where)


def _diff_value(row: Field, want: Any, have: Any, live: Optional[Mapping[str, Any]], where: str) -> Iterator[Change]:
    at = f"{where}{row.name}"
    if row.nested == "dict":
        yield from _diff(row.fields, want, None if live is None else have or {}, f"{at}.")
    elif row.nested == "list":
        yield from _diff_list(row, want, have or [], at, live is None)
    elif live is None or not row.equal(want, have):
        before = None if live is None else row.show(have)
        yield Change(at, before, row.show(row.joined(want, have)), row.mutability == RECREATE)


def _diff_list(row: Field, want: list[Values], have: list[Values], at: str, made: bool) -> Iterator[Change]:
    recreate = row.mutability == RECREATE
    if row.compare != KEYED:
        pairs = zip(want, have)
        if len(want) != len(have) or any(diff(row.fields, whole(row.fields, new), old) for new, old in pairs):
            before = None if made else [shown(row.fields, item) for item in have]
            yield Change(at, before, [shown(row.fields, item) for item in want], recreate)
        return
    live = {row.key_of(item): item for item in have}
    for item in want:
        label = f"{at}[{row.label_of(item)}]"
        match = live.pop(row.key_of(item), None)
        if match is None:
            yield Change(label, None, shown(row.fields, item), recreate)
        else:
            for change in _diff(row.fields, item, match, f"{label}."):
                yield Change(change.option, change.before, change.after, change.recreate or recreate)
    for item in live.values():
        yield Change(f"{at}[{row.label_of(item)}]", shown(row.fields, item), None, recreate)


def _diff_union(row: OneOf, want: Mapping[str, Any], have: Optional[Mapping[str, Any]], where: str) -> Iterator[Change]:
    before = None if have is None else have.get(row.name, row.default)
    arm = want.get(row.name) or before or row.default
    if row.name in want and arm != before:
        yield Change(f"{where}{row.name}", before, arm, row.mutability == RECREATE)
    _own_options(row, want, arm, where)
    yield from _diff(row.arms[arm].fields, want, have if arm == before else None, where)


def _own_options(row: OneOf, want: Mapping[str, Any], arm: str, where: str) -> None:
    own = {one.name for one in row.arms[arm].fields}
    for option in row.options():
        if option in want and option not in own:
            raise row.foreign(option, arm, where)


def as_diff(changes: Sequence[Change]) -> Values:
    """What Ansible prints for ``--diff``."""
    return {
        "before": {change.option: change.before for change in changes},
        "after": {change.option: change.after for change in changes},
    }


# --- merge -------------------------------------------------------------------------------------------------------


def merge(
    table: Table, obj: Optional[Mapping[str, Any]], want: Mapping[str, Any], refs: Optional[Refs] = None
) -> Values:
    """The API object with what differs changed and everything else, known to the table or not, left as it is.

    Without ``obj`` it is the body that creates the object.
    """
    body: Values = copy.deepcopy(dict(obj or {}))
    _apply(table, body, want, refs or Refs(), "")
    return body


def _apply(table: Table, body: Values, want: Mapping[str, Any], refs: Refs, where: str) -> None:
    for row in table:
        if isinstance(row, OneOf):
            _apply_union(row, body, want, refs, where)
        elif row.name in want:
            _apply_value(row, body, want[row.name], refs, where)


def _apply_value(row: Field, body: Values, want: Any, refs: Refs, where: str) -> None:
    have = _read_value(row, body, refs)
    at = f"{where}{row.name}"
    if row.nested == "dict":
        if _touches(row, want, have):
            _apply_dict(row, body, want, refs, at)
    elif row.nested == "list":
        if _touches(row, want, have):
            _apply_list(row, body, want, have, refs, at)
    elif not row.compared or not row.equal(want, have):
        _set(row, body, row.joined(want, have), refs, at)


def _touches(row: Field, want: Any, have: Any) -> bool:
    """Whether anything is to be written there: a difference, or a value that cannot be compared."""
    if any(True for _change in _diff_value(row, want, have, {}, "")):
        return True
    return row.nested == "dict" and any(
        isinstance(one, Field) and not one.compared and one.name in want for one in row.fields
    )


def _set(row: Field, body: Values, value: Any, refs: Refs, at: str) -> None:
    if value is None or (value == row.absent and not value):
        # The field's absence says the same, and no engine minds an absent field.
        remove(body, row.path)
        return
    if row.ref:
        ident = refs.id(row.ref, value, at)
        place(body, row.id_path or row.path, ident)
        if row.id_path is None:
            return
    place(body, row.path, row.convert.encode(value))


def _apply_dict(row: Field, body: Values, want: Values, refs: Refs, at: str) -> None:
    raw = body if not row.path else lookup(body, row.path)
    sub = body if not row.path else dict(row.convert.decode(raw) or {}) if raw is not None else {}
    _apply(row.fields, sub, want, refs, f"{at}.")
    if row.path:
        if raw is None:
            _fill(row.fields, sub, want, refs, f"{at}.")
        if _void(row, sub):
            remove(body, row.path)
        else:
            place(body, row.path, row.convert.encode(sub))


def _void(row: Field, sub: Values) -> bool:
    """An object that says nothing is the same as none, and the Engine refuses some of them."""
    return not any(sub.values()) and not shown(row.fields, read(row.fields, sub))


def _apply_list(row: Field, body: Values, want: list[Values], have: list[Values], refs: Refs, at: str) -> None:
    raw = lookup(body, row.path)
    objects = list(row.convert.decode(raw) or []) if raw is not None else []
    live = {row.key_of(item): number for number, item in enumerate(have)} if row.compare == KEYED else {}
    kept: dict[int, Values] = {}
    added: list[Values] = []
    for item in want:
        number = live.get(row.key_of(item)) if live else None
        label = f"{at}[{row.label_of(item)}]." if row.key else f"{at}[]."
        one: Values = copy.deepcopy(objects[number]) if number is not None else {}
        _apply(row.fields, one, item, refs, label)
        if number is None:
            _fill(row.fields, one, item, refs, label)
            added.append(one)
        else:
            kept[number] = one
    result = [kept[number] for number in sorted(kept)] + added
    if result:
        place(body, row.path, row.convert.encode(result))
    else:
        remove(body, row.path)


def _fill(table: Table, body: Values, want: Mapping[str, Any], refs: Refs, where: str) -> None:
    """An object that is half given gets Go's zero values for the other half: say the server's defaults instead."""
    for row in table:
        if isinstance(row, OneOf) or not row.compared:
            continue
        at = f"{where}{row.name}"
        if row.nested == "dict" and (not row.path or lookup(body, row.path) is not None):
            sub = lookup(body, row.path) if row.path else body
            _fill(row.fields, sub, want.get(row.name) or {}, refs, f"{at}.")
        elif not row.nested and row.absent and _unsaid(row, body, want):
            _set(row, body, row.absent, refs, at)


def _unsaid(row: Field, body: Values, want: Mapping[str, Any]) -> bool:
    return lookup(body, row.path) is None and want.get(row.name, row.absent) == row.absent


def _apply_union(row: OneOf, body: Values, want: Mapping[str, Any], refs: Refs, where: str) -> None:
    before = row.live(body)
    arm = want.get(row.name) or before
    _own_options(row, want, arm, where)
    rows = row.arms[arm].fields
    path = _join(row.path, row.arms[arm].path)
    raw = lookup(body, path)
    fresh = raw is None
    sub: Values = dict(raw or {})
    given = {one.name: want[one.name] for one in rows if one.name in want}
    _apply(rows, sub, given, refs, where)
    if arm == before and sub == (raw or {}):
        return
    if fresh:
        _fill(rows, sub, given, refs, where)
    if arm != before:
        remove(body, _join(row.path, row.arms[before].path))
    place(body, path, sub)
