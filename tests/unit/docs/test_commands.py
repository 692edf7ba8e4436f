# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages tell an operator to type works with the archive, in an empty directory, and with sudo alone."""

from __future__ import annotations

import configparser
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "inventories" / "example"
# Pages for those who have a clone.
DEVELOPERS = {"architecture.md", "lab.md", "soak.md"}
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in DEVELOPERS)]
TEXTS = [*PAGES, EXAMPLE / "hosts.yml", EXAMPLE / "group_vars" / "all.yml", EXAMPLE / "ansible.cfg"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
COMMANDS = ("ansible ", "ansible-playbook ", "ansible-doc ", "ansible-galaxy ")
# Of README's own chapter on the drivers: what proves them is in the clone.
PROOFS = re.compile(
    r"^\| `(?:overlay|kernel|host|macvlan|ipvlan|bridge)`.*$|^Names by DNS round robin.*$", re.MULTILINE
)


def ignored() -> list[str]:
    return yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]


def in_the_archive(path: str) -> bool:
    if not (ROOT / path).exists():
        return False
    parts = Path(path).parts
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return not any(fnmatch.fnmatch(one, pattern) for one in above for pattern in ignored())


def commands(page: Path) -> Iterator[str]:
    """Lines of code and inline code that begin with a command of Ansible; what follows a remark is no part of it."""
    text = page.read_text(encoding="utf-8")
    lines = [line for _language, block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *INLINE.findall(FENCED.sub("", text))]:
        command = re.sub(r"\s+#.*$", "", line).strip()
        if command.startswith(COMMANDS):
            yield command


COMMANDS_OF_PAGES = [
    pytest.param(command, id=f"{page.name}: {command}") for page in TEXTS for command in commands(page)
]


def options() -> set[str]:
    """All variables that a role or a playbook reads."""
    named: set[str] = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        if in_the_archive(str(path.relative_to(ROOT))):
            specs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
            named |= {name for spec in specs.values() for name in spec.get("options", {})}
    texts = [
        path.read_text(encoding="utf-8") for path in [*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/*.yml")]
    ]
    return named | {name for text in texts for name in re.findall(r"\boverlay_[a-z_]+", text)}


def test_there_are_commands() -> None:
    assert len(COMMANDS_OF_PAGES) > 12


@pytest.mark.parametrize("command", COMMANDS_OF_PAGES)
def test_a_command_names_the_inventory_and_what_the_archive_has(command: str) -> None:
    words = command.split()
    if words[0] == "ansible-playbook":
        name = next(word for word in words if word.startswith("baremetal.overlay."))
        assert in_the_archive(f"playbooks/{name.rpartition('.')[2]}.yml"), name
    if words[0] in ("ansible", "ansible-playbook"):
        assert words[words.index("-i") + 1] == "inventory", "as README's quick start has it"
    if words[0] == "ansible":
        module = words[words.index("-m") + 1]
        ours = module.removeprefix("baremetal.overlay.")
        assert module.startswith("ansible.builtin.") or in_the_archive(f"plugins/modules/{ours}.py"), module


@pytest.mark.parametrize("command", COMMANDS_OF_PAGES)
def test_a_variable_of_a_command_exists(command: str) -> None:
    given = re.findall(r"(?:-e|--extra-vars) (?:'\{\"(\w+)\"|(\w+)=)", command)
    assert {first or second for first, second in given} - options() == set()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_full_name_is_a_playbook_a_module_a_role_or_a_plugin(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"\bbaremetal\.overlay\.([a-z_0-9]+)\b", text)):
        places = (f"playbooks/{name}.yml", f"plugins/modules/{name}.py", f"plugins/callback/{name}.py", f"roles/{name}")
        assert any(in_the_archive(place) for place in places), name


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_no_page_for_operators_needs_a_clone(page: Path) -> None:
    """A path of the source is not there, or not where the reader is."""
    text = PROOFS.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"(?<![\w./-])(?:playbooks|roles|plugins|molecule|tests|scripts)/[\w./-]+", text)
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nobody_is_taken_for_root_on_a_host(page: Path) -> None:
    """By ssh a command runs as the user who logs in."""
    found = re.findall(r"^ssh \S+ (?!sudo )\S.*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert found == []


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _hash, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_the_playbooks_and_roles_that_readme_lists_are_those_of_the_archive() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chapter = text[text.index("\n## Playbooks") : text.index("\n## Modules")]
    playbooks, roles = chapter.split("\n## Roles")
    listed = set(re.findall(r"^\| `(\w+)\.yml`", playbooks, re.MULTILINE))
    assert all(in_the_archive(f"playbooks/{name}.yml") for name in listed)
    listed = set(re.findall(r"^\| `(\w+)`", roles, re.MULTILINE))
    assert listed == {path.name for path in (ROOT / "roles").iterdir() if in_the_archive(f"roles/{path.name}")}


def test_the_example_comes_with_settings_of_ansible_that_the_quick_start_puts_into_place() -> None:
    config = configparser.ConfigParser()
    config.read(EXAMPLE / "ansible.cfg")
    assert in_the_archive("inventories/example/ansible.cfg")
    assert config["defaults"]["interpreter_python"] == "/usr/bin/python3"
    assert config["defaults"]["stdout_callback"] == "baremetal.overlay.once"
    assert config["defaults"]["inventory"] == "inventory"
    assert "mv inventory/ansible.cfg ." in (ROOT / "README.md").read_text(encoding="utf-8")


def test_all_say_the_same_of_the_user_who_logs_in() -> None:
    shown = yaml.safe_load((EXAMPLE / "group_vars" / "all.yml").read_text(encoding="utf-8"))
    readme = next(block for language, block in FENCED.findall((ROOT / "README.md").read_text()) if language == "yaml")
    variables = yaml.safe_load(readme)["all"]["vars"]
    for name in ("ansible_user", "ansible_become"):
        assert variables[name] == shown[name]
    assert shown["ansible_become"] is True and shown["ansible_user"] != "root"
