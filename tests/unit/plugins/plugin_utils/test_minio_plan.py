# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image runs, what a live deployment refuses, and whose credentials are taken."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import minio as minio_rules

RELEASE = "RELEASE.2026-02-12T20-18-48Z"
OURS, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
ARGS = ["server", "--address", ":9000", "http://minio{1...4}:9000/drives/drive{1...2}"]


def service(image=OURS, release=RELEASE, args=None):
    labels = {"baremetal.overlay": "minio", "baremetal.overlay.minio.release": release}
    return {"name": "minio1", "image": image, "args": args or ARGS, "labels": labels}


def cluster(running=(), images=(), kept=("n1",), count=4, **settings):
    """Four hosts with two drives; images: what each of them has, kept: who keeps credentials."""
    hosts = []
    for number in range(1, count + 1):
        held = images[number - 1] if images else []
        facts = {
            "architecture": "x86_64",
            "images": [{"id": image, "labels": {"baremetal.overlay.minio.release": RELEASE}} for image in held],
            "credentials_present": f"n{number}" in kept,
            "swarm": {"state": "active", "manager": number < 4, "services": list(running)},
        }
        groups = frozenset({"minio", "managers" if number < 4 else "workers"})
        hosts.append(Host(f"n{number}", groups, number, f"10.0.0.{number}", 1, ("a", "b"), {"facts": facts}))
    return Cluster(tuple(hosts), settings)


def rules(given):
    return [sentence for rule in minio_rules.RULES for sentence in rule(given)]


@pytest.mark.parametrize(
    ("given", "image", "make", "lacking"),
    [
        # Bare: it has to be made, and everybody lacks it.
        (cluster(), None, True, ["n1", "n2", "n3", "n4"]),
        # It runs and is everywhere: nothing is made, whatever this controller would make.
        (cluster([service()] * 4, [[OURS]] * 4), OURS, False, []),
        # One more host: it is made, or found in the cache, for that host.
        (cluster([service()] * 4, [[OURS]] * 3 + [[]]), OURS, True, ["n4"]),
        # A run that was interrupted between loading and starting.
        (cluster([], [[OURS], [OURS, OTHER], [OURS], [OURS]]), OURS, False, []),
        (cluster([], [[OURS], [], [OURS], [OURS]]), None, True, ["n1", "n2", "n3", "n4"]),
        # Another release is pinned than the one that runs.
        (cluster([service(release="RELEASE.old")] * 4, [[OURS]] * 4), None, True, ["n1", "n2", "n3", "n4"]),
        # Somebody agreed to another image of the same release.
        (cluster([service()] * 4, [[OURS]] * 4, image_consent=OTHER), None, True, ["n1", "n2", "n3", "n4"]),
        (cluster([service()] * 4, [[OURS]] * 4, image_consent=OURS), OURS, False, []),
        # Pulled by the engines themselves.
        (cluster(image_source="registry", image=f"example.org/minio@{OURS}"), f"example.org/minio@{OURS}", False, []),
    ],
)
def test_the_image_that_runs_is_never_replaced_by_chance(given, image, make, lacking):
    drawn = minio_plan.draw(given)
    assert (drawn["image"], drawn["make_image"], drawn["lacking_image"]) == (image, make, lacking)
    assert rules(given) == []


