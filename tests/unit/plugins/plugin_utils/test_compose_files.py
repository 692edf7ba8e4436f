# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as the docker CLI reads it, and the files that definitions name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils.compose_files import load, named_files

VALUES: dict[str, tuple[str, Any]] = {
    "minutes are no number": ("22:22", "22:22"),
    "words are no truth": ("[yes, No, on, off, y]", ["yes", "No", "on", "off", "y"]),
    "truth": ("[true, False]", [True, False]),
    "octal": ("[0440, 0o440, 0x1f, 0b11, 0]", [0o440, 0o440, 31, 3, 0]),
    "no octal": ("0800", 800.0),
    "numbers": ("[1, -2, 1_000, 3.5, 1e3, .5]", [1, -2, 1000, 3.5, 1000.0, 0.5]),
    "a date is a text": ("2026-11-26", "2026-11-26"),
    "nothing": ("[~, null, ]", [None, None]),
    "empty": ("", None),
    "quoted": ("'22'", "22"),
    "version": ("3.8", 3.8),
}


@pytest.mark.parametrize("case", VALUES)
def test_values(case: str) -> None:
    written, wanted = VALUES[case]
    found = load(f"key: {written}\n", "compose.yml")["key"]
    assert found == wanted
    assert type(found) is type(wanted)


def test_anchors_and_merge_keys() -> None:
    text = "x-base: &base {a: 1, b: 2}\none: {<<: *base, b: 3}\ntwo: *base\n"
    assert load(text, "f") == {"x-base": {"a": 1, "b": 2}, "one": {"a": 1, "b": 3}, "two": {"a": 1, "b": 2}}


def test_merge_keys_of_nested_anchors() -> None:
    text = (
        "x-a: &a {image: a, user: a}\nx-b: &b {<<: *a, image: b}\n"
        "services: {one: {hostname: h, <<: *b, user: c}, two: {<<: [*b, *a]}}\n"
    )
    found = load(text, "f")["services"]
    assert found == {"one": {"hostname": "h", "image": "b", "user": "c"}, "two": {"image": "b", "user": "a"}}
    for twice in ("{<<: *b, user: c, user: d}", "{<<: *b, <<: *a}"):
        with pytest.raises(InputError, match="twice"):
            load(text.replace("{<<: [*b, *a]}", twice), "f")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", 'key "a" twice'),
        ("- a\n", "f is not a Compose definition: it holds no mapping"),
        ("a: [", "f cannot be read as a Compose definition"),
        ("a: !!python/object/apply:os.getcwd []\n", "f cannot be read as a Compose definition"),
        ("a: 1\n---\nb: 2\n", "f cannot be read as a Compose definition"),
    ],
)
def test_what_is_no_definition(text: str, said: str) -> None:
    with pytest.raises(InputError, match="(?s).*" + said.replace("(", r"\(")):
        load(text, "f")


@pytest.mark.parametrize(
    "text", ["a: {b: s3cret: [", 'a: "s3cret', "s3cret: x\n s3cret: [\n", "a: !no\n  x: [s3cret\n"]
)
def test_what_cannot_be_read_is_not_shown(text: str) -> None:
    with pytest.raises(InputError, match=r"cannot be read .*line \d+, column \d+") as caught:
        load(text, "f")
    assert "s3cret" not in str(caught.value)


def test_files_are_named_once_with_their_variables_filled_in() -> None:
    first = {
        "services": {
            "a": {"env_file": ["$DIR/a.env", {"path": "b.env", "required": False}]},
            "b": {"env_file": "b.env"},
            "c": None,
        },
        "secrets": {"s": {"file": "${DIR}/s"}, "external": {"external": True}},
    }
    second = {"configs": {"c": {"file": "c"}, "d": {"content": "x"}}, "services": ["wrong"]}
    assert named_files([first, second, "strange"], {"DIR": "d"}) == ["d/s", "d/a.env", "b.env", "c"]
