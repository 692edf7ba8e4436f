# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MinIO wrote on a lab host's drive, and what is not its writing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import formats
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System


def test_format_of_a_lab_drive(fixture_text):
    found = formats.parse(fixture_text("format.json"))
    (members,) = found.pop("members")
    assert (len(members), members[0]) == (8, found["this"])
    assert found == {
        "state": "formatted",
        "deployment": "c70e2f7a-c4ae-4369-ba4e-ee958c83f8c4",
        "this": "c0d95130-6a41-4b60-b295-0f4401c734e5",
        "sets": [8],
    }


@pytest.mark.parametrize(
    ("text", "state"), [(None, "empty"), ("", "strange"), ("{}", "strange"), ('{"xl": {"sets": 1}}', "strange")]
)
def test_what_is_no_format(text, state):
    assert formats.parse(text) == {"state": state}


FORMAT = '{"id": "a", "xl": {"this": "b", "sets": [["b"]]}}'


@pytest.mark.parametrize(
    ("paths", "used"),
    [
        ([], False),
        (["lost+found/", ".minio.sys/config/iam/format.json/", ".minio.sys/buckets/.usage.json/"], False),
        (["bucket/"], True),
        ([".minio.sys/config/iam/format.json/", ".minio.sys/config/iam/users/app/"], True),
        ([".minio.sys/config/iam/sts/"], True),
    ],
)
def test_a_drive_is_in_use_once_there_is_something_that_credentials_open(tmp_path, paths, used):
    (tmp_path / ".minio.sys").mkdir()
    (tmp_path / formats.FILE).write_text(FORMAT)
    for path in paths:
        (tmp_path / path).mkdir(parents=True)
    drive = SimpleNamespace(mounted=True, place=SimpleNamespace(target=str(tmp_path)))
    assert formats._look(System(SimpleNamespace()), drive)["opened"] is used
