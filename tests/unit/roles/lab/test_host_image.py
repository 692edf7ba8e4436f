# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from overlay_lab import image
from overlay_lab.shell import LabError


def test_an_image_is_named_by_all_that_goes_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "file").write_text("one")
    monkeypatch.setattr(image, "ROOTFS", tmp_path)
    first = image.tag("trixie")
    assert first.startswith("overlay-lab-host:trixie-")
    assert image.tag("trixie") == first
    assert image.fingerprint("bookworm") != image.fingerprint("trixie")
    (tmp_path / "etc" / "file").write_text("two")
    second = image.tag("trixie")
    assert second != first
    (tmp_path / "etc" / "file").chmod(0o755)
    assert image.tag("trixie") not in (first, second)


def test_where_the_tree_lies_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("same")
        monkeypatch.setattr(image, "ROOTFS", tmp_path / name)
        tags.append(image.tag("trixie"))
    assert tags[0] == tags[1]


def test_bare_hosts_have_nothing_that_the_roles_install() -> None:
    assert not set(image.BASE) & {package for packages in image.OFFLINE.values() for package in packages}


def test_an_unknown_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="allowed: trixie, bookworm"):
        image.ensure("sid", tmp_path)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "host image: starting; 0 fetched, 0 unpacked, 0 set up"),
        (
            "I: installing essential packages...\nGet:1 http://m trixie a\nUnpacking a (1) ...\nSetting up a (1) ...\n",
            "host image: installing essential packages; 1 fetched, 1 unpacked, 1 set up",
        ),
        ("I: running --customize-hook in shell: sh -c x\n", "host image: adding the roles' packages; 0 fetched"),
    ],
)
def test_progress(log: str, said: str) -> None:
    assert image.progress(log).startswith(said)
