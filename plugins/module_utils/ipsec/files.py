# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that strongSwan starts from, and what is not ours to decide connection by connection."""

from __future__ import annotations

from ..state_directory import STATE_DIRECTORY
from . import backstop

NAME = "baremetal-overlay"
SWANCTL = "/etc/swanctl"
CONF = f"{SWANCTL}/conf.d/{NAME}.conf"
CERTIFICATE = f"{SWANCTL}/x509/{NAME}.pem"
KEY = f"{SWANCTL}/private/{NAME}.pem"
TRUST = f"{SWANCTL}/x509ca/{NAME}.pem"
# Where certificate and key are: the two names above are links into it.
STORE = f"{SWANCTL}/{NAME}"
# Where a key waits for its certificate.
PENDING = f"{SWANCTL}/.{NAME}"
SNIPPET_PATH = f"/etc/strongswan.d/{NAME}.conf"
DROP_IN_PATH = f"/etc/systemd/system/strongswan.service.d/{NAME}.conf"
# What was loaded into charon, and how it showed it then.
LOADED = f"{STATE_DIRECTORY}/ipsec.loaded"

# 2 + 3.2 + 5.1 + 8.2 seconds, then a peer is given up, and the next packet for it begins anew.
SNIPPET = """\
# Written by baremetal.overlay.ipsec.
charon {
    # A peer that is away is noticed within 20 seconds, not in three minutes.
    retransmit_tries = 3
    retransmit_timeout = 2.0
    retransmit_base = 1.6
    # Who proves himself anew has the new association before the old one goes.
    make_before_break = yes
    plugins {
        kernel-netlink {
            # As long as a negotiation may take: then the kernel asks for another one.
            xfrm_acq_expires = 20
        }
    }
}
"""
# A comment of CONF, with a connection and its child: what is begun when charon starts. Not by the child's own
# start_action: loaded again while it runs, as the way back does, that would make another one beside it.
BEGINS = "# begins"
SCRIPT_PATH = f"{STATE_DIRECTORY}/ipsec.start"
# What an Engine encrypts (reqid 13681891) and what somebody made by hand without a reqid is not charon's, and a state
# without an SPI is only being asked for.
OWN = """\
        function own() {
            return $0 ~ / mode transport/ && $0 !~ / reqid (0|13681891)[ (]/ && (from in peers || to in peers)
        }"""
STATES = f"""\
{OWN}
        $1 == "src" {{ from = $2; to = $4 }}
        $1 == "proto" && $2 == "esp" && $4 != "0x00000000" && own() {{
            print "src", from, "dst", to, "proto esp spi", $4
        }}"""
# A policy with a mark is an Engine's, one of a socket has no direction.
POLICIES = f"""\
{OWN}
        $1 == "src" {{
            found = $0; from = $2; to = $4; dir = ""
            sub("/.*", "", from); sub("/.*", "", to)
        }}
        $1 == "dir" {{ dir = $2 }}
        $1 == "mark" {{ dir = "" }}
        $1 == "proto" && $2 == "esp" && dir && own() {{ print found, "dir", dir }}"""
# What a charon that is gone has left of its peers in the kernel. Each is deleted apart: `ip -batch` ends at the first
# that is gone.
LEFT_BEHIND = f"""\
peers='{{peers}}'
given='BEGIN {{ split(ARGV[1], list, " "); for (one in list) peers[list[one]]; ARGV[1] = "" }}'
ip xfrm policy | awk "$given"'
{POLICIES}' "$peers" | xargs -r -L 1 ip xfrm policy delete
ip xfrm state | awk "$given"'
{STATES}' "$peers" | xargs -r -L 1 ip xfrm state delete
"""
# A charon that is killed leaves what it negotiated in the kernel, which takes packets, to nowhere, as soon as nothing
# newer does.
SCRIPT = f"""\
# Written by baremetal.overlay.ipsec; strongswan.service runs it before and after it starts.
conf={CONF}
grep -qs '^{BEGINS} ' "$conf" || exit 0
case $1 in
before)
    ip xfrm state | awk '
        NR == FNR {{ if ($1 == "remote_addrs") {{ gsub(/"/, "", $3); peers[$3] }} next }}
{STATES}' "$conf" - | xargs -r -L 1 ip xfrm state delete
    ;;
after)
    sed -n 's/^{BEGINS} //p' "$conf" | while read -r ike child; do
        swanctl --initiate --ike "$ike" --child "$child" --timeout -1
    done
    ;;
esac
"""
DROP_IN = f"""\
# Written by baremetal.overlay.ipsec.
[Unit]
After={backstop.TABLE.service}
Before=docker.service
StartLimitIntervalSec=0

[Service]
# However it ended: without it the members do not reach each other.
Restart=always
RestartSec=1
ExecStartPre=-/bin/sh {SCRIPT_PATH} before
ExecStartPost=-/bin/sh {SCRIPT_PATH} after
"""
