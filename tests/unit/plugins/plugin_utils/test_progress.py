# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a build while it runs."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.plugin_utils.progress import Meter, Tail

# What the Go command wrote, shortened.
FETCH = [
    "@say fetching the modules of minio",
    "go: downloading cloud.google.com/go/storage v1.52.0",
    "go: downloading x v1",
]
COMPILE = ["internal/goarch", "github.com/minio/minio/cmd", "# a remark of the compiler"]


def test_sentences_come_at_once_and_counts_every_few_seconds():
    meter = Meter("minio", interval=10)
    assert meter.read(FETCH, 0) == ["minio: fetching the modules of minio"]
    assert meter.read([], 5) == []
    assert meter.read([], 10) == ["minio: fetched 2 modules"]
    assert meter.read(["@expect 4", "@say compiling minio", *COMPILE], 11) == ["minio: compiling minio"]
    assert meter.read([], 21) == ["minio: compiled 2 of 4 packages (50 %)"]
    assert meter.read([], 60) == []
    assert meter.read(COMPILE * 3, 61) == ["minio: compiled 4 of 4 packages (100 %)"]


def test_a_file_is_followed_to_its_end(tmp_path):
    shown, path = [], tmp_path / "progress"
    with Tail(path, Meter("minio", interval=0), shown.append, pause=0.01):
        path.write_text("@say first\n@say half of")
        with path.open("a") as stream:
            stream.write(" a line\n")
    assert shown == ["minio: first", "minio: half of a line"]


def test_no_file_is_no_error(tmp_path):
    shown = []
    with Tail(tmp_path / "absent", Meter("minio"), shown.append, pause=0.01):
        pass
    assert shown == []
