# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a name means."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.image_info import is_called
from ansible_collections.baremetal.overlay.plugins.module_utils.image_names import familiar

IMAGE = {
    "Id": "sha256:" + "cafe0123456789ab" * 4,
    "RepoTags": ["web:latest", "web:1.0", "registry.example.com:5000/team/web:2"],
    "RepoDigests": ["registry.example.com:5000/team/web@sha256:" + "1" * 64],
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("web", True),
        ("web:1.0", True),
        ("docker.io/library/web", True),
        ("library/web:1.0", True),
        ("web:2", False),
        ("registry.example.com:5000/team/web:2", True),
        ("registry.example.com:5000/team/web", False),
        ("registry.example.com:5000/team/web@sha256:" + "1" * 64, True),
        ("registry.example.com:5000/team/web:2@sha256:" + "1" * 64, True),
        ("registry.example.com:5000/team/web@sha256:" + "2" * 64, False),
        (IMAGE["Id"], True),
        ("cafe01234567", True),
        ("sha256:cafe01234567", True),
        ("cafe", False),
        ("cafe0123456x", False),
        ("0123456789ab", False),
    ],
)
def test_names_of_an_image(name: str, meant: bool) -> None:
    assert is_called(IMAGE, name) is meant


def test_a_port_is_no_tag() -> None:
    assert familiar("registry.example.com:5000/web") == "registry.example.com:5000/web:latest"
    assert not is_called({"Id": "sha256:" + "0" * 64, "RepoTags": None, "RepoDigests": None}, "web")
