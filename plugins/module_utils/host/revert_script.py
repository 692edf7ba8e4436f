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

# How often a way back is tried before it is given up, with a pause in between, and how long one step of it may take:
# what it asks may never answer.
TRIES, PAUSE, STEP = 5, 2, 30
# What the script ends with where something is left to do after all tries. systemd does not start it again then, as it
# does where somebody killed it.
GAVE_UP = 3


def stopping(unit: str) -> str:
    """In the shell: a unit that is not loaded is stopped already, which systemctl says by a 5."""
    return f'systemctl stop {unit} || [ "$?" = 5 ]'


SCRIPT = f"""\
#!/bin/sh
# Written by baremetal.overlay. Puts back what was there before a change that nobody confirmed.
# usage: revert TOKEN [TRIES] | boot
set -u
state={STATE}
token=$1
tries=${{2-1}}
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

failed() {{
    echo "not done: $*" >&2
    left=1
}}
# Each step by itself: whatever one of them meets, the others are done.
steps() {{
    for step in "$state/$1"*; do
        [ -e "$step" ] || continue
        what=$(sed -n '1s/^# //p' "$step")
        said=$(timeout -k 5 {STEP} sh "$step" 2>&1 9>&-)
        code=$?
        if [ "$code" = 0 ]; then echo "done: $what"; else failed "$what (ended with $code): $said"; fi
    done
}}
files() {{
    while read -r number path; do
        if [ -e "$state/file$number" ] || [ -L "$state/file$number" ]; then
            mkdir -p "${{path%/*}}"
            # Whole, or not at all: where there is no room for it, what is there stays until there is.
            if ! cp --archive --no-dereference "$state/file$number" "$path.reverted" ||
                ! mv -fT "$path.reverted" "$path"; then
                rm -f "$path.reverted"
                failed "put back $path"
            fi
        else
            rm -f "$path" || failed "remove $path"
        fi
    done < "$state/paths"
}}
while :; do
    left=0
    # The kernel first: access comes back even where files cannot be written.
    [ "$token" = boot ] || steps undo
    files
    if [ "$token" != boot ]; then
        systemctl daemon-reload 9>&- || failed 'systemctl daemon-reload'
        steps redo
    fi
    [ "$left" = 1 ] || break
    # What failed is tried again, with everything that it needs still there.
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit {GAVE_UP}
    sleep {PAUSE}
done
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
