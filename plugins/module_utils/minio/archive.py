# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image archives written without an engine, so that equal inputs give an equal image ID.

What is written is what a current ``docker save`` writes: an OCI layout with the older manifest.json beside it, so
that every Engine since 20.10 loads it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

CHUNK = 1 << 20
EPOCH = "1970-01-01T00:00:00Z"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Entry:
    """One path of a layer: a directory where it has no content."""

    path: str
    content: Optional[Union[bytes, Path]] = None
    mode: int = 0o755
    owner: int = 0


@dataclass(frozen=True)
class Image:
    """What an archive holds."""

    image_id: str
    architecture: str
    labels: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)


def write(
    target: Path, entries: Iterable[Entry], architecture: str, settings: Mapping[str, Any], tag: str, scratch: Path
) -> Image:
    """Write an image of one layer; ``settings`` is the container configuration under the Engine API's names."""
    layer = scratch / "layer.tar"
    diff_id = write_layer(layer, entries)
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": EPOCH,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
            "history": [{"created": EPOCH, "created_by": "baremetal.overlay"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": f"sha256:{diff_id}", "size": layer.stat().st_size}],
        }
    )
    _write_archive(target, tag, config, manifest, layer, diff_id)
    layer.unlink()
    return Image(f"sha256:{_sha256(config)}", architecture, dict(settings.get("Labels") or {}), [tag])


def _write_archive(target: Path, tag: str, config: bytes, manifest: bytes, layer: Path, diff_id: str) -> None:
    names = [f"blobs/sha256/{digest}" for digest in (_sha256(config), diff_id)]
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                **_descriptor(MANIFEST, manifest),
                "annotations": {
                    "io.containerd.image.name": tag,
                    "org.opencontainers.image.ref.name": tag.rpartition(":")[2],
                },
            }
        ],
    }
    entries = [
        Entry("manifest.json", _json([{"Config": names[0], "RepoTags": [tag], "Layers": names[1:]}]), 0o644),
        Entry("index.json", _json(index), 0o644),
        Entry("oci-layout", _json({"imageLayoutVersion": "1.0.0"}), 0o644),
        Entry("blobs"),
        Entry("blobs/sha256"),
        Entry(names[0], config, 0o644),
        Entry(f"blobs/sha256/{_sha256(manifest)}", manifest, 0o644),
        Entry(names[1], layer, 0o644),
    ]
    # The lowest level: what is saved on the wire by more of it takes longer to make than to send.
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        write_tar(packed, entries)


def write_layer(target: Path, entries: Iterable[Entry]) -> str:
    """Write a layer, and return its SHA-256."""
    with target.open("wb") as stream:
        write_tar(stream, sorted(entries, key=lambda entry: entry.path))
    with target.open("rb") as stream:
        return digest(stream)


def write_tar(stream: Any, entries: Iterable[Entry]) -> None:
    """A tar that depends on nothing but its entries."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.mode, member.uid, member.gid, member.mtime = entry.mode, entry.owner, entry.owner, 0
            if entry.content is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            elif isinstance(entry.content, Path):
                member.size = entry.content.stat().st_size
                with entry.content.open("rb") as content:
                    tar.addfile(member, content)
            else:
                member.size = len(entry.content)
                tar.addfile(member, io.BytesIO(entry.content))


def digest(stream: Any) -> str:
    """The SHA-256 of all that is left in a stream."""
    summed = hashlib.sha256()
    for chunk in iter(lambda: stream.read(CHUNK), b""):
        summed.update(chunk)
    return summed.hexdigest()


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(content)}", "size": len(content)}


def _json(value: Union[Mapping[str, Any], Sequence[Any]]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
