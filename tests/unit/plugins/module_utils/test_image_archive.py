# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that are images, in both layouts, and files that are not."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError

LAYER = b"layer"
CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"a": "b"}},
        "rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(LAYER).hexdigest()}"]},
    }
).encode()
ID = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"


def blob(raw: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(raw).hexdigest()}"


def digest(raw: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{hashlib.sha256(raw).hexdigest()}"}


def docker(**changed: Any) -> dict[str, Any]:
    entry = {"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["l.tar"], **changed}
    return {"c.json": CONFIG, "manifest.json": json.dumps([entry]).encode(), "l.tar": LAYER}


def oci() -> dict[str, bytes]:
    manifest = json.dumps({"config": digest(CONFIG), "layers": [digest(LAYER)]}).encode()
    nested = json.dumps({"manifests": [digest(manifest), digest(b"another platform")]}).encode()
    index = json.dumps({"manifests": [digest(nested)]}).encode()
    return {"index.json": index, **{blob(raw): raw for raw in (nested, manifest, CONFIG, LAYER)}}


def write(path: Path, files: dict[str, bytes], prefix: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        for name, raw in files.items():
            entry = tarfile.TarInfo(prefix + name)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
    return path


@pytest.mark.parametrize("files", [docker(), oci()], ids=["docker", "oci"])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_image(tmp_path: Path, files: dict[str, bytes], prefix: str) -> None:
    path = write(tmp_path / "a.tar", files, prefix)
    found = image_archive.pick(str(path), None)
    assert (found.id, found.architecture, found.labels) == (ID, "amd64", {"a": "b"})
    assert image_archive.pick(str(path), ID) == found
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert image_archive.pick(str(packed), None).id == ID


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"etc/hostname": b"x"}, "it has neither manifest.json nor index.json, but etc/hostname"),
        ({**docker(), "manifest.json": b"{"}, "its manifest.json is not JSON"),
        ({**docker(), "manifest.json": b"[]"}, "its manifest.json lists no image"),
        ({**docker(), "manifest.json": b'["x"]'}, "names no configuration or no layers"),
        ({**docker(), "c.json": b"{}"}, "does not describe its 1 layers"),
        (docker(Config="none.json"), "it lacks none.json"),
        (docker(Layers=["l.tar", "none.tar"]), "it lacks 1 of 2 layers, for example none.tar"),
        ({"index.json": b'{"manifests": []}'}, "its index.json leads to no image"),
    ],
)
def test_no_image(tmp_path: Path, files: dict[str, bytes], why: str) -> None:
    path = write(tmp_path / "a.tar", files)
    with pytest.raises(InputError) as error:
        image_archive.read(str(path))
    assert str(error.value).startswith(f'archive "{path}" is not an image: ')
    assert why in str(error.value)


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 200, b"\0" * 10240])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not an image"):
        image_archive.read(str(path))


@pytest.mark.parametrize("packed", [False, True])
def test_half_an_archive(tmp_path: Path, packed: bool) -> None:
    path = write(tmp_path / "a.tar", {**docker(), "big": bytes(range(256)) * 400})
    raw = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match="is not an image"):
        image_archive.read(str(path))


def test_the_wrong_image_names_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", docker())
    with pytest.raises(InputError, match=f"does not hold image sha256:0+; it holds {ID}"):
        image_archive.pick(str(path), f"sha256:{'0' * 64}")
    with pytest.raises(InputError, match="is not an image ID; give sha256:"):
        image_archive.pick(str(path), "minio:latest")
    with pytest.raises(InputError, match="is not a file"):
        image_archive.pick(str(tmp_path / "none.tar"), None)
