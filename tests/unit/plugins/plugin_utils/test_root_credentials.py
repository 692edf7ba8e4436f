# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When root credentials may take the place of others: never by chance, and never with what credentials open lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials
from ansible_collections.baremetal.overlay.plugins.plugin_utils import root_credentials
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import inventory, minio

USER, OLD, NEW, OTHER = "minioroot", "the-password-before", "the-new-password", "yet-another-password"
KEPT, STAGED = "minio-root.json", "minio-root-next.json"
USED = {"state": "formatted", "opened": True}
UNUSED = {"state": "formatted", "opened": False}
EMPTY = {"state": "empty"}


def pair(password: str, user: str = USER) -> dict[str, Any]:
    found = credentials.facts(json.dumps({"user": user, "password": password}))
    assert found
    return found


# Slow on purpose; once is enough.
PAIRS = {password: pair(password) for password in (OLD, NEW, OTHER)}


def host(number: int, kept: str | None = OLD, staged: str | None = None, drive: dict[str, Any] | None = None) -> Host:
    facts = {
        "credentials_present": kept is not None,
        "credentials": {"kept": PAIRS.get(kept or ""), "staged": PAIRS.get(staged or "")},
        "swarm": {"state": "active", "manager": True, "services": [{"name": "minio1"}]},
    }
    report = {"facts": facts, "sections": {"drives": {"formats": [drive or USED]}}}
    return Host(f"n{number}", frozenset({"managers", "minio"}), number, drives=("/dev/a",), report=report)


def cluster(*hosts: Host, password: str | None = None, user: str = USER, **settings: Any) -> Cluster:
    given = {"root_user": user, "root_password": password} if password else {}
    return Cluster(hosts or (host(1), host(2)), {"keep_credentials": True, **given, **settings})


def said(given: Cluster) -> list[str]:
    return [*root_credentials.violations(given), *root_credentials.unusable(given)]


def strange() -> Host:
    found = host(2)
    found.facts["credentials"]["kept"] = {}
    return found


UNREAD = Host("n2", frozenset({"minio"}), 2, drives=("/dev/a",))
LEFT_OUT = Host("n2", frozenset({"managers"}), 2)

# Whether servers are given another pair, who has something to write, and where the pair comes from if not given.
ALLOWED = {
    "nothing given": (cluster(), False, [], ("n1", KEPT)),
    "what is kept": (cluster(password=OLD), False, [], ("n1", KEPT)),
    "a manager without": (cluster(host(1), host(2, None)), False, ["n2"], ("n1", KEPT)),
    "a manager with another": (cluster(host(1), host(2, OTHER), password=OLD), False, ["n2"], ("n1", KEPT)),
    "bare": (cluster(host(1, None, drive=EMPTY), password=NEW), False, ["n1"], (None, KEPT)),
    "by consent": (cluster(password=NEW, root_consent=USER), True, ["n1", "n2"], ("n1", KEPT)),
    "begun": (cluster(host(1), host(2, OLD, NEW)), True, ["n1", "n2"], ("n2", STAGED)),
    "begun and given": (cluster(host(1), host(2, OLD, NEW), password=NEW), True, ["n1", "n2"], ("n2", STAGED)),
    "half promoted": (cluster(host(1, NEW), host(2, OLD, NEW)), True, ["n1", "n2"], ("n2", STAGED)),
    "back, by consent": (cluster(host(1, OLD, NEW), password=OLD, root_consent=USER), True, ["n1"], ("n1", STAGED)),
    "never used": (cluster(host(1, drive=EMPTY), password=NEW), True, ["n1"], ("n1", KEPT)),
    "no user yet": (cluster(host(1, drive=UNUSED), password=OLD, user="someone"), True, ["n1"], ("n1", KEPT)),
    "not kept": (cluster(host(1, None), password=NEW, keep_credentials=False), False, ["n1"], (None, KEPT)),
}  # fmt: skip


@pytest.mark.parametrize("case", ALLOWED)
def test_what_a_run_does(case: str) -> None:
    given, changing, due, come_from = ALLOWED[case]
    drawn = root_credentials.draw(given)
    assert said(given) == []
    assert drawn["root_change"] is changing
    assert [one.name for one in given.hosts if root_credentials.due(given, one)] == due
    assert (drawn["credentials_from"], drawn["credentials_file"]) == come_from


AGREE = "a change restarts all servers together; agree by minio_root_consent: minioroot"
STAYS = 'minio_root_user: is not the one that n1 keeps, "minioroot"'
REFUSED = {
    "without consent": (cluster(password=NEW), f"minio_root_password: is not the one that n1 keeps, and {AGREE}"),
    "consent to another": (cluster(password=NEW, root_consent="someone"), AGREE),
    "another user": (cluster(password=OLD, user="someone", root_consent="someone"), STAYS),
    "another than was begun": (
        cluster(host(1, OLD, NEW), password=OTHER),
        f"minio_root_password: is not the one that an earlier run began to set, on n1, and {AGREE}",
    ),
    "back": (cluster(host(1, OLD, NEW), password=OLD), "is not the one that an earlier run began to set, on n1"),
    "a drive that was not read": (cluster(host(1, drive=EMPTY), UNREAD, password=NEW), AGREE),
    "a drive that is not mounted": (cluster(host(1, drive={"state": "unmounted"}), password=NEW), AGREE),
    "one drive in use": (cluster(host(1, drive=EMPTY), host(2, drive=USED), password=NEW), AGREE),
    "a manager left out": (cluster(host(1), LEFT_OUT, password=NEW, root_consent=USER), "does not reach n2; run"),
    "a strange file": (cluster(host(1), strange()), "n2: minio-root.json of minio_credentials_dir is not"),
    "of no use, and alone": (cluster(root_password="short"), "minio_root_password: has 5 characters"),
    "of no use": (cluster(password="short\n", root_consent=USER), "minio_root_password: has 5 characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    given, sentence = REFUSED[case]
    found = said(given)
    assert any(sentence in one for one in found), found
    assert not any(password in one for one in found for password in (OLD, NEW, OTHER))


def test_both_of_a_pair_are_looked_at_and_one_that_is_not_given_is_not_wrong() -> None:
    bare = host(1, None, drive=EMPTY)
    bare.facts["swarm"].update(services=[])
    both = said(cluster(bare, password="12345678 ", user="ro=ot"))
    assert [one.partition(":")[0] for one in both] == ["minio_root_user", "minio_root_password"]
    assert [one.partition(":")[0] for one in said(Cluster((bare,), {"root_user": "ro"}))] == ["minio_root_user"]
    assert said(cluster(bare, password="minioadmin", user="minioadmin")) == [
        "minio_root_user, minio_root_password: are minioadmin, MinIO's own default, which is public: give others"
    ]


def test_credentials_that_servers_run_with_have_shown_that_they_work() -> None:
    for settings in ({"keep_credentials": False}, {}):
        kept = host(1)
        kept.facts["credentials"]["kept"] = pair(OLD, "ro/ot")
        assert said(cluster(kept, password=OLD, user="ro/ot", **settings)) == []


def test_the_rules_are_among_those_of_every_run() -> None:
    assert minio.credentials_change_by_consent in minio.RULES
    assert inventory.credentials_are_strong in inventory.RULES
