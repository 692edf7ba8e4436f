# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the way back does about charon, run by a real shell: a charon that answers, one that hangs, one that is dead.

swanctl answers as strongSwan 6.0.1 was seen to.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import connections, files, way_back
from ansible_collections.baremetal.overlay.plugins.module_utils.state_directory import STATE_DIRECTORY

sys.path.append(str(Path(__file__).resolve().parents[1] / "host"))

from systemd_stub import Systemd

SERVICE = "strongswan.service"
# It knows what it loaded by the names of sections, and unloads what no file has; one that it cannot parse is as none.
SWANCTL = """\
#!/bin/sh
echo "swanctl $*" >> ROOT/log
[ ! -e ROOT/hangs ] || exec tail -f /dev/null
if [ ! -e ROOT/systemd/started/strongswan.service ]; then
    echo "connecting to 'unix:///var/run/charon.vici' failed: Connection refused" >&2
    exit 111
fi
names() { sed -n "s/^    \\($1[a-z0-9-]*\\) {/\\1/p" ROOT/conf 2> /dev/null; }
code=0
case $1 in
--load-creds)
    if [ -e ROOT/unreadable ]; then echo "invalid config file '/etc/swanctl/swanctl.conf'" >&2; exit 0; fi
    for name in $(names ike-); do echo "loaded ike secret '$name'"; done
    ;;
--load-conns)
    : > ROOT/loaded
    if [ -e ROOT/unreadable ]; then echo 'no connections found, 1 unloaded'; exit 0; fi
    for name in $(names baremetal-overlay-); do
        if [ -e ROOT/refused ]; then
            echo "loading connection '$name' failed: invalid value for: proposals, config discarded" >&2
            code=22
            continue
        fi
        echo "loaded connection '$name'"
        echo "$name" >> ROOT/loaded
    done
    if [ -e ROOT/stranger ]; then
        echo "loading connection 'stranger' failed: invalid value for: proposals, config discarded" >&2
        code=22
    fi
    ;;
--list-conns) while read -r name; do echo "$name: IKEv2, no reauthentication"; done < ROOT/loaded ;;
--uninstall) echo "uninstall failed: policy '$5' not found"; code=1 ;;
--terminate) echo 'terminate failed: no matching SAs to terminate found'; code=1 ;;
esac
exit $code
"""
# Two of ours, the Engine's with its mark, another peer's, a tunnel, a socket's, and one that somebody made by hand.
POLICIES = """\
src 198.51.100.12/32 dst 198.51.100.11/32 proto udp sport 4789
    dir in priority 366847
    tmpl src 0.0.0.0 dst 0.0.0.0
        proto esp reqid 2 mode transport
src 2001:db8::11/128 dst 2001:db8::13/128 proto tcp dport 2377
    dir out priority 366847
    tmpl src :: dst ::
        proto esp spi 0xcfbff9b5 reqid 1 mode transport
src 198.51.100.11/32 dst 198.51.100.12/32 proto udp dport 4789
    dir out priority 0
    mark 0xd0c4e3/0xffffffff
    tmpl src 198.51.100.11 dst 198.51.100.12
        proto esp spi 0x0000d0c4 reqid 13681891 mode transport
src 198.51.100.11/32 dst 198.51.100.99/32 proto udp dport 4789
    dir out priority 366847
    tmpl src 0.0.0.0 dst 0.0.0.0
        proto esp reqid 4 mode transport
src 198.51.100.11/32 dst 198.51.100.12/32
    dir out priority 366847
    tmpl src 198.51.100.11 dst 198.51.100.12
        proto esp reqid 5 mode tunnel
src 0.0.0.0/0 dst 0.0.0.0/0
    socket out priority 0
src 198.51.100.11/32 dst 198.51.100.12/32 proto tcp dport 80
    dir out priority 1
    tmpl src 0.0.0.0 dst 0.0.0.0
        proto esp reqid 0 mode transport
""".replace("    ", "\t")
STATES = """\
src 198.51.100.11 dst 198.51.100.12
    proto esp spi 0xcfbff9b5 reqid 1 mode transport
src 198.51.100.11 dst 198.51.100.99
    proto esp spi 0xc0000099 reqid 4 mode transport
""".replace("    ", "\t")
IP = """\
#!/bin/sh
case $* in
"xfrm policy") cat ROOT/policies ;;
"xfrm state") cat ROOT/states ;;
*) echo "ip $*" >> ROOT/log ;;
esac
"""
LEFT_BEHIND = [
    "ip xfrm policy delete src 198.51.100.12/32 dst 198.51.100.11/32 proto udp sport 4789 dir in",
    "ip xfrm policy delete src 2001:db8::11/128 dst 2001:db8::13/128 proto tcp dport 2377 dir out",
    "ip xfrm state delete src 198.51.100.11 dst 198.51.100.12 proto esp spi 0xcfbff9b5",
]
BEGUN = {"baremetal-overlay-2": ["out", "in"], "baremetal-overlay-3": ["out"]}
PEERS = {"baremetal-overlay-2": "198.51.100.12", "baremetal-overlay-3": "2001:db8::13"}
SECTIONS = {
    "connections": {name: {"version": "2"} for name in BEGUN},
    "secrets": {"ike-baremetal-overlay-2-e2bb1e9de4b57c9b": {"secret": "0x00"}},
}


