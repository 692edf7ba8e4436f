# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""python3 -m overlay_lab VERB: the settings come as JSON in OVERLAY_LAB, the result goes as JSON to stdout."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from . import drives, engine, hosts, image, orphans, settings
from .settings import Lab
from .shell import LabError, say
from .vm import emulator, guests
from .vm import image as vm_image
from .vm import settings as vm_settings
from .vm.settings import VmLab


def lock(cache: Path) -> TextIO:
    """One run at a time; the lock goes with the process, so a killed one leaves nothing to clear."""
    cache.mkdir(parents=True, exist_ok=True)
    handle = (cache / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another run is at work on the lab; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def make_engine(lab: Lab) -> bool:
    return engine.ensure(lab.cache)


def make_image(lab: Lab) -> bool:
    return image.ensure(lab.debian, lab.cache, lab.mirror or None)


def make_drives(lab: Lab) -> bool:
    changes = [drives.ensure(drive, lab.cache / "drives", lab.drive_size) for drive in lab.drives]
    return any(changes)


def make_hosts(lab: Lab) -> bool:
    changes = [hosts.ensure_files(lab), hosts.ensure_network(lab)]
    changes += [hosts.ensure_host(lab, host) for host in lab.hosts]
    hosts.wait(lab)
    return any(changes)


def remove(lab: Lab) -> bool:
    """All of it, from whatever point an interrupted run had reached."""
    changes = []
    if (lab.cache / "hosts").exists():
        # The machine was started again since: the containers are still known to the engine that does not run.
        changes.append(engine.ensure(lab.cache))
    if engine.answers():
        changes.append(hosts.remove_all())
    changes += [drives.remove(drive, lab.cache / "drives") for drive in lab.drives]
    changes += [hosts.remove_files(lab), orphans.end(), engine.stop_own(lab.cache)]
    return any(changes)


def make_vm_image(lab: VmLab) -> bool:
    changed = emulator.ensure(lab.base, lab.mirror or None)
    return vm_image.ensure(lab.debian, lab.images, lab.mirror or None) or changed


# The tiers of the lab: what its steps are, in this order, and how its settings are read.
CONTAINERS: dict[str, Callable[[Lab], bool]] = {
    "engine": make_engine,
    "image": make_image,
    "drives": make_drives,
    "hosts": make_hosts,
    "remove": remove,
}
GUESTS: dict[str, Callable[[VmLab], bool]] = {
    "image": make_vm_image,
    "hosts": guests.ensure,
    "remove": guests.remove,
}


def act(verb: str, data: dict[str, Any]) -> bool:
    """One step, on the tier that the settings name."""
    if data.get("tier", "containers") == "vm":
        if verb not in GUESTS:
            return False
        machines = vm_settings.read(data)
        with lock(machines.images if verb == "image" else machines.base / "locks" / machines.key):
            return GUESTS[verb](machines)
    lab = settings.read(data)
    with lock(lab.cache):
        return CONTAINERS[verb](lab)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in CONTAINERS:
        print(f"usage: python3 -m overlay_lab {'|'.join(CONTAINERS)}", file=sys.stderr)
        return 2
    try:
        if os.geteuid() != 0:
            raise LabError("the lab makes hosts, networks and devices: it needs root")
        changed = act(sys.argv[1], json.loads(os.environ.get("OVERLAY_LAB") or "{}"))
    except LabError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        return 130
    print(json.dumps({"changed": changed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
