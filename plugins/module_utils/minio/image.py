# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One MinIO image archive from any source: compiled, put together from ready binaries, or given and looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

from .. import image_archive
from ..errors import InputError, OverlayError
from . import archive, recipe, sbom
from .cache import Cache
from .shell import Shell
from .toolchain import BUILD_INFO, Toolchain
from .wheels import host_bundle

# Beside the archive: the bill of materials, and by which mirrors its parts came.
SBOM, SOURCES = "sbom.cdx.json", "sources.json"
MACHINES = {62: "amd64", 183: "arm64", 21: "ppc64le", 22: "s390x", 243: "riscv64"}


class Maker:
    """Makes an image once, and finds it afterwards."""

    def __init__(self, shell: Shell, cache: Cache, params: Mapping[str, Any]) -> None:
        self.shell = shell
        self.cache = cache
        self.params = params
        found = [sentence for name in recipe.MIRRORS for sentence in recipe.mirror_violations(name, params[name])]
        if found:
            raise InputError(found)
        self.architecture = recipe.architecture(params["architecture"]) if params["architecture"] else None

    def make(self, check_mode: bool) -> dict[str, Any]:
        """The module's result."""
        if self.params["source"] == "archive":
            return self._given(Path(self.params["archive"]).expanduser())
        if self.architecture is None:
            raise InputError(f"architecture: source {self.params['source']} needs it; give that of the hosts")
        return self._build(check_mode) if self.params["source"] == "build" else self._binary(check_mode)

    def _given(self, path: Path) -> dict[str, Any]:
        image = image_archive.pick(str(path), None)
        if self.architecture and image.architecture != self.architecture:
            raise OverlayError(
                f"{path}: its image is for {image.architecture}, and the hosts are {self.architecture}; "
                "give an archive for their architecture"
            )
        release = image.labels.get(recipe.RELEASE_LABEL) or self.params["release"]
        return {
            "changed": False,
            "archive": str(path),
            "image_id": image.id,
            "architecture": image.architecture,
            "release": release,
            "labels": dict(image.labels),
            "tags": list(image.tags),
        }

    def _build(self, check_mode: bool) -> dict[str, Any]:
        programs = (
            recipe.Program(recipe.MINIO, self.params["minio_version"]),
            recipe.Program(recipe.MC, self.params["mc_version"]),
        )
        build = recipe.Build(self.params["go_version"], str(self.architecture), programs)
        given = self.params["ca_certificates"]
        authorities = sbom.given(_sum(given)) if given else sbom.certifi()
        inputs = {"build": build.key, "certificates": authorities["hashes"], "bill": sbom.VERSION}
        sources = recipe.Sources(self.params["go_proxy"], self.params["python_index"])

        def fill(work: Path) -> None:
            toolchain = Toolchain(self.shell, self.cache, self.params["python"], sources)
            binaries = toolchain.binaries(build)
            certificates = Path(given) if given else toolchain.certificates()
            image = self._write(work, programs[0].release, binaries / "minio", binaries / "mc", certificates)
            parts = {program: (binaries / f"{program.name}{BUILD_INFO}").read_text() for program in programs}
            bill = sbom.write(image.image_id, programs[0].release, parts, authorities)
            (work / SBOM).write_text(json.dumps(bill, indent=1))
            (work / SOURCES).write_text(json.dumps(asdict(sources)))

        made = self._cached(inputs, programs[0].release, fill, check_mode)
        return {**made, "expected_image_id": None if given else build.expected}

    def _binary(self, check_mode: bool) -> dict[str, Any]:
        minio, release = Path(self.params["binary"]), self.params["release"]
        mc = Path(self.params["mc_binary"]) if self.params["mc_binary"] else None
        for binary in filter(None, (minio, mc)):
            self._check_binary(binary)
        certificates = Path(self.params["ca_certificates"] or host_bundle())
        inputs = {str(n): _sum(path) for n, path in enumerate((minio, mc, certificates)) if path}

        def fill(work: Path) -> None:
            self._write(work, release, minio, mc, certificates)

        return self._cached({**inputs, "release": release}, release, fill, check_mode)

    def _check_binary(self, path: Path) -> None:
        """Statically linked and for the hosts: a wrong one would only fail as a container that does not start."""
        try:
            with path.open("rb") as stream:
                head = stream.read(4096)
        except OSError as error:
            raise OverlayError(f"{path}: cannot be read ({error.strerror}); give the MinIO binary") from error
        if head[:4] != b"\x7fELF":
            raise OverlayError(f"{path}: is no program for Linux (it begins with {head[:8]!r}); give the MinIO binary")
        machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
        found = MACHINES.get(machine, f"machine {machine}")
        if found != self.architecture:
            raise OverlayError(f"{path}: is for {found}, and the hosts are {self.architecture}; give one for them")
        if b"/ld-linux" in head or b"/ld-musl" in head:
            raise OverlayError(f"{path}: needs a dynamic loader, which the image has not; give a static binary")

    def _write(self, work: Path, release: str, minio: Path, mc: Optional[Path], certificates: Path) -> archive.Image:
        self.shell.say(f"writing the image of {release}")
        image = archive.write(
            work / "image.tar.gz",
            recipe.entries(minio, mc, certificates),
            str(self.architecture),
            recipe.settings(release),
            recipe.tag(release),
            work,
        )
        (work / "image.json").write_text(json.dumps(asdict(image)))
        return image

    def _cached(self, inputs: Mapping[str, Any], release: str, fill: Any, check_mode: bool) -> dict[str, Any]:
        layout = recipe.settings(release)
        key = recipe.key({"inputs": inputs, "architecture": self.architecture, "settings": layout})
        found = self.cache.find("images", key)
        if found is None and check_mode:
            return {"changed": True, "archive": None, "image_id": None, "release": release}
        if found is None:
            with self.cache.locked(lambda: self.shell.say("waiting for another run that makes the image")):
                entry = self.cache.make("images", key, fill)
        else:
            entry = found
        image, bill, sources = json.loads((entry / "image.json").read_text()), entry / SBOM, entry / SOURCES
        return {
            "changed": found is None,
            "archive": str(entry / "image.tar.gz"),
            "release": release,
            **image,
            **({"sbom": str(bill), "sources": json.loads(sources.read_text())} if bill.is_file() else {}),
        }


def _sum(path: Any) -> str:
    try:
        with Path(path).open("rb") as stream:
            return archive.digest(stream)
    except OSError as error:
        raise OverlayError(f"{path}: cannot be read ({error.strerror}); give a file of the build host") from error
