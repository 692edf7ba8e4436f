# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a change that nobody confirmed: a script of the host's own, with nothing of ours alive."""

from __future__ import annotations

from ..state_directory import STATE_DIRECTORY
from .system import RUN_DIRECTORY

STATE = f"{STATE_DIRECTORY}/unconfirmed"
SCRIPT_PATH = f"{STATE_DIRECTORY}/revert"
LOCK = f"{RUN_DIRECTORY}/change.lock"
# The tokens of the changes that were confirmed and taken back last.
CONFIRMED, REVERTED = f"{RUN_DIRECTORY}/confirmed", f"{RUN_DIRECTORY}/reverted"
# The transient timer and its service.
UNIT = "baremetal-overlay-revert"
BOOT_SERVICE = f"{UNIT}-boot.service"
BOOT_UNIT_PATH = f"/etc/systemd/system/{BOOT_SERVICE}"
BOOT_ENABLED_PATH = f"/etc/systemd/system/sysinit.target.wants/{BOOT_SERVICE}"

SCRIPT = f"""\
#!/bin/sh
# Written by baremetal.overlay. Puts back what was there before a change that nobody confirmed.
# usage: revert TOKEN | boot
set -u
state={STATE}
token=$1
failed=0
mkdir -p {RUN_DIRECTORY}
# Nobody but root may open it: whoever holds it keeps the change in force.
(umask 077; : >> {LOCK})
exec 9>>{LOCK}
if ! flock -w 5 9; then
    # Whoever is still applying the change is stuck in it. If he has ended, his number may be somebody else's by now.
    pid='' started=''
    read -r pid started < "$state/process"
    stat=$(cat "/proc/$pid/stat")
    set -- ${{stat##*)}}
    if [ -n "$started" ] && [ "${{20-}}" = "$started" ]; then kill -KILL "$pid"; fi
    flock -w 5 9 || exit 1
fi
[ -d "$state" ] || exit 0
[ "$token" = boot ] || [ "$token" = "$(cat "$state/token")" ] || exit 0
export state
# The kernel first: access comes back even where files cannot be written.
[ "$token" = boot ] || sh "$state/undo" 9>&- || failed=1
while read -r number path; do
    if [ -e "$state/file$number" ] || [ -L "$state/file$number" ]; then
        mkdir -p "${{path%/*}}"
        # Whole, or not at all: where there is no room for it, what is there stays until there is.
        if ! cp --archive --no-dereference "$state/file$number" "$path.reverted" ||
            ! mv -fT "$path.reverted" "$path"; then
            rm -f "$path.reverted"
            failed=1
        fi
    else
        rm -f "$path" || failed=1
    fi
done < "$state/paths"
if [ "$token" != boot ]; then
    systemctl daemon-reload 9>&- || failed=1
    sh "$state/redo" 9>&- || failed=1
fi
# What failed is tried again, with everything that it needs still there.
[ "$failed" = 0 ] || exit 1
echo "$(cat "$state/token") $(date -u +%Y-%m-%dT%H:%M:%SZ)" > {REVERTED}
rm -rf "$state.reverted"
mv -T "$state" "$state.reverted" && rm -rf "$state.reverted"
"""

BOOT_UNIT = f"""\
# Written by baremetal.overlay.
[Unit]
Description=Takes back a change that was not confirmed before the restart (baremetal.overlay)
DefaultDependencies=no
ConditionPathExists={STATE}/token
After=local-fs.target
Before=network-pre.target docker.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT_PATH} boot

[Install]
WantedBy=sysinit.target
"""
