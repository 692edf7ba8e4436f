# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files as the docker CLI reads them, and the paths of the files that definitions name.

YAML has two readings. PyYAML's makes ``22:22`` a number and ``yes`` a truth value; docker's, like this one, does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.values import Place, Problems
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.variables import interpolate

# The parser in C, where PyYAML has it: hundreds of services take seconds without.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TYPES = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
              "-+.0123456789"),
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "merge": (r"<<", "<"),
}  # fmt: skip


class _Loader(_Parser):
    """Nothing else than the types above, and no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def construct_document(self, node: Any) -> Any:
        """Before what is merged into a mapping (<<) stands in it: there a key may be meant to override another."""
        _each_key_once(node, set())
        return super().construct_document(node)

    def construct_octal_too(self, node: Any) -> int:
        value = str(self.construct_scalar(node))
        if "0o" in value:
            return int(value.replace("_", ""), 8)
        return int(self.construct_yaml_int(node))


def _each_key_once(node: Any, seen: set[int]) -> None:
    """Anchors make of the document a graph."""
    if id(node) in seen:
        return
    seen.add(id(node))
    keys = set()
    for one in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in one if isinstance(one, tuple) else (one,):
            _each_key_once(part, seen)
        if isinstance(one, tuple) and isinstance(one[0], yaml.ScalarNode):
            if one[0].value in keys:
                raise yaml.constructor.ConstructorError(None, None, f'key "{one[0].value}" twice', one[0].start_mark)
            keys.add(one[0].value)


for _name, (_pattern, _first) in _TYPES.items():
    _tag = f"tag:yaml.org,2002:{_name}"
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), ["" if one == "\0" else one for one in _first])
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_octal_too)


def load(text: str, path: str) -> dict[str, Any]:
    try:
        definition = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path} cannot be read as a Compose definition: {_said(error)}") from error
    if not isinstance(definition, dict):
        raise InputError(f"{path} is not a Compose definition: it holds no mapping")
    return definition


def _said(error: yaml.YAMLError) -> str:
    """What is wrong and where. The parser would show the text itself, and that may be a password."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "it is not YAML"
    mark = error.problem_mark or error.context_mark
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{error.problem or error.context}{where}"


def named_files(definitions: list[Any], variables: Mapping[str, Any]) -> list[str]:
    """The paths as they are written, variables filled in; what is wrong with a definition is the module's to say."""
    found: dict[str, None] = {}
    for one in definitions:
        if isinstance(one, Mapping):
            filled = interpolate(Place(one, "", Problems()), variables)
            found.update(dict.fromkeys(path for path in _paths(filled) if isinstance(path, str) and path))
    return list(found)


def _paths(definition: Mapping[str, Any]) -> Iterator[Any]:
    for kind in ("secrets", "configs"):
        for entry in _mappings(definition.get(kind)):
            yield entry.get("file")
    for service in _mappings(definition.get("services")):
        listed = service.get("env_file")
        for one in listed if isinstance(listed, (list, tuple)) else [listed]:
            yield one.get("path") if isinstance(one, Mapping) else one


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value.values() if isinstance(one, Mapping)] if isinstance(value, Mapping) else []
