# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a MinIO works: what is stored through one endpoint comes back equal from every other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable, Optional, TypeVar

from ..errors import InputError, OverlayError
from ..wait import Clock, wait_until
from .client import Client, S3Error
from .sigv4 import Credentials

DEFAULTS = Credentials("minioadmin", "minioadmin")
DENIED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied")
# What a server that has only just come back says of what others have acknowledged, until it reaches enough drives: it
# takes too few parts for none. Nothing that it shows says when that is over, and its health is good by then.
UNSEEN = ("NoSuchKey", "NoSuchBucket", "NoSuchUpload")
# S3's smallest part, but for the last one.
PART = 5 << 20
SMALL = 1 << 16
# Seconds for removing the test bucket, also where the time is up.
GRACE = 10.0
WORKERS = 16
STATES = {200: "healthy", 412: "needed by the others (412)", 503: "no quorum (503)"}
Result = TypeVar("Result")


class CheckFailed(OverlayError):
    """The verdict is no; ``endpoints`` says how far each one got."""

    def __init__(self, message: str, endpoints: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.endpoints = endpoints


@dataclass
class Verdict:
    """What was seen of one endpoint."""

    endpoint: str
    health: Optional[int] = None
    health_error: Optional[str] = None
    write_quorum: Optional[int] = None
    defaults_refused: Optional[bool] = None
    objects_equal: dict[str, bool] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Its health in a few words."""
        return self.health_error or STATES.get(self.health or 0, str(self.health))


class Check:
    """One run over all endpoints, against one deadline."""

    def __init__(
        self,
        clients: Sequence[Client],
        timeout: float,
        clock: Optional[Clock] = None,
        maintenance: bool = False,
        stable: float = 0.0,
    ) -> None:
        self.clients = list(clients)
        if not self.clients:
            # Nothing that is asked is nothing that is unhealthy.
            raise InputError('option "endpoints": is empty, so nothing would be proven; give the URL of every server')
        self.maintenance = maintenance
        self.stable = stable
        self.verdicts = {client.endpoint: Verdict(client.endpoint) for client in self.clients}
        self.clock = clock or Clock()
        self.deadline = self.clock.now() + timeout

    def run(self, objects: bool = True) -> list[dict[str, Any]]:
        """Every endpoint's verdict; the first thing that is wrong raises."""
        self._wait_for_health()
        self._refuse_defaults()
        if objects:
            self._compare_objects()
        return self.report()

    def look(self) -> list[dict[str, Any]]:
        """The health as it is now, whatever it is."""
        self._health()
        return self.report()

    def report(self) -> list[dict[str, Any]]:
        """All verdicts as data."""
        return [
            {
                "endpoint": verdict.endpoint,
                "healthy": verdict.health == 200,
                "state": verdict.state,
                "write_quorum": verdict.write_quorum,
                "default_credentials_refused": verdict.defaults_refused,
                "objects_equal": verdict.objects_equal,
            }
            for verdict in self.verdicts.values()
        ]

    def _left(self) -> float:
        return max(0.0, self.deadline - self.clock.now())

    def _each(self, ask: Callable[[Client], Result]) -> list[Result]:
        """Ask all endpoints at once: those that do not answer take their whole time-out."""
        with ThreadPoolExecutor(min(WORKERS, len(self.clients))) as pool:
            return list(pool.map(ask, self.clients))

    def _health(self) -> dict[str, str]:
        self._each(self._look_at)
        return {verdict.endpoint: verdict.state for verdict in self.verdicts.values()}

    def _look_at(self, client: Client) -> None:
        verdict = self.verdicts[client.endpoint]
        try:
            answer = replace(client, credentials=None, timeout=min(client.timeout, 5.0)).health(
                "cluster", self.maintenance
            )
        except S3Error as error:
            verdict.health, verdict.health_error = None, f"no answer ({error.message})"
            return
        quorum = answer.headers.get("x-minio-write-quorum", "")
        verdict.health, verdict.health_error = answer.status, None
        verdict.write_quorum = int(quorum) if quorum.isdigit() else None

    def _wait_for_health(self) -> None:
        since: list[float] = []

        def healthy(_states: dict[str, str]) -> bool:
            if not all(verdict.health == 200 for verdict in self.verdicts.values()):
                since.clear()
                return False
            since.append(self.clock.now())
            return since[-1] - since[0] >= self.stable

        def show(states: dict[str, str]) -> str:
            return ", ".join(f"{endpoint} {state}" for endpoint, state in states.items())

        what = "/minio/health/cluster to be 200 on every endpoint"
        wait_until(self._health, healthy, self._left(), what, 1.0, self.clock, show)

    def _refuse_defaults(self) -> None:
        """A server that missed its secrets starts with credentials that everybody knows."""

        def refused(client: Client) -> bool:
            try:
                self._patiently(replace(client, credentials=DEFAULTS).buckets, "an answer to the default credentials")
            except S3Error as error:
                if error.code in DENIED:
                    return True
                raise
            return False

        for client, answer in zip(self.clients, self._each(refused)):
            self.verdicts[client.endpoint].defaults_refused = answer
        open_ones = [endpoint for endpoint, verdict in self.verdicts.items() if not verdict.defaults_refused]
        if open_ones:
            raise CheckFailed(
                f"{', '.join(open_ones)}: MinIO's default credentials can log in: the root credentials did not reach "
                "MinIO, or are the defaults; look at the service's secrets, and keep clients away until this is mended",
                self.report(),
            )

    def _compare_objects(self) -> None:
        bucket = f"overlay-check-{os.urandom(8).hex()}"
        first, second = self.clients[0], self.clients[-1]
        small = os.urandom(SMALL)
        large = [os.urandom(PART), os.urandom(SMALL)]
        try:
            self._patiently(partial(_make, first, bucket), "a bucket to be made")
            self._patiently(lambda: first.put(bucket, "object", small), "an object to be stored", UNSEEN)
            self._patiently(
                lambda: _multipart(second, bucket, "parts", large), "an object to be stored in parts", UNSEEN
            )
            self._compare(bucket, {"object": small, "parts": b"".join(large)})
        except OverlayError:
            # What went wrong is what the user has to read, not that cleaning up went wrong as well.
            with suppress(OverlayError):
                self._clean(first, bucket)
            raise
        self._clean(first, bucket)

    def _compare(self, bucket: str, contents: dict[str, bytes]) -> None:
        for key, content in contents.items():
            wanted = hashlib.sha256(content).hexdigest()
            for client in self.clients:
                found = self._patiently(partial(client.sha256, bucket, key), f"{key} to be read", UNSEEN)
                self.verdicts[client.endpoint].objects_equal[key] = found == wanted
        wrong = [
            f"{verdict.endpoint} ({key})"
            for verdict in self.verdicts.values()
            for key, equal in verdict.objects_equal.items()
            if not equal
        ]
        if wrong:
            raise CheckFailed(
                f"{', '.join(wrong)}: what was read differs from what was stored; look at the servers' logs and drives",
                self.report(),
            )

    def _patiently(self, call: Callable[[], Result], what: str, passing: Sequence[str] = ()) -> Result:
        """Again until the deadline where the cluster is only just coming back; ``passing``: codes that say so, too."""
        results: list[Result] = []

        def probe() -> Optional[S3Error]:
            try:
                results.append(call())
            except S3Error as error:
                if not error.passing and error.code not in passing:
                    raise
                return error
            return None

        wait_until(probe, lambda error: error is None, self._left(), what, 1.0, self.clock)
        return results[0]

    def _clean(self, client: Client, bucket: str) -> None:
        """Leave nothing behind, also where the bucket was made by a request that seemed to fail."""

        def remove() -> None:
            if bucket not in client.buckets():
                return
            for key, upload in client.uploads(bucket):
                client.abort_upload(bucket, key, upload)
            for key in client.keys(bucket):
                client.delete(bucket, key)
            client.remove_bucket(bucket)

        self.deadline = max(self.deadline, self.clock.now() + GRACE)
        self._patiently(remove, f"the test bucket {bucket} to be removed")


def _make(client: Client, bucket: str) -> None:
    """The name is nobody else's: where it exists, an earlier try was heard after all."""
    try:
        client.make_bucket(bucket)
    except S3Error as error:
        if error.code != "BucketAlreadyOwnedByYou":
            raise


def _multipart(client: Client, bucket: str, key: str, parts: Sequence[bytes]) -> None:
    with _upload(client, bucket, key) as upload:
        etags = [client.put_part(bucket, key, upload, number, part) for number, part in enumerate(parts, 1)]
        client.finish_upload(bucket, key, upload, etags)


@contextmanager
def _upload(client: Client, bucket: str, key: str) -> Iterator[str]:
    upload = client.start_upload(bucket, key)
    try:
        yield upload
    except S3Error:
        with suppress(S3Error):
            client.abort_upload(bucket, key, upload)
        raise
