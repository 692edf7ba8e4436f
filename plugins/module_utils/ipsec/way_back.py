# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the way back of a change does about charon, in the shell: pure.

A charon may be dead by then, or hang, and files of others may be ones that swanctl cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..host.confirm import ShellStep
from .files import CONF, LEFT_BEHIND

# Whether charon answers, and what is asked of it: one that hangs answers nothing.
ASKS = """\
ask() { timeout 10 swanctl "$@"; }
runs() { [ "$(systemctl show --property=MainPID --value strongswan.service)" != 0 ]; }
answers() { runs && ask --stats > /dev/null; }
"""
# Traps first, or the next packet would begin anew; that there is none is what is wanted. Seconds for a peer to answer
# that it has ended its part, then it is ended here without it.
ENDS = """\
end() {
    for child in $2; do ask --uninstall --ike "$1" --child "$child" || :; done
    ask --terminate --ike "$1" --timeout 3 --force || :
}
if answers; then
    {ends}
    wait
fi
answers && exit 0
# What it left in the kernel takes packets, to nowhere.
{left_behind}
"""
# swanctl's exit status does not tell: it is 22 where a connection of somebody else is wrong and all of ours were
# loaded, and 0 where it could read none of the files, after it had unloaded every connection. Credentials are loaded
# first, which unloads nothing. Pools and authorities are others'.
LOADS = f"""\
runs || {{ echo 'charon does not run, and reads its files when it starts'; exit 0; }}
said=$(ask --load-creds --noprompt 2>&1) || :
case $said in *'invalid config file'*) echo "$said"; exit 1 ;; esac
said="$said
$(ask --load-conns 2>&1)" || :
listed=$(ask --list-conns) || {{ echo 'charon does not answer'; exit 1; }}
for name in $(echo "$listed" | sed -n 's/^\\(baremetal-overlay-[0-9]*\\):.*/\\1/p'); do
    grep -qs "^    $name {{" {CONF} || {{ echo "$name is still loaded: $said"; exit 1; }}
done
[ -e {CONF} ] || exit 0
for name in $(sed -n 's/^    \\(\\(ike-\\)*baremetal-overlay-[0-9a-f-]*\\) {{$/\\1/p' {CONF}); do
    echo "$said" | grep -q "^loaded .*'$name'\\$" || {{ echo "$name was not loaded: $said"; exit 1; }}
done
"""


def steps(begun: Mapping[str, Sequence[str]], peers: Mapping[str, str]) -> list[ShellStep]:
    """Once the files of before are back: ends what the change negotiated for the first time, then loads these.

    What was negotiated sends its traffic into ESP by itself, and lives where IKE passes and ESP does not. ``begun`` are
    the children of each connection, ``peers`` their addresses.
    """
    load = ShellStep("have charon load its files", ASKS + LOADS)
    if not begun:
        return [load]
    ends = "\n    ".join(f"end {name} '{' '.join(children)}' &" for name, children in begun.items())
    addresses = " ".join(peers[name] for name in begun)
    ended = ENDS.replace("{ends}", ends).replace("{left_behind}", LEFT_BEHIND.replace("{peers}", addresses))
    return [ShellStep("end what the change negotiated", ASKS + ended), load]
