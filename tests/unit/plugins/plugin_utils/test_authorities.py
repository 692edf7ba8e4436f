# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA on the controller is in a directory of the user who runs Ansible, or the run is refused before it begins."""

from __future__ import annotations

import os

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import authorities


def said(**settings):
    return list(authorities.controllers_can_keep_them(Cluster((), settings)))


def tls(directory, host="localhost", mode="own-ca"):
    return said(tls=mode, tls_ca_host=host, tls_ca_dir=str(directory))


@pytest.fixture
def not_root(monkeypatch):
    """A user to whom nothing is open but what is called mine."""
    monkeypatch.setattr(os, "access", lambda path, _mode: "mine" in str(path))


@pytest.mark.usefixtures("not_root")
def test_a_directory_of_root_is_refused_with_the_way_out(tmp_path):
    sentence = tls(tmp_path / "etc" / "ca")[0]
    assert sentence.startswith("minio_tls_ca_dir: minio_tls_ca_host is localhost, and the user ")
    assert f"may not make a directory in {tmp_path}" in sentence
    assert "for example ~/minio-tls-ca" in sentence


@pytest.mark.usefixtures("not_root")
def test_both_kinds_of_ca_are_looked_at(tmp_path):
    ipsec = {"encryption": "ipsec", "ipsec_authentication": "certificates", "ipsec_ca_host": "localhost"}
    assert said(**ipsec, ipsec_ca_dir=str(tmp_path))[0].startswith("ipsec_ca_dir: ")


@pytest.mark.usefixtures("not_root")
def test_a_key_that_root_left_behind_is_named(tmp_path, monkeypatch):
    directory = tmp_path / "mine"
    directory.mkdir(mode=0o700)
    (directory / "ca.key").touch()
    assert tls(directory) == []
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).endswith("ca.key"))
    assert f"may not read {directory / 'ca.key'}" in tls(directory)[0]


@pytest.mark.usefixtures("not_root")
def test_what_is_not_on_the_controller_or_not_wanted_is_none_of_its_business(tmp_path):
    (tmp_path / "mine").mkdir()
    assert tls(tmp_path / "mine" / "ca") == []
    assert tls(tmp_path, host="rack1") == tls(tmp_path, mode="off") == []


def test_a_directory_that_is_used_for_something_else_is_refused(tmp_path):
    """A home, for example, which would be closed to others."""
    (tmp_path / "mail").touch()
    (sentence,) = tls(tmp_path)
    assert sentence.startswith(f"minio_tls_ca_dir: on this controller, {tmp_path}: exists (mode ")
    assert f"for example {tmp_path}/baremetal-overlay" in sentence
