# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image archives: equal inputs give equal bytes, and what is not an image is told apart."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
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
    assert archive.read(target) == written
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


def rewrite(source, target, change):
    """The archive once more, with ``change`` deciding over each file's content (None leaves it out)."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read()) if member.isfile() else b""
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))


def test_compressed_layers_and_a_leading_dot_are_read_as_well(image, tmp_path):
    target, written = image()
    other = tmp_path / "other.tar"

    def change(_name, content):
        return gzip.compress(content) if content.startswith(b"drives") else content

    rewrite(target, other, change)
    with tarfile.open(other) as old, tarfile.open(tmp_path / "dots.tar", "w") as new:
        for member in old:
            data = old.extractfile(member) if member.isfile() else None
            member.name = f"./{member.name}"
            new.addfile(member, data)
    assert archive.read(other).image_id == archive.read(tmp_path / "dots.tar").image_id == written.image_id


def two_images(name, content):
    return json.dumps(json.loads(content) * 2).encode() if name == "manifest.json" else content


def no_config(name, content):
    return b'[{"Config": "gone.json", "Layers": []}]' if name == "manifest.json" else content


def no_manifest(name, content):
    return None if name == "manifest.json" else content


def bad_layer(_name, content):
    return b"x" + content[1:] if content.startswith(b"drives") else content


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (no_manifest, "has no manifest.json of an image; it holds"),
        (no_config, "gone.json"),
        (two_images, "holds 2 images"),
        (bad_layer, "damaged"),
    ],
)
def test_a_tar_that_is_no_image_is_refused_with_what_it_is(image, tmp_path, change, part):
    target, _written = image()
    rewrite(target, tmp_path / "bad.tar", change)
    with pytest.raises(OverlayError, match=r"bad.tar is not an image archive: .*; give what docker save") as caught:
        archive.read(tmp_path / "bad.tar")
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "it is empty"), (b"PK\3\4 zip", "begins with b'PK"), (b"\x7fELF", "begins with b'\\x7fELF'")],
)
def test_a_file_that_is_no_tar_is_refused_with_its_start(tmp_path, content, part):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(OverlayError) as caught:
        archive.read(tmp_path / "file")
    assert part in str(caught.value)


def test_a_cut_off_or_absent_archive_is_refused(image, tmp_path):
    target, _written = image()
    (tmp_path / "cut").write_bytes(target.read_bytes()[:-200])
    for path in (tmp_path / "cut", tmp_path / "absent"):
        with pytest.raises(OverlayError, match="is not an image archive"):
            archive.read(path)
