# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a service: its files of variables, what the definition says, and variables without a value.

As the docker CLI does it, in each definition before definitions are merged. A name without a value takes the one that
is given to the run, never the environment's: a run must not depend on who started it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from .values import Key, Place, choice, pairs, take, text, truth

Files = Mapping[str, Optional[bytes]]
_MARK = "\ufeff"
# Files are read in one way: as docker stack deploy reads them, which Docker Compose calls raw.
FILE = {"path": Key(text), "required": Key(truth), "format": Key(choice("raw"))}


def with_environment(definition: Place, variables: Mapping[str, Any], files: Files) -> Any:
    """The definition with every service's env_file and environment made one mapping."""
    services = definition.value.get("services") if isinstance(definition.value, Mapping) else None
    if not isinstance(services, Mapping):
        return definition.value
    place = definition.at("services", services)
    return {**definition.value, "services": {name: _service(place.at(name, one), variables, files)
                                             for name, one in services.items()}}  # fmt: skip


def _service(place: Place, variables: Mapping[str, Any], files: Files) -> Any:
    service = place.value
    if not isinstance(service, Mapping) or not {"env_file", "environment"} & set(service):
        return service
    found: dict[str, str] = {}
    for path, required in _named(place.at("env_file", service.get("env_file"))):
        if required or files.get(path) is not None:
            found.update(_of_file(place.at("env_file", path), files.get(path), variables))
    found.update(_of_definition(place.at("environment", service.get("environment")), variables))
    kept = {key: value for key, value in service.items() if key != "env_file"}
    return {**kept, "environment": found}


def _named(place: Place) -> list[tuple[str, bool]]:
    """Paths, and whether the file has to be there, which Docker Compose's mappings say."""
    found: list[tuple[str, bool]] = []
    for entry in [place] if isinstance(place.value, str) else place.entries():
        taken: dict[str, Any] = take(entry, FILE) if isinstance(entry.value, Mapping) else {"path": text(entry)}
        if isinstance(entry.value, Mapping) and "path" not in taken:
            entry.fail("has no path; give the path of a file on the controller")
        if taken.get("path"):
            found.append((str(taken["path"]), taken.get("required") is not False))
    return found


def _of_definition(place: Place, variables: Mapping[str, Any]) -> dict[str, str]:
    bare: list[str] = []
    if isinstance(place.value, (list, tuple)):
        bare = [one for one in place.value if isinstance(one, str) and "=" not in one]
    elif isinstance(place.value, Mapping):
        bare = [str(name) for name, value in place.value.items() if value is None]
    found = pairs(place)
    for name in bare:
        found[name] = _given(place, name, variables)
    return found


def _given(place: Place, name: str, variables: Mapping[str, Any]) -> str:
    if variables.get(name) is not None:
        return str(variables[name])
    place.fail(f'"{name}" has no value; give {name}=value, or one for {name} in variables')
    return ""


def _of_file(place: Place, data: Optional[bytes], variables: Mapping[str, Any]) -> dict[str, str]:
    if data is None:
        place.fail(f'file "{place.value}" is not there on the controller')
        return {}
    try:
        lines = [line.rstrip("\r") for line in data.decode().lstrip(_MARK).split("\n")]
    except UnicodeDecodeError as error:
        place.fail(f'file "{place.value}" is no text: {error}')
        return {}
    found = {}
    for number, name, value in _lines(lines):
        if not name or name != "".join(name.split()):
            # The line may hold a password: only where it is is told.
            place.fail(f'file "{place.value}", line {number}: a name without blanks has to stand before the first "="')
        else:
            found[name] = _given(place, name, variables) if value is None else value
    return found


def _lines(lines: list[str]) -> Iterator[tuple[int, str, Optional[str]]]:
    """Values are taken as they are: blanks at the end, quotes and number signs included."""
    for number, line in enumerate(lines, start=1):
        line = line.lstrip()
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            yield number, name, value if equals else None
