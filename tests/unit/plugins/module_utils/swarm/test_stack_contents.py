# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the contents of secrets and configs come from, and which source wins."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.definition import (
    Definition,
    Namespace,
    convert,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_contents import contents_of, files_of

SENT = {"controller": base64.b64encode(b"controller").decode(), "gone": None}
KEY = ("secret", "s_word")


def definition(**secret: Any) -> Definition:
    return convert([{"services": {"web": {"image": "i"}}, "secrets": {"word": secret}}], Namespace("s"))


def content(
    secret: dict[str, Any], check_mode: bool = False, **options: Any
) -> tuple[dict[tuple[str, str], Optional[bytes]], list[str]]:
    params = {"secret_data": None, "secret_files": None, "file_data": SENT, **options}
    return contents_of(definition(**secret), params, files_of(params), check_mode)


def test_what_is_given_wins(tmp_path: Path) -> None:
    here = tmp_path / "word"
    here.write_bytes(b"\x00host")
    secret = {"file": "controller"}
    assert content(secret) == ({KEY: b"controller"}, [])
    assert content(secret, secret_files={"word": str(here)}) == ({KEY: b"\x00host"}, [])
    assert content(secret, secret_files={"word": str(here)}, secret_data={"word": "data"}) == ({KEY: b"data"}, [])
    assert content(secret, secret_data={"s_word": "by its name in the cluster"})[0][KEY].startswith(b"by")  # type: ignore[union-attr]
    assert content({"driver": "vault"}) == ({KEY: b""}, [])
    assert content({"external": True}) == ({}, [])


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nowhere": ({}, {}, 'secret "word" has no content; give it by secret_data, secret_files or a file'),
    "not on the controller": ({"file": "gone"}, {}, 'secret "word": file "gone" is not there on the controller'),
    "not on the host": (
        {},
        {"secret_files": {"word": "/nowhere"}},
        "/nowhere cannot be read on this host",
    ),
    "a folder": ({}, {"secret_files": {"word": "/tmp"}}, "/tmp cannot be read on this host: Is a directory"),
    "data for nobody": (
        {"file": "controller"},
        {"secret_data": {"x": "y"}},
        '"secret_data" has "x", which is not',
    ),
    "data that is nothing": (
        {"file": "controller"},
        {"secret_data": {"word": None}},
        'secret "word": its content in secret_data is null; give a text',
    ),
    "a file for nobody": (
        {"file": "controller"},
        {"secret_files": {"x": "y"}},
        '"secret_files" has "x", which is',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    secret, options, said = WRONG[case]
    violations = content(secret, **options)[1]
    assert len(violations) == 1
    assert said in violations[0]


@pytest.mark.parametrize(("secret", "options"), [({"file": "gone"}, {}), ({}, {"secret_files": {"word": "/nowhere"}})])
def test_a_prediction_does_not_ask_for_files_that_come_later(secret: dict[str, Any], options: dict[str, Any]) -> None:
    assert content(secret, check_mode=True, **options) == ({KEY: None}, [])
