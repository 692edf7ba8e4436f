# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs before and after charon starts, with programs that write down what they are told."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import connections, files

# As iproute2 6.15 lists them: one that is asked for, charon's, another peer's, the Engine's (with its mark), others'.
LISTING = """\
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0x00000000 reqid 1 mode transport
    replay-window 0
    sel src 198.51.100.11/32 dst 198.51.100.12/32 proto tcp sport 39174 dport 2377
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0xcfbff9b5 reqid 1 mode transport
    replay-window 0 flag esn
    aead rfc4106(gcm(aes)) 0x9720c094eb40597964a8e3aff95b928c0a7ece5d6a1f78fbcf9b301bfa60be98670ace30 128
    sel src 198.51.100.11/32 dst 198.51.100.12/32
src 198.51.100.12 dst 198.51.100.11
    proto esp spi 0xca29fab8 reqid 1 mode transport
    replay-window 0 flag esn
    sel src 198.51.100.12/32 dst 198.51.100.11/32
src 198.51.100.11 dst 198.51.100.99
    proto esp spi 0x00000099 reqid 4 mode tunnel
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0x0000d0c4 reqid 13681891 mode transport
    mark 0xd0c4e3/0xffffffff
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0x00000100 reqid 0 mode transport
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0x00000101 reqid 7 mode tunnel
src 2001:db8::11 dst 2001:db8::13
    proto esp spi 0xc0000001 reqid 3 mode transport
""".replace(" " * 4, "\t")
OPTIONS = {
    "number": 1,
    "address": "198.51.100.11",
    "authentication": "certificates",
    "protect": [{"protocol": "tcp", "port": 2377, "same": False, "anybody": False}],
    "peers": [{"number": 2, "address": "198.51.100.12"}, {"number": 3, "address": "2001:DB8:0::13"}],
}


@pytest.fixture
def run(tmp_path):
    """Runs the script for one of its verbs, and returns what the program was told."""
    conf, programs = tmp_path / "swanctl.conf", tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "listing").write_text(LISTING)
    told = tmp_path / "told"
    for name, text in {
        # The first one is gone when it is to be deleted.
        "ip": f'[ "$*" = "xfrm state" ] && exec cat {tmp_path}/listing; [ -e {told} ] || fail=2; '
        f'echo "$*" >> {told}; exit $fail',
        "swanctl": f'echo "$*" >> {told}',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    script = tmp_path / "script"
    script.write_text(files.SCRIPT.replace(files.CONF, str(conf)))

    def go(verb, text):
        if text is not None:
            conf.write_text(text)
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        subprocess.run(["sh", str(script), verb], check=False, env=environment)
        return told.read_text().splitlines() if told.exists() else []

    return go


def text_of(action):
    found = connections.connections(OPTIONS, action)
    begins = "".join(f"{files.BEGINS} {name} {child}\n" for name, child in connections.begins(found, 1))
    return "# Written by hand.\n" + begins + connections.render({"connections": found})


def test_what_a_killed_charon_left_with_peers_goes_and_nothing_else(run):
    assert run("before", text_of(connections.ACTIVE)) == [
        "xfrm state delete src 198.51.100.11 dst 198.51.100.12 proto esp spi 0xcfbff9b5",
        "xfrm state delete src 198.51.100.12 dst 198.51.100.11 proto esp spi 0xca29fab8",
        "xfrm state delete src 2001:db8::11 dst 2001:db8::13 proto esp spi 0xc0000001",
    ]


def test_what_this_end_begins_is_asked_for_and_not_waited_for(run):
    assert run("after", text_of(connections.ACTIVE)) == [
        "--initiate --ike baremetal-overlay-2 --child out --timeout -1",
        "--initiate --ike baremetal-overlay-3 --child out --timeout -1",
    ]


@pytest.mark.parametrize("verb", ["before", "after"])
@pytest.mark.parametrize("text", [None, text_of(connections.READY)], ids=["none", "ready"])
def test_where_nothing_is_asked_for_nothing_is_done(run, verb, text):
    assert run(verb, text) == []
