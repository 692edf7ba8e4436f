# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials names every part with its version and sum, and nothing of the run that wrote it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import recipe, sbom

MINIO = recipe.Program(recipe.MINIO, recipe.MINIO_VERSION)
MC = recipe.Program(recipe.MC, recipe.MC_VERSION)
SAID = """/build/minio: go1.26.6
\tpath\tgithub.com/minio/minio
\tmod\tgithub.com/minio/minio\t(devel)\t
\tdep\tgithub.com/Azure/go-ntlmssp\tv0.0.0-1\th1:aaa=
\tdep\tgithub.com/old/fork\tv1.0.0
\t=>\tgithub.com/new/fork\tv1.0.1\th1:bbb=
\tdep\tgithub.com/x/y\tv2.0.0+incompatible\th1:ccc=
\tbuild\tCGO_ENABLED=0
"""
IMAGE = f"sha256:{'a' * 64}"


def bill():
    programs = {MINIO: SAID, MC: SAID.replace("minio/minio", "minio/mc")}
    return sbom.write(IMAGE, MINIO.release, programs, sbom.certifi())


def test_each_part_is_named_once_with_its_sum():
    parts = {part["bom-ref"]: part for part in bill()["components"]}
    assert len(parts) == len(bill()["components"]) == 7
    fork = parts["pkg:golang/github.com/new/fork@v1.0.1"]
    assert fork["properties"] == [{"name": "go:h1", "value": "h1:bbb="}]
    assert "pkg:golang/github.com/x/y@v2.0.0%2Bincompatible" in parts
    assert parts[f"pkg:golang/{recipe.MINIO}@{recipe.MINIO_VERSION}"]["type"] == "application"
    assert {"pkg:golang/std@1.26.6", f"pkg:pypi/certifi@{recipe.CERTIFI}"} <= {*parts}


def test_every_edge_ends_at_a_part():
    made = bill()
    known = {part["bom-ref"] for part in made["components"]} | {IMAGE}
    assert {edge["ref"] for edge in made["dependencies"]} <= known
    assert {end for edge in made["dependencies"] for end in edge["dependsOn"]} <= known
    (image,) = (edge for edge in made["dependencies"] if edge["ref"] == IMAGE)
    assert len(image["dependsOn"]) == 3


def test_it_is_the_same_each_time():
    assert bill() == bill()
    assert bill()["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]


def test_a_binary_that_tells_nothing_is_an_error():
    with pytest.raises(OverlayError, match="does not tell its modules"):
        sbom.read("/build/minio: could not read Go build info")
