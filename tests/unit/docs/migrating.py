# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of community.docker beside ours: what differs, and the page that says why.

``migrating.py record`` reads names, types, choices, aliases and defaults (no text) off the collection in
``.venv/stock``; ``migrating.py page`` writes what ``differences.yml`` says into docs/migrating.md. The test beside this
file holds all three together.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FACTS = HERE / "community_docker.json"
DIFFERENCES = HERE / "differences.yml"
PAGE = ROOT / "docs" / "migrating.md"
PLUGINS = "ansible_collections.baremetal.overlay.plugins"
COUNTERPARTS = {
    "docker_swarm": "swarm",
    "docker_swarm_info": "swarm_info",
    "docker_node": "node",
    "docker_node_info": "node_info",
    "docker_network": "network",
    "docker_network_info": "network_info",
    "docker_swarm_service": "service",
    "docker_swarm_service_info": "service_info",
    "docker_stack": "stack",
    "docker_stack_info": "stack_info",
    "docker_stack_task_info": "service_info",
    "docker_secret": "secret",
    "docker_config": "config",
    "docker_image_load": "image",
}
PROPERTIES = ("type", "elements", "choices", "aliases", "default", "required")
WORDS = {"option": "option", "return": "return value"}
MARKS = re.compile(r"(?<=<!-- differences begin -->\n).*?(?=<!-- differences end -->)", re.DOTALL)


@dataclass(frozen=True)
class Difference:
    """One property of one option or return value that is not as it is there."""

    module: str
    name: str
    what: str
    theirs: Any = None
    ours: Any = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.module, self.name, self.what


# --- what there is -----------------------------------------------------------------------------------------------


def record() -> None:
    """The facts of the installed community.docker."""
    names = [f"community.docker.{name}" for name in COUNTERPARTS]
    command = [str(ROOT / ".venv" / "stock" / "bin" / "ansible-doc"), "--json", *names]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    modules = {
        name: {
            "options": _options(found[f"community.docker.{name}"]["doc"]["options"], "suboptions"),
            "returns": {key: one["type"] for key, one in (found[f"community.docker.{name}"]["return"] or {}).items()},
        }
        for name in COUNTERPARTS
    }
    FACTS.write_text(json.dumps(modules, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def ours(name: str) -> dict[str, Any] | None:
    """The same facts of a module of ours, from what its arguments are really checked with; None: there is none."""
    if not (ROOT / "plugins" / "modules" / f"{name}.py").exists():
        return None
    connection = importlib.import_module(f"{PLUGINS}.module_utils.engine").connection_spec()
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    returns = yaml.safe_load(module.RETURN)
    return {
        "options": _options({**connection, **module.SPEC}, "options"),
        "returns": {key: one["type"] for key, one in returns.items()},
    }


def _options(options: Mapping[str, Any], below: str) -> dict[str, Any]:
    """Dotted name → properties."""
    found: dict[str, Any] = {}
    for name, one in options.items():
        found[name] = {key: one[key] for key in PROPERTIES if one.get(key) not in (None, [], False)}
        found[name].setdefault("type", "str")
        if one.get("default") is False:
            found[name]["default"] = False
        found.update({f"{name}.{key}": value for key, value in _options(one.get(below) or {}, below).items()})
    return found


# --- what differs ------------------------------------------------------------------------------------------------


def differences(facts: Mapping[str, Any]) -> list[Difference]:
    """Of every module that has a counterpart."""
    return [one for name in COUNTERPARTS for one in compare(name, facts[name], ours(COUNTERPARTS[name]))]


def compare(module: str, theirs: Mapping[str, Any], mine: Mapping[str, Any] | None) -> Iterator[Difference]:
    if mine is None:
        yield Difference(module, "", "module")
        return
    known = {**_by_alias(mine["options"]), **mine["options"]}
    for name, one in theirs["options"].items():
        if name in known:
            yield from _compare_option(module, name, one, known[name])
        elif "." not in name or name.rpartition(".")[0] in known:
            yield Difference(module, name, "option", "there", "not there")
    for name, kind in theirs["returns"].items():
        if mine["returns"].get(name) != kind:
            yield Difference(module, name, "return", kind, mine["returns"].get(name, "not there"))


def _by_alias(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options under their other names."""
    found = {}
    for name, one in options.items():
        place, dot, _last = name.rpartition(".")
        found.update({f"{place}{dot}{alias}": one for alias in one.get("aliases", ())})
    return found


def _compare_option(module: str, name: str, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[Difference]:
    """What ours accepts beyond theirs is no difference to a playbook that moves over."""
    for what in PROPERTIES:
        have, want = mine.get(what), theirs.get(what)
        if what == "choices":
            fits = have is None or (want is not None and set(want) <= set(have))
        elif what == "aliases":
            fits = set(want or ()) <= set(have or ())
        elif what == "required":
            fits = not have or bool(want)
        else:
            fits = have == want
        if not fits:
            yield Difference(module, name, what, want, have)


# --- what is said about it ---------------------------------------------------------------------------------------


def reasons() -> dict[tuple[str, str, str], str]:
    """Why: (module, name, what) → a sentence."""
    said: dict[tuple[str, str, str], str] = {}
    for entry in yaml.safe_load(DIFFERENCES.read_text(encoding="utf-8")):
        for name in entry["names"]:
            key = (entry["module"], name, entry["what"])
            if key in said:
                raise ValueError(f"{DIFFERENCES.name} says twice why {key} differs")
            said[key] = entry["reason"].strip()
    return said


def table(found: list[Difference], why: Mapping[tuple[str, str, str], str]) -> str:
    """The part of the page that is a matter of facts: a table a module, rows of one reason together."""
    text = ""
    for module, counterpart in COUNTERPARTS.items():
        rows: dict[tuple[str, str, str, str], list[str]] = {}
        for one in found:
            if one.module == module:
                key = (one.what, shown(one.theirs), shown(one.ours), why.get(one.key, ""))
                rows.setdefault(key, []).append(f"`{one.name}`")
        text += f"\n### `{module}` → `{counterpart}`\n\n"
        if not rows:
            text += "Nothing differs.\n"
            continue
        text += "| what | there | here | why |\n|---|---|---|---|\n"
        for (what, theirs, mine, reason), names in rows.items():
            text += f"| {WORDS.get(what, f'{what} of')} {', '.join(names)} | {theirs} | {mine} | {reason} |\n"
    return text + "\n"


def shown(value: Any) -> str:
    if value is None:
        return "none"
    if value in ("there", "not there"):
        return str(value)
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def page(text: str) -> str:
    """The page with its tables as they are to be."""
    return MARKS.sub(lambda _old: table(differences(json.loads(FACTS.read_text())), reasons()), text)


def main(arguments: list[str]) -> int:
    if arguments == ["record"]:
        record()
    elif arguments == ["page"]:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".cache" / "collections"))
    sys.exit(main(sys.argv[1:]))
