# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the image: once, whole or not at all, and only of what can run on the hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import recipe
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.cache import Cache
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.image import Maker
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.toolchain import Toolchain
from ansible_collections.baremetal.overlay.plugins.modules import minio_image
from build_shell import Said

ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + (62).to_bytes(2, "little") + bytes(64)
PARAMS = {
    "source": "binary",
    "architecture": "x86_64",
    "minio_version": recipe.MINIO_VERSION,
    "mc_version": recipe.MC_VERSION,
    "go_version": recipe.GO_VERSION,
    "archive": None,
    "mc_binary": None,
    "release": "RELEASE.x",
    "python": None,
    "go_proxy": None,
    "python_index": None,
}


@pytest.fixture
def make(tmp_path):
    (tmp_path / "minio").write_bytes(ELF)
    (tmp_path / "ca").write_bytes(b"certificates")
    given = {"binary": tmp_path / "minio", "ca_certificates": tmp_path / "ca"}

    def maker(check_mode=False, **params):
        return Maker(Said(), Cache(tmp_path / "cache"), {**PARAMS, **given, **params}).make(check_mode)

    return maker


def test_made_once_and_found_afterwards(make):
    assert make(check_mode=True)["image_id"] is None
    made, found = make(), make()
    assert (made["changed"], found["changed"]) == (True, False)
    assert made["image_id"] == found["image_id"] == image_archive.pick(made["archive"], None).id
    assert make(release="RELEASE.y")["image_id"] != made["image_id"]


def test_what_is_made_is_taken_as_an_archive_as_well(make):
    made = make()
    given = make(source="archive", archive=made["archive"])
    assert (given["changed"], given["image_id"], given["release"]) == (False, made["image_id"], "RELEASE.x")
    with pytest.raises(OverlayError, match="its image is for amd64, and the hosts are arm64"):
        make(source="archive", archive=made["archive"], architecture="aarch64")


@pytest.mark.parametrize(
    ("content", "architecture", "part"),
    [
        (b"#!/bin/sh", "amd64", "is no program for Linux"),
        (ELF, "arm64", "is for amd64, and the hosts are arm64"),
        (ELF + b"/lib64/ld-linux-x86-64.so.2", "amd64", "needs a dynamic loader"),
        (ELF, "pdp11", 'architecture: "pdp11" is unknown'),
    ],
)
def test_a_binary_that_cannot_run_on_the_hosts_is_refused(make, tmp_path, content, architecture, part):
    (tmp_path / "minio").write_bytes(content)
    with pytest.raises(OverlayError) as caught:
        make(architecture=architecture)
    assert part in str(caught.value)


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(work):
        (work / "half").write_text("")
        raise OverlayError("no")

    with pytest.raises(OverlayError):
        Cache(tmp_path).make("images", "key", fail)
    assert list((tmp_path / "images").iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.cache import Cache
def fill(work):
    (work / "half").write_text("")
    print("there", flush=True)
    time.sleep(60)
cache = Cache(Path(sys.argv[1]))
with cache.locked(lambda: None):
    cache.make("images", "key", fill)
"""


def test_a_run_that_is_killed_leaves_no_entry_and_no_lock(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE
    ) as run:
        run.stdout.readline()
        waited = []
        cache = Cache(tmp_path)
        threading.Timer(0.2, run.send_signal, [signal.SIGKILL]).start()
        with cache.locked(lambda: waited.append(time.monotonic())):
            entry = cache.make("images", "key", lambda work: (work / "whole").write_text(""))
    assert waited
    assert [path.name for path in entry.iterdir()] == ["whole"]
    assert [path.name for path in entry.parent.iterdir()] == ["key"]


def programs():
    return recipe.Program(recipe.MINIO, recipe.MINIO_VERSION), recipe.Program(recipe.MC, recipe.MC_VERSION)


def test_releases_are_named_after_their_commits():
    minio, mc = programs()
    assert (minio.release, mc.release) == ("RELEASE.2026-02-12T20-18-48Z", "RELEASE.2025-03-13T08-02-18Z")
    assert "-X github.com/minio/minio/cmd.Version=2026-02-12T20:18:48Z" in minio.linker_flags
    assert "-X github.com/minio/minio/cmd.CommitID=7aac2a2c5b7c" in minio.linker_flags


def test_every_input_is_in_the_key():
    build = recipe.Build("1.26.6", "amd64", programs())
    others = [
        recipe.Build("1.26.7", "amd64", programs()),
        recipe.Build("1.26.6", "arm64", programs()),
        recipe.Build("1.26.6", "amd64", programs()[:1]),
    ]
    assert len({build.key, *(other.key for other in others)}) == 4
    assert build.key == recipe.Build("1.26.6", "amd64", programs()).key


@pytest.mark.parametrize("name", ["go_proxy", "python_index"])
def test_a_mirror_that_holds_a_password_is_refused_without_showing_it(make, name):
    with pytest.raises(OverlayError) as caught:
        make(**{name: "https://mirror.example,https://me:hush@mirror.example"})
    assert f"{name}: its URL holds a user or a password" in str(caught.value) and "hush" not in str(caught.value)


def test_only_the_defaults_are_known_to_give_an_image():
    assert set(recipe.EXPECTED) == {"amd64", "arm64"}
    for architecture, image in recipe.EXPECTED.items():
        assert recipe.Build(recipe.GO_VERSION, architecture, programs()).expected == image
        assert recipe.Build("1.27.0", architecture, programs()).expected is None
        assert recipe.Build(recipe.GO_VERSION, architecture, programs()[:1]).expected is None


@pytest.mark.parametrize(
    ("result", "differs"),
    [
        ({"image_id": "sha256:1", "expected_image_id": "sha256:1"}, False),
        ({"image_id": "sha256:2", "expected_image_id": "sha256:1"}, True),
        # Not made yet, of other versions, or given.
        ({"image_id": None, "expected_image_id": "sha256:1"}, False),
        ({"image_id": "sha256:2", "expected_image_id": None}, False),
        ({"image_id": "sha256:2"}, False),
    ],
)
def test_an_image_that_is_not_the_known_one_is_told(result, differs):
    assert minio_image.differs(result) == differs


def test_what_was_built_is_found_with_its_bill_and_its_mirrors(make, tmp_path, monkeypatch):
    """Of a build the parts alone are made up; the image, its bill and the result are the real ones."""

    def binaries(_self, build):
        (tmp_path / "made").mkdir()
        for program in build.programs:
            (tmp_path / "made" / program.name).write_bytes(ELF)
            (tmp_path / "made" / f"{program.name}.buildinfo").write_text("x: go1.26.6\n\tdep\ta.example/b\tv1\th1:c=\n")
        return tmp_path / "made"

    monkeypatch.setattr(Toolchain, "binaries", binaries)
    given = {"source": "build", "go_proxy": "https://go.example"}
    made, found = make(**given), make(source="build")
    assert (made["changed"], found["changed"]) == (True, False)
    # Who made it says by which mirrors, and not who finds it.
    assert made["sources"] == found["sources"] == {"go_proxy": "https://go.example", "python_index": None}
    bill = json.loads(Path(found["sbom"]).read_text())
    assert bill["metadata"]["component"]["bom-ref"] == made["image_id"]
    assert "pkg:golang/a.example/b@v1" in {part["bom-ref"] for part in bill["components"]}
    # With certificate authorities of the operator's own it is nobody else's image.
    assert made["expected_image_id"] is None
    assert make(check_mode=True, source="build", ca_certificates=None)["expected_image_id"] == recipe.EXPECTED["amd64"]