@pytest.mark.parametrize(
    ("running", "wanted", "given", "refused"),
    [
        ([], OURS, None, False),
        ([OURS], OURS, None, False),
        ([OURS], None, None, False),
        ([OURS], OTHER, None, True),
        ([OURS], OTHER, OURS, True),
        ([OURS], OTHER, OTHER, False),
        ([OTHER, OURS], OURS, None, True),
    ],
)
def test_another_image_needs_consent_that_names_it(running, wanted, given, refused):
    sentence = minio_plan.consent(running, wanted, given)
    assert bool(sentence) == refused
    assert not refused or f"minio_image_consent: {wanted}" in sentence


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (cluster(image_source="magic"), 'minio_image_source: "magic" is unknown; allowed: build, archive'),
        (cluster(image_source="archive"), "minio_image_archive: is not set"),
        (cluster(image_source="archive", image_archive="/nowhere/a.tar"), "minio_image_archive: archive"),
        (cluster(image_source="registry"), "minio_image: is not set"),
        (cluster(image_source="registry", image="minio/minio:latest"), "is not named by digest"),
        (cluster(image_source="binary", image_binary="/minio"), "minio_image_release: is not set"),
        (cluster(version="latest"), "is not a Go pseudo-version"),
        (cluster([service()], image_source="registry", image=f"x@{OTHER}"), f"minio_image_consent: x@{OTHER}"),
        (cluster([service()], [[OURS]] * 4, []), "no manager of this run keeps its root credentials"),
        (cluster(root_user="someone"), "only one of them is set"),
        (cluster(environment={"MINIO_ROOT_USER": "x"}), "MINIO_ROOT_USER does not belong there"),
        (cluster([service()], [[OURS]] * 5, ["n1"], count=5), "servers: 1 to 4 live, 1 to 5 wanted"),
        (cluster([service()], [[OURS]] * 4, ["n1"], port=9900), "minio*:9900"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_changed(given, part):
    (sentence, *_more) = [sentence for sentence in rules(given) if part in sentence] or ["nothing"]
    assert part in sentence


def test_a_pool_that_only_comes_in_is_not_waited_for_where_an_engine_restarts():
    running = [{**service(), "name": f"minio{number}"} for number in (1, 2)]
    assert minio_plan.draw(cluster(running))["running_endpoints"] == ["http://10.0.0.1:9000", "http://10.0.0.2:9000"]
    everybody = [f"http://10.0.0.{number}:9000" for number in range(1, 5)]
    assert minio_plan.draw(cluster())["running_endpoints"] == everybody
    assert minio_plan.draw(cluster(running))["endpoints"] == everybody


def test_servers_are_asked_at_the_port_on_which_they_listen():
    moved = ["server", "--address", ":9100", "--console-address", ":9001"]
    running = [{**service(args=moved), "name": f"minio{number}"} for number in (1, 2)]
    drawn = minio_plan.draw(cluster(running, port=9000))
    # minio_port is already what it is to be; hosts without a server are not asked at all.
    assert drawn["running_urls"] == {"n1": "http://10.0.0.1:9100", "n2": "http://10.0.0.2:9100"}
    assert drawn["running_endpoints"] == list(drawn["running_urls"].values())


def test_credentials_come_from_a_manager_that_keeps_them():
    assert minio_plan.draw(cluster(kept=["n2", "n3"]))["credentials_from"] == "n2"
    assert minio_plan.draw(cluster(kept=[]))["credentials_from"] is None


def test_a_former_manager_hands_its_credentials_on_and_keeps_none():
    drawn = minio_plan.draw(cluster(kept=["n4"]))
    assert (drawn["credentials_from"], drawn["former_managers"]) == ("n4", ["n4"])
    drawn = minio_plan.draw(cluster(kept=["n1", "n4"]))
    assert (drawn["credentials_from"], drawn["former_managers"]) == ("n1", ["n4"])
    assert minio_plan.draw(cluster(kept=["n1"]))["former_managers"] == []
    assert minio_plan.draw(cluster(kept=["n4"], keep_credentials=False))["former_managers"] == []


def test_a_deployment_is_described_with_all_its_endpoints():
    drawn = minio_plan.draw(cluster(port="9000", parity="2"))
    assert drawn["endpoints"] == [f"http://10.0.0.{number}:9000" for number in range(1, 5)]
    assert drawn["layout"]["args"] == ARGS[3:]
    assert (drawn["layout"]["parity"], drawn["architecture"]) == (2, "x86_64")
