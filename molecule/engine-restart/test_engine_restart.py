# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A changed engine setting reaches running engines without taking MinIO away from its users."""

from __future__ import annotations

import io
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SETTING = ("-e", "docker_engine_log_max_size=11m")
BUCKET = "engine-restart"


def alive(address: str) -> bool:
    """Whether the MinIO of a host answers."""
    try:
        with urllib.request.urlopen(f"http://{address}:9000/minio/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def watched(addresses: list[str]) -> Iterator[list[frozenset[str]]]:
    """Look at all hosts again and again; yields the sets of hosts that did not answer at one time."""
    seen: list[frozenset[str]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(frozenset(address for address in addresses if not alive(address)))
            time.sleep(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_engines_restart_one_after_another(lab: Any) -> None:
    started = {
        name: host.check_output("systemctl show -p InvocationID --value docker") for name, host in lab.hosts.items()
    }
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    client.put_object(bucket_name=BUCKET, object_name="kept", data=io.BytesIO(b"kept"), length=4)
    with watched([f"172.31.77.1{name[1:]}" for name in lab.hosts]) as seen:
        run = lab.site(*SETTING)
    assert run.rc == 0, run.output
    assert all(
        host.check_output("systemctl show -p InvocationID --value docker") != started[name]
        for name, host in lab.hosts.items()
    )
    assert max(len(down) for down in seen) == 1, [down for down in seen if len(down) > 1]
    assert len(frozenset().union(*seen)) == len(lab.hosts), "the watch saw no restart, so it proves nothing"
    assert client.get_object(bucket_name=BUCKET, object_name="kept").read() == b"kept"
    client.remove_object(bucket_name=BUCKET, object_name="kept")
    client.remove_bucket(bucket_name=BUCKET)


def test_the_setting_is_there_and_the_next_run_restarts_nothing(lab: Any) -> None:
    for host in lab.hosts.values():
        assert '"max-size": "11m"' in host.check_output("cat /etc/docker/daemon.json")
    run = lab.site(*SETTING)
    assert run.rc == 0, run.output
    assert set(run.changed.values()) == {0}, run.output
