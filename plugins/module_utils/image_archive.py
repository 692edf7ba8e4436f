# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image archive holds, without an engine: docker-archive (manifest.json) and OCI layout (index.json).

An archive is checked as far as the controller can, so that what is no image, or only half of one, is never sent.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_JSON_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True)
class Image:
    """``id`` is the digest of the image's configuration, which is what the Engine calls the image ID."""

    id: str
    tags: tuple[str, ...]
    architecture: str
    os: str
    labels: Mapping[str, str]
    size: int


def read(path: str) -> list[Image]:
    """The images of an archive; InputError where it is not one."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f'archive "{path}" is not a file; give the path of an image archive on the controller')
    try:
        with tarfile.open(file, "r:*") as archive:
            members = {_clean(one.name): one for one in archive.getmembers()}
            return _images(path, archive, members, file.stat().st_size)
    except (tarfile.TarError, EOFError, OSError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(": ")
        raise _no_image(path, f"it cannot be read as a tar file ({why})") from error


def pick(path: str, image_id: str | None) -> Image:
    """The one image that is meant."""
    if image_id is not None and not _DIGEST.fullmatch(image_id):
        raise InputError(f'image_id "{image_id}" is not an image ID; give sha256: and 64 hexadecimal digits')
    images = read(path)
    found = [one for one in images if image_id in (None, one.id)]
    held = ", ".join(one.id for one in images)
    if not found:
        raise InputError(
            f'archive "{path}" does not hold image {image_id}; it holds {held}: give its ID, or its archive'
        )
    if len(found) > 1:
        raise InputError(f'archive "{path}" holds {len(found)} images: {held}; say which one with image_id')
    return found[0]


def _images(path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], size: int) -> list[Image]:
    plain = archive.fileobj is not None and type(archive.fileobj).__name__ == "BufferedReader"
    for one in members.values():
        if plain and one.isreg() and one.offset_data + one.size > size:
            raise _no_image(path, f"it ends in the middle of {one.name}")
    if "manifest.json" in members:
        entries = _json(path, archive, members, "manifest.json")
        if not isinstance(entries, list) or not entries:
            raise _no_image(path, "its manifest.json lists no image")
        return [_docker(path, archive, members, entry, size) for entry in entries]
    if "index.json" in members:
        return [_oci(path, archive, members, one, size) for one in _manifests(path, archive, members)]
    shown = ", ".join(sorted(members)[:5]) or "nothing"
    raise _no_image(path, f"it has neither manifest.json nor index.json, but {shown}")


def _docker(path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], entry: Any, size: int) -> Image:
    try:
        name, layers, tags = entry["Config"], list(entry["Layers"] or []), tuple(entry.get("RepoTags") or ())
    except (TypeError, KeyError, AttributeError) as error:
        raise _no_image(path, "its manifest.json names no configuration or no layers") from error
    return _image(path, archive, members, name, layers, tags, size)


def _oci(
    path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], manifest: Mapping[str, Any], size: int
) -> Image:
    try:
        config = _blob(manifest["config"]["digest"])
        layers = [_blob(one["digest"]) for one in manifest["layers"]]
    except (TypeError, KeyError) as error:
        raise _no_image(path, "a manifest of its index.json names no configuration or no layers") from error
    return _image(path, archive, members, config, layers, (), size)


def _manifests(path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> list[Any]:
    """Every image manifest below index.json; an index may point to further indexes."""
    todo = [_json(path, archive, members, "index.json")]
    found = []
    while todo:
        index = todo.pop()
        for one in index.get("manifests") or [] if isinstance(index, dict) else []:
            name = _blob(str(one.get("digest")))
            if name not in members:
                continue  # another platform's, left out of the archive
            manifest = _json(path, archive, members, name)
            if "manifests" in manifest:
                todo.append(manifest)
            elif (one.get("annotations") or {}).get("vnd.docker.reference.type") != "attestation-manifest":
                found.append(manifest)
    if not found:
        raise _no_image(path, "its index.json leads to no image")
    return found


def _image(
    path: str,
    archive: tarfile.TarFile,
    members: dict[str, tarfile.TarInfo],
    name: str,
    layers: list[str],
    tags: tuple[str, ...],
    size: int,
) -> Image:
    missing = [one for one in layers if _clean(one) not in members]
    if missing:
        raise _no_image(path, f"it lacks {len(missing)} of {len(layers)} layers, for example {missing[0]}")
    raw = _content(path, archive, members, name)
    config = _parsed(path, name, raw)
    diffs = (config.get("rootfs") or {}).get("diff_ids") if isinstance(config, dict) else None
    if diffs is None or len(diffs) != len(layers):
        raise _no_image(path, f"its configuration {name} does not describe its {len(layers)} layers")
    return Image(
        id=f"sha256:{hashlib.sha256(raw).hexdigest()}",
        tags=tags,
        architecture=config.get("architecture", ""),
        os=config.get("os", ""),
        labels=(config.get("config") or {}).get("Labels") or {},
        size=size,
    )


def _json(path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], name: str) -> Any:
    return _parsed(path, name, _content(path, archive, members, name))


def _parsed(path: str, name: str, raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise _no_image(path, f"its {name} is not JSON") from error


def _content(path: str, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], name: str) -> bytes:
    member = members.get(_clean(str(name)))
    if member is None or not member.isfile() or member.size > _JSON_LIMIT:
        raise _no_image(path, f"it lacks {name}")
    handle = archive.extractfile(member)
    return handle.read() if handle else b""


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _clean(name: str) -> str:
    return name[2:] if name.startswith("./") else name


def _no_image(path: str, why: str) -> InputError:
    return InputError(
        f'archive "{path}" is not an image: {why}; give an archive as "docker save" or the module minio_image writes it'
    )