class Host:
    def __init__(self, root):
        self.root, self.log = root, root / "log"
        self.systemd = Systemd(root, self.log)
        self.systemd.load(SERVICE)
        self.systemd.start(SERVICE)
        for name, text in (("swanctl", SWANCTL), ("ip", IP)):
            self.systemd.program(name, text.replace("ROOT", str(root)))
        (root / "policies").write_text(POLICIES)
        (root / "states").write_text(STATES)
        (root / "loaded").write_text("baremetal-overlay-2\nbaremetal-overlay-9\n")
        (root / "conf").write_text(connections.render(SECTIONS))

    def is_now(self, what):
        (self.root / what).touch()

    def run(self, begun):
        """What each step ends with, and what it says."""
        done = {}
        for step in way_back.steps(begun, PEERS):
            text = step.text.replace(files.CONF, str(self.root / "conf")).replace("timeout 10", "timeout 0.3")
            assert STATE_DIRECTORY not in text
            ended = subprocess.run(
                ["sh", "-c", text],
                env=self.systemd.environment,
                check=False,
                timeout=60,
                capture_output=True,
                text=True,
            )
            done[step.what] = (ended.returncode, ended.stdout + ended.stderr)
        return done

    def told(self, program):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(program)]


END, LOAD = "end what the change negotiated", "have charon load its files"


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_traps_first_then_associations_then_what_was_there_is_loaded(host):
    done = host.run(BEGUN)
    assert {what: code for what, (code, _said) in done.items()} == {END: 0, LOAD: 0}, done
    told = host.told("swanctl")
    for name, children in BEGUN.items():
        assert [line for line in told if f"--ike {name}" in line] == [
            *(f"swanctl --uninstall --ike {name} --child {child}" for child in children),
            f"swanctl --terminate --ike {name} --timeout 3 --force",
        ]
    assert told[-3:] == ["swanctl --load-creds --noprompt", "swanctl --load-conns", "swanctl --list-conns"]
    # The kernel's are charon's while it answers.
    assert host.told("ip") == []
    assert (host.root / "loaded").read_text().split() == ["baremetal-overlay-2", "baremetal-overlay-3"]


def test_what_was_there_before_is_not_ended(host):
    assert list(host.run({})) == [LOAD]
    assert not [line for line in host.told("swanctl") if "--terminate" in line]


def test_of_a_dead_charon_the_kernel_keeps_nothing_and_nothing_is_left_to_do(host):
    (host.root / "systemd" / "started" / SERVICE).unlink()
    done = host.run(BEGUN)
    assert [code for code, _said in done.values()] == [0, 0], done
    assert host.told("ip") == LEFT_BEHIND
    assert "reads its files when it starts" in done[LOAD][1]


def test_of_a_charon_that_hangs_the_kernel_keeps_nothing_and_it_is_said(host):
    host.is_now("hangs")
    done = host.run(BEGUN)
    assert [code for code, _said in done.values()] == [0, 1], done
    assert host.told("ip") == LEFT_BEHIND
    assert "charon does not answer" in done[LOAD][1]


def test_a_wrong_connection_of_somebody_else_is_no_fault_of_ours(host):
    host.is_now("stranger")
    assert host.run({})[LOAD][0] == 0


def test_a_wrong_connection_of_ours_is(host):
    host.is_now("refused")
    code, said = host.run({})[LOAD]
    assert code == 1 and "baremetal-overlay-2 was not loaded" in said and "invalid value for: proposals" in said


def test_files_that_cannot_be_read_unload_nobodys_connections(host):
    host.is_now("unreadable")
    code, said = host.run({})[LOAD]
    assert code == 1 and "invalid config file" in said
    assert "swanctl --load-conns" not in host.told("swanctl")
    assert (host.root / "loaded").read_text().split() == ["baremetal-overlay-2", "baremetal-overlay-9"]


def test_where_there_was_no_file_charon_forgets_all_of_it(host):
    (host.root / "conf").unlink()
    assert host.run({})[LOAD][0] == 0
    assert (host.root / "loaded").read_text() == ""
