# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts in a matrix: short, told apart, and never mistaken."""

from __future__ import annotations

import re

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import page
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.names import FITS, shorten
from hypothesis import given
from hypothesis import strategies as st
from test_connectivity import World

DOMAIN = "Storage.DC1.Example.Com"
CASES = [
    (["n1", "n2", "n3"], ["n1", "n2", "n3"]),
    ([f"MinIO-Rack-A{one}.{DOMAIN}" for one in (1, 2)], ["A1", "A2"]),
    ([f"storage-node-0{one}.example.org" for one in (1, 2)], ["node-01", "node-02"]),
    (["192.168.100.11", "192.168.100.12"], ["100.11", "100.12"]),
    (["db.dc1.example.org", "db.dc2.example.org"], ["dc1", "dc2"]),
    (["host-1.example.com", "host-1b.example.com", "h.example.com"], ["host-1", "host-1b", "h"]),
    (["alone.example.com"], ["alone"]),
    ([f"MinIO-Rack{one}-Storage0{one}.{DOMAIN}" for one in (1, 2)], ["Storage01", "Storage02"]),
    (["averyveryverylongname1", "averyveryverylongname2"], ["ave…gname1", "ave…gname2"]),
    (["aaaaaaaaxxxxxxxxxbbbbbbbb", "aaaaaaaayyyyyyyyybbbbbbbb"], ["host 1", "host 2"]),
]


@pytest.mark.parametrize(("names", "short"), CASES, ids=[case[0][0] for case in CASES])
def test_a_name_is_what_tells_it_apart(names, short):
    assert list(shorten(names).values()) == short


@given(st.lists(st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?", fullmatch=True), min_size=1, unique=True))
def test_no_two_hosts_ever_share_a_name(names):
    short = shorten(names)
    assert list(short) == names
    assert len(set(short.values())) == len(names)
    assert all(0 < len(name) <= FITS for name in short.values())


def test_the_page_has_short_names_in_headings_the_whole_one_on_hover_and_a_legend():
    world = World()
    full = {f"n{one}": f"MinIO-Rack-A{one}.{DOMAIN}" for one in range(1, 5)}
    result = world.run()
    text = page.render(
        {
            **result,
            "hosts": [{**host, "name": full[host["name"]]} for host in result["hosts"]],
            "layers": [
                {
                    **layer,
                    "cells": [
                        {**cell, "from": full.get(cell["from"], cell["from"]), "to": full.get(cell["to"], cell["to"])}
                        for cell in layer["cells"]
                    ],
                }
                for layer in result["layers"]
            ],
        }
    )
    headings = re.findall(r"<th scope=\"\w+\"[^>]*>.*?</th>", text)
    assert f'<th scope="col" title="{full["n1"]}"><span>A1</span></th>' in headings
    assert f'<th scope="row" title="{full["n4"]}"><span>A4</span></th>' in headings
    assert not any(f"<span>{name}" in heading for heading in headings for name in full.values())
    legend = re.search(r'<section class="legend">.*?</section>', text)
    assert legend and all(f"<b>A{key[1]}</b> <span>{name}</span>" in legend[0] for key, name in full.items())
    assert 'class="legend"' not in page.render(result)
