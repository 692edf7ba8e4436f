# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from overlay_lab import mirror
from overlay_lab.shell import LabError

DEB822 = """\
# Debian's own
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] https://third.example/apt nodistro main
deb http://old.example/debian bullseye main contrib
deb http://old.example/debian-security bullseye-security main
"""
KEYRING = Path("/k.gpg")


def written(tmp_path: Path, **files: str) -> list[mirror.Source]:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name.replace("__", "/").replace("_", ".")).write_text(text)
    return mirror.machine_sources(tmp_path)


def test_deb822_sources(tmp_path: Path) -> None:
    sources = written(tmp_path, **{"sources.list.d__debian_sources": DEB822})
    assert mirror.lines_for("trixie", sources, KEYRING) == [
        "deb [signed-by=/k.gpg] http://mirror.example/debian trixie main",
        "deb [signed-by=/k.gpg] http://mirror.example/debian trixie-updates main",
        "deb [signed-by=/k.gpg] http://mirror.example/debian-security trixie-security main",
    ]


def test_one_line_sources_without_those_of_others(tmp_path: Path) -> None:
    sources = written(tmp_path, sources_list=ONE_LINE)
    assert {source.uri for source in sources} == {
        "http://old.example/debian",
        "http://old.example/debian-security",
    }


def test_a_given_mirror_is_the_only_one(tmp_path: Path) -> None:
    sources = written(tmp_path, sources_list=ONE_LINE)
    lines = mirror.lines_for("bookworm", sources, KEYRING, "http://given.example/debian")
    assert {line.split()[2] for line in lines} == {"http://given.example/debian"}


def test_no_mirror_says_what_to_do() -> None:
    with pytest.raises(LabError, match="give one with lab_mirror"):
        mirror.lines_for("trixie", [], KEYRING)
