# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made of, as CycloneDX has it, from what Go writes into each binary: pure.

Nothing in it depends on when or where it was written, so that equal images have equal bills.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..errors import OverlayError
from .recipe import CERTIFI, CERTIFI_WHEEL, REPOSITORY, Program

# Counted up when what is written here changes, so that images in caches get their bill.
VERSION = 1
SUM = "go:h1"


@dataclass(frozen=True)
class Module:
    """A Go module at a version, with the sum of its files as go.sum has it."""

    path: str
    version: str
    sum: str = ""

    @property
    def purl(self) -> str:
        """Its name in other tools."""
        return f"pkg:golang/{quote(self.path, safe='/~')}@{quote(self.version, safe='')}"


@dataclass(frozen=True)
class Contents:
    """What a binary says of itself."""

    go: str
    modules: tuple[Module, ...]


def read(build_info: str) -> Contents:
    """From the output of ``go version -m``."""
    head, *lines = build_info.splitlines() or [""]
    go = head.rpartition(": ")[2]
    if not go.startswith("go"):
        raise OverlayError(f'"{head}" is not what "go version -m" begins with; the binary does not tell its modules')
    modules: list[Module] = []
    for line in lines:
        kind, *words = line.strip().split("\t")
        if kind == "dep":
            modules.append(Module(*words[:3]))
        elif kind == "=>":
            # What stands there instead of the one before.
            modules[-1] = Module(*words[:3])
    return Contents(go[2:], tuple(modules))


def write(
    image_id: str, release: str, programs: Mapping[Program, str], authorities: Mapping[str, Any]
) -> dict[str, Any]:
    """The document; ``programs`` with the build info of each, ``authorities``: the component of the certificates."""
    components: dict[str, dict[str, Any]] = {}
    edges: dict[str, Sequence[str]] = {}
    for program, build_info in programs.items():
        contents = read(build_info)
        own = Module(program.module, program.version)
        parts = [Module("std", contents.go), *contents.modules]
        components[own.purl] = _component("application", own)
        components.update({part.purl: _component("library", part) for part in parts})
        edges[own.purl] = sorted(part.purl for part in parts)
    reference = authorities["bom-ref"]
    components[reference] = dict(authorities)
    edges[image_id] = sorted([*edges, reference])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": image_id,
                "name": REPOSITORY,
                "version": release,
                "hashes": [{"alg": "SHA-256", "content": image_id.partition(":")[2]}],
            }
        },
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": name, "dependsOn": list(edges[name])} for name in sorted(edges)],
    }


def certifi() -> dict[str, Any]:
    """Mozilla's authorities in the package that they are taken from."""
    purl = f"pkg:pypi/certifi@{CERTIFI}"
    hashes = [{"alg": "SHA-256", "content": CERTIFI_WHEEL}]
    return {
        "type": "library",
        "bom-ref": purl,
        "name": "certifi",
        "version": CERTIFI,
        "purl": purl,
        "hashes": hashes,
    }


def given(sha256: str) -> dict[str, Any]:
    """Authorities from a file of the operator's."""
    hashes = [{"alg": "SHA-256", "content": sha256}]
    return {"type": "file", "bom-ref": "ca-certificates.crt", "name": "ca-certificates.crt", "hashes": hashes}


def _component(kind: str, module: Module) -> dict[str, Any]:
    known = {"properties": [{"name": SUM, "value": module.sum}]} if module.sum else {}
    return {
        "type": kind,
        "bom-ref": module.purl,
        "name": module.path,
        "version": module.version,
        "purl": module.purl,
        **known,
    }
