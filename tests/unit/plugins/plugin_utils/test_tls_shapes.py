# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every shape of the table: MinIO gets one form of it, or the operator a sentence. MinIO itself: molecule/tls."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import tls_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import tls as rules

sys.path.insert(0, str(Path(__file__).parents[3]))

from pem_shapes import GOOD, NAMES, REFUSED, Maker

# What MinIO reads: objects, and nothing before, between or after them.
STRICT = re.compile(r"(-----BEGIN ([A-Z0-9 ]+)-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END \2-----\n)+")


@pytest.fixture(scope="module")
def maker():
    return Maker()


def declared(directory, maker, shape):
    """A host whose inventory names such files."""
    files = shape.make(maker)
    (directory / "ca.crt").write_text(maker.trust)
    paths = {"certificate": directory / "a.crt", "key": directory / "a.key"}
    paths["certificate"].write_bytes(files.certificate)
    paths["key"].write_bytes(files.key)
    return Host("n1", frozenset({"minio"}), 1, "10.0.0.1", drives=("a", "b"), tls={k: str(v) for k, v in paths.items()})


def sentences(directory, host):
    settings = {"tls": "given", "tls_ca": str(directory / "ca.crt"), "tls_names": ["s3.example"]}
    return [sentence for rule in rules.RULES for sentence in rule(Cluster((host,), settings))]


@pytest.mark.parametrize("shape", GOOD, ids=lambda shape: shape.name)
def test_minio_gets_the_one_form_that_it_reads(tmp_path, maker, shape):
    host = declared(tmp_path, maker, shape)
    assert sentences(tmp_path, host) == []
    given = tls_plan.given(host)
    assert STRICT.fullmatch(given.certificate)
    assert STRICT.fullmatch(given.key).group(2) in pem.KEYS
    assert given.key.count("BEGIN") == 1
    assert tls.key_fits(given.certificate, tls.load_key(given.key.encode()))
    seen = tls.see(given.certificate)
    assert seen.names == frozenset(NAMES)
    assert seen.days_left(seen.not_before) > 30, "the one that lasts longest"
    assert tls_plan.takes(given, maker.trust) == ""
    assert tls_plan.private_key(host.tls["key"]) == given.key
    assert pem.is_clean(given.key, pem.private_key)
    assert pem.is_clean(given.certificate, pem.certificates)


@pytest.mark.parametrize("shape", REFUSED, ids=lambda shape: shape.name)
def test_what_nothing_can_be_made_of_is_refused_with_what_to_do(tmp_path, maker, shape):
    told = sentences(tmp_path, declared(tmp_path, maker, shape))
    assert any(sentence.startswith("n1: minio_tls_") and shape.refused in sentence for sentence in told), told
    assert not any("PRIVATE" in sentence for sentence in told)
