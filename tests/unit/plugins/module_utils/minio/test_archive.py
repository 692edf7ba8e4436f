# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image archives: equal inputs give equal bytes, and an engine finds all that it needs."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import archive, recipe


@pytest.fixture
def image(tmp_path):
    """An archive as the module makes it, of small files."""

    def make(name="image", **changed):
        inputs = {"minio": b"\x7fELF minio", "mc": b"\x7fELF mc", "ca": b"certificates", **changed}
        directory = tmp_path / name
        directory.mkdir()
        for file, content in inputs.items():
            (directory / file).write_bytes(content)
        target = directory / "image.tar.gz"
        written = archive.write(
            target,
            recipe.entries(directory / "minio", directory / "mc", directory / "ca"),
            "amd64",
            recipe.settings("RELEASE.x"),
            recipe.tag("RELEASE.x"),
            directory,
        )
        return target, written

    return make


def test_equal_inputs_give_equal_bytes_and_any_other_input_another_id(image):
    (first, one), (second, two) = image("first"), image("second")
    assert first.read_bytes() == second.read_bytes()
    assert one.image_id == two.image_id
    others = [image(name, **{name: b"\x7fELF other"})[1].image_id for name in ("minio", "mc", "ca")]
    assert len({one.image_id, *others}) == 4


def test_what_was_written_is_what_is_read(image):
    target, written = image()
    read = image_archive.pick(str(target), None)
    assert (read.id, read.architecture, read.labels) == (written.image_id, written.architecture, written.labels)
    assert written.labels[recipe.RELEASE_LABEL] == "RELEASE.x"


def test_the_image_is_a_whole_root_for_an_unprivileged_minio(image):
    target, _written = image()
    with tarfile.open(target) as outer:
        manifest = json.loads(outer.extractfile("manifest.json").read())[0]
        config = json.loads(outer.extractfile(manifest["Config"]).read())
        layer = io.BytesIO(outer.extractfile(manifest["Layers"][0]).read())
    with tarfile.open(fileobj=layer) as inner:
        found = {member.name: (oct(member.mode), member.uid, member.mtime) for member in inner}
    assert found["tmp"] == ("0o1777", 0, 0)
    assert found["usr/bin/minio"] == ("0o755", 0, 0)
    assert "etc/ssl/certs/ca-certificates.crt" in found
    assert config["config"]["User"] == "9000:9000"


def test_the_layout_beside_the_manifest_leads_to_the_same_blobs(image):
    target, written = image()
    with tarfile.open(target) as outer:
        index = json.loads(outer.extractfile("index.json").read())
        digest = index["manifests"][0]["digest"].partition(":")[2]
        manifest = json.loads(outer.extractfile(f"blobs/sha256/{digest}").read())
        sizes = {member.name: member.size for member in outer}
    assert manifest["config"]["digest"] == written.image_id
    for blob in (manifest["config"], *manifest["layers"]):
        assert sizes[f"blobs/sha256/{blob['digest'].partition(':')[2]}"] == blob["size"]
