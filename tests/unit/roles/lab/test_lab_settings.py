# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from overlay_lab import drives, hosts, settings
from overlay_lab.shell import LabError

FOUR: dict[str, Any] = {
    "names": ["n1", "n2", "n3", "n4"],
    "numbers": [1, 2, 3, 4],
    "addresses": ["172.31.77.11", "172.31.77.12", "172.31.77.13", "172.31.77.14"],
    "drives": [2, 2, 2, 0],
}


def test_names_and_devices_follow_from_the_inventory() -> None:
    lab = settings.read(FOUR)
    assert [host.container for host in lab.hosts] == [f"overlay-lab-n{n}" for n in range(1, 5)]
    assert [(d.name, d.device) for d in lab.hosts[2].drives] == [
        ("overlay-n3-drive1", "/dev/loop7731"),
        ("overlay-n3-drive2", "/dev/loop7732"),
    ]
    assert lab.hosts[3].drives == ()
    assert len({drive.loop for drive in lab.drives}) == 6


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert settings.cache_folder() == Path("/somewhere/baremetal.overlay/lab")


def test_cache_folder_behind_a_symbolic_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "scratch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lab = settings.read(FOUR)
    image = lab.cache / "drives" / lab.drives[0].image
    image.parent.mkdir(parents=True)
    image.touch()
    # What /sys/block/loop*/loop/backing_file would say.
    assert str(image) == str(image.resolve())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"numbers": [1, 2, 2, 4]}, "number 2 is given to more than one host"),
        ({"addresses": ["172.31.77.11"] * 4}, "address 172.31.77.11 is given to more than one host"),
        ({"addresses": ["10.1.1.1", *FOUR["addresses"][1:]]}, "host n1: address 10.1.1.1 is not in 172.31.77.0/24"),
        ({"drives": [10, 0, 0, 0]}, "host n1: 10 drives; at most 9"),
    ],
)
def test_an_inventory_that_cannot_be_built_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError, match=said):
        settings.read({**FOUR, **change})


def test_a_new_file_is_a_new_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the slot and with the serial number of the one before, as where a host is rebuilt."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run(*argv: str, **_how: bool) -> SimpleNamespace:
        Path(argv[-1]).touch()
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(drives, "run", run)
    monkeypatch.setattr(drives, "backing_file", lambda _drive: "")
    monkeypatch.setattr(drives, "_make_device", lambda _drive: None)
    lab = settings.read(FOUR)
    folder, (drive, *_others) = lab.cache / "drives", lab.drives
    found = []
    for _time in range(2):
        drives.ensure(drive, folder, "1G")
        found.append(hosts.wwn_rules(lab, lab.hosts[0]))
        drives.ensure(drive, folder, "1G")
        assert hosts.wwn_rules(lab, lab.hosts[0]) == found[-1]
        (folder / drive.image).unlink()
    assert found[0] != found[1]
    assert re.fullmatch(f'KERNEL=="loop{drive.loop}", ENV{{ID_WWN}}="0x5[0-9a-f]{{15}}"\n', found[0])
