# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the check says: in check mode what was seen, which is no verdict."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.modules import minio_check


def seen(healthy, proven=False):
    objects = {"object": True, "parts": True} if proven else {}
    return [{"healthy": healthy, "objects_equal": objects, "default_credentials_refused": proven}] * 4


def test_what_is_proven_is_said():
    assert minio_check.say(seen(True, True)) == (
        "4 of 4 endpoints are healthy and serve equal objects; the default credentials are refused"
    )


def test_check_mode_before_the_first_deployment_does_not_sound_like_a_failure():
    assert minio_check.say_seen(seen(False)) == (
        "check mode proves nothing: 0 of 4 endpoints are healthy at present; the real run waits until all of them are"
    )
