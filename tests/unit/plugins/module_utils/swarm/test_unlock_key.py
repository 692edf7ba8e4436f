# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unlock key is kept where it is needed, used there, and never told."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import unlock_key

KEY = "SWMKEY-1-secret"


class Manager(Engine):
    def __init__(self, key=KEY, state="active"):
        super().__init__(None)
        self.key, self.state, self.given = key, state, None

    def call(self, verb, path, body=None, **_more):
        if (verb, path) == ("GET", "/info"):
            return {"Swarm": {"LocalNodeState": self.state, "ControlAvailable": self.state == "active"}}
        if (verb, path) == ("GET", "/swarm/unlockkey"):
            return {"UnlockKey": self.key}
        assert (verb, path) == ("POST", "/swarm/unlock")
        self.given, self.state = body["UnlockKey"], "active"
        return None


class Files:
    def __init__(self, text=None, mode=0o600):
        self.files = {} if text is None else {unlock_key.PATH: (text, mode)}

    def read(self, path):
        return self.files[path][0] if path in self.files else None

    def mode(self, path):
        return self.files[path][1]

    def exists(self, path):
        return path in self.files

    def write(self, path, text, mode):
        self.files[path] = (text, mode)

    def remove(self, path):
        del self.files[path]


def converge(engine, files, state="present", check_mode=False, key=None):
    params = {"state": state, "path": unlock_key.PATH, "key": key, "wait_timeout": 5}
    done = unlock_key.converge(engine, params, check_mode, files)
    assert KEY not in json.dumps(done)
    return done["changed"]


def test_the_key_in_force_is_kept_for_root_alone():
    files = Files()
    assert converge(Manager(), files, check_mode=True) and files.files == {}
    assert converge(Manager(), files)
    assert files.files == {unlock_key.PATH: (f"{KEY}\n", 0o600)}
    assert not converge(Manager(), files)
    assert converge(Manager("another"), files)
    assert converge(Manager(), Files(f"{KEY}\n", 0o644))
    # No longer locked: nothing is left to keep.
    assert converge(Manager(""), files) and files.files == {}
    assert not converge(Manager(""), files)


def test_what_is_only_planned_is_predicted():
    for engine in (Manager(""), Manager(state="inactive")):
        assert converge(engine, Files(), check_mode=True)


def test_a_locked_manager_is_unlocked_with_what_it_keeps():
    locked = Manager(state="locked")
    assert converge(locked, Files(f"{KEY}\n"), "unlocked", check_mode=True) and locked.given is None
    assert converge(locked, Files(f"{KEY}\n"), "unlocked")
    assert locked.given == KEY
    assert not converge(locked, Files(), "unlocked")
    with pytest.raises(InputError, match="keeps no key"):
        converge(Manager(state="locked"), Files(), "unlocked")


@pytest.mark.parametrize(
    ("kept", "live", "said"),
    [
        (None, KEY, "none"),
        (f"{KEY}\n", KEY, "current"),
        ("old", KEY, "stale"),
        ("old", "", "stale"),
        (KEY, None, "kept"),
    ],
)
def test_a_host_says_whether_it_keeps_the_key_and_not_which(kept, live, said):
    assert unlock_key.judge(kept, live) == said


def test_it_goes_when_it_is_not_wanted():
    files = SimpleNamespace(**{name: getattr(Files(KEY), name) for name in ("exists", "remove")})
    assert converge(Manager(), files, "absent")
