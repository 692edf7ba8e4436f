# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 through every endpoint, by a user who may do nothing but this: temporary, and bound to the checks' own buckets.

Root's credentials are used to ask for that user, and for nothing else. The answer to that holds the user's secret: it
comes over TLS or from this host's own server, whose answer never leaves the host. Such a user is kept for a day: MinIO
makes none while two of its servers do not hear each other, though it stores and reads, and a report is wanted most just
then. A manager that has neither asks another host in clear text, for the shortest time that MinIO grants, and keeps
nothing. Later requests are signed, and no secret is in them.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable, Optional, TypeVar
from urllib.parse import urlsplit

from ..s3.check import DEFAULTS, DENIED
from ..s3.client import Client, S3Error
from ..s3.kept import keep_user, read_user
from ..s3.sigv4 import Credentials

# Every bucket of the checks begins with this, and the user may touch no other.
PREFIX = "overlay-check-"
USER_SECONDS = 86400
# MinIO grants no less.
CLEAR_SECONDS = 900
BUCKET = ("CreateBucket", "DeleteBucket", "ListBucket")
OBJECT = ("DeleteObject", "GetObject", "PutObject")
HEALTH = ("live", "cluster", "cluster/read")
SIZE = 1 << 16
# How long a client's URLs work.
OFFER_SECONDS = 300
WORKERS = 32

Result = dict[str, Any]
Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Settings:
    """Which servers, and the bucket that is the check's own."""

    endpoints: Sequence[str]
    bucket: str
    timeout: float = 10.0
    ca_path: Optional[str] = None
    validate_certs: bool = True

    def client(self, endpoint: str, credentials: Optional[Credentials] = None) -> Client:
        """One endpoint."""
        return Client(endpoint, credentials, self.timeout, self.validate_certs, self.ca_path)


def policy() -> dict[str, Any]:
    """What the checks do in their own buckets, and a look at the drives."""
    arn = f"arn:aws:s3:::{PREFIX}*"
    statements = [
        {"Effect": "Allow", "Action": [f"s3:{action}" for action in BUCKET], "Resource": [arn]},
        {"Effect": "Allow", "Action": [f"s3:{action}" for action in OBJECT], "Resource": [f"{arn}/*"]},
        {"Effect": "Allow", "Action": ["admin:StorageInfo"]},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def scoped_user(settings: Settings, root: Credentials) -> tuple[Optional[Credentials], str]:
    """The temporary user: the one that is kept, or from the first endpoint that gives one; or why there is none.

    Those whose answer only this host can read are asked first.
    """
    kept = read_user(policy())
    if kept and not _denied(settings, kept):
        return kept, ""

    lifetime = {one: USER_SECONDS if is_private(settings, one) else CLEAR_SECONDS for one in settings.endpoints}
    endpoints = sorted(lifetime, key=lambda one: lifetime[one] == CLEAR_SECONDS)

    def ask(endpoint: str) -> tuple[Optional[Credentials], str]:
        try:
            return settings.client(endpoint, root).assume(policy(), lifetime[endpoint]), ""
        except S3Error as error:
            return None, f"the check's user cannot be made: {error}"

    # One is enough; the others are asked at once, so that a stalled cluster takes two time-outs and not one each.
    answers = [ask(endpoint) for endpoint in endpoints[:1]]
    if answers and not answers[0][0]:
        answers += each(endpoints[1:], ask)
    made = [(user, lifetime[endpoint]) for endpoint, (user, _error) in zip(endpoints, answers) if user]
    if not made:
        return None, answers[0][1] if answers else "there is no endpoint"
    user, seconds = made[0]
    if seconds == USER_SECONDS:
        keep_user(user, seconds, policy())
    return user, ""


def is_private(settings: Settings, endpoint: str) -> bool:
    """Whether the answer of the endpoint can be read only here: TLS that is verified, or this host itself."""
    parts = urlsplit(endpoint)
    return (parts.scheme == "https" and settings.validate_certs) or is_here(parts.hostname or "")


def is_here(address: str) -> bool:
    """Whether an address is this host's own: the kernel sends to such a one from that very address."""
    try:
        found = ipaddress.ip_address(address)
        with socket.socket(socket.AF_INET6 if found.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Of UDP this sends nothing.
            probe.connect((address, 9))
            return found.is_loopback or ipaddress.ip_address(probe.getsockname()[0]) == found
    except (OSError, ValueError):
        return False


def _denied(settings: Settings, user: Credentials) -> bool:
    """Whether the servers know the user no more, as after a deployment that was made anew; silence says nothing."""
    for endpoint in settings.endpoints:
        try:
            settings.client(endpoint, user).head(settings.bucket)
        except S3Error as error:
            if not error.status:
                continue
            return error.status == 403
        return False
    return False


def each(items: Sequence[Item], work: Callable[[Item], Found]) -> list[Found]:
    """All at once: one that does not answer takes its whole time-out."""
    with ThreadPoolExecutor(max(1, min(WORKERS, len(items)))) as pool:
        return list(pool.map(work, items))


def health(settings: Settings) -> dict[str, Result]:
    """``status`` or ``error`` of each health call, by endpoint."""

    def ask(endpoint: str) -> Result:
        found: Result = {}
        for check in HEALTH:
            try:
                found[check] = {"status": settings.client(endpoint).health(check).status}
            except S3Error as error:
                return {one: found.get(one, {"error": error.message or "no answer"}) for one in HEALTH}
        return found

    return dict(zip(settings.endpoints, each(settings.endpoints, ask)))


def offer(settings: Settings, root: Credentials) -> Result:
    """Whether this host can let a client in: it has the check's user, and made the bucket."""
    user, error = scoped_user(settings, root)
    if not user:
        return {"error": error}
    reasons = []
    for endpoint in settings.endpoints:
        try:
            make(settings.client(endpoint, user), settings.bucket)
        except S3Error as refusal:
            reasons.append(str(refusal))
            continue
        return {"error": ""}
    return {"error": "; ".join(reasons)}


def sign(settings: Settings, root: Credentials, clients: Sequence[str]) -> Result:
    """The URLs by which a client without credentials stores and reads through every endpoint: secrets for a while."""
    user, error = scoped_user(settings, root)
    if not user:
        return {"error": error, "offers": []}
    return {"error": "", "offers": [_urls(settings, user, clients, number) for number in range(len(clients))]}


def _urls(settings: Settings, user: Credentials, clients: Sequence[str], number: int) -> Result:
    """What one endpoint is asked for: its own object, and the one that went in through its neighbour."""
    client = settings.client(clients[number], user)

    def url(method: str, whose: int) -> str:
        return client.presign(method, settings.bucket, f"client-{whose % len(clients)}", OFFER_SECONDS)

    return {
        "endpoint": clients[number],
        "put": url("PUT", number),
        "get": url("GET", number),
        "neighbour": url("GET", number - 1),
    }


def make(client: Client, bucket: str) -> None:
    """The name is nobody else's: where it exists, it is ours."""
    try:
        client.make_bucket(bucket)
    except S3Error as error:
        if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def visit(settings: Settings, offers: Sequence[Result]) -> dict[str, Result]:
    """Use what was offered, as a client does: store through each endpoint, then read."""
    bodies = [os.urandom(SIZE) for _offer in offers]
    numbers = range(len(offers))

    def follow(number: int, what: str, body: bytes = b"") -> tuple[bytes, str]:
        try:
            method = "PUT" if what == "put" else "GET"
            return settings.client("").follow(method, offers[number][what], body), ""
        except S3Error as error:
            return b"", error.message or str(error)

    stored = each(numbers, lambda number: follow(number, "put", bodies[number])[1])

    def read(number: int) -> str:
        if stored[number]:
            return ""
        for what, whose in (("get", number), ("neighbour", (number - 1) % len(offers))):
            body, error = follow(number, what) if not stored[whose] else (bodies[whose], "")
            if error:
                return error
            if body != bodies[whose]:
                return f"what was stored through {offers[whose]['endpoint']} came back different"
        return ""

    reads = each(numbers, read)
    return {one["endpoint"]: {"write": stored[number], "read": reads[number]} for number, one in enumerate(offers)}


def examine(settings: Settings, root: Credentials) -> Result:
    """What holds through every endpoint; errors are sentences, an empty one is a pass. Leaves nothing behind."""
    user, error = scoped_user(settings, root)
    if not user:
        return {"error": error, "endpoints": {}}
    bodies = {endpoint: os.urandom(SIZE) for endpoint in settings.endpoints}
    try:
        for endpoint in settings.endpoints:
            with suppress(S3Error):
                make(settings.client(endpoint, user), settings.bucket)
                break
        found = each(settings.endpoints, lambda endpoint: _through(settings, user, endpoint, bodies[endpoint]))
        stored = [endpoint for endpoint, one in zip(settings.endpoints, found) if not one["write"]]
        reads = each(settings.endpoints, lambda endpoint: _read(settings, user, endpoint, stored, bodies))
        for one, read in zip(found, reads):
            one["read"] = read if not one["write"] or read is None else (read or one["write"])
    finally:
        left = clean(settings, user)
    return {
        "error": "",
        "endpoints": dict(zip(settings.endpoints, found)),
        "left_behind": left,
        "storage": storage(settings, user),
    }


# Of what MinIO says of a drive, what the checks are about.
DISK = ("endpoint", "state", "healing", "totalspace", "usedspace", "availspace", "used_inodes", "free_inodes")
PLACE = ("pool_index", "set_index")
HEALED = ("objects_healed", "items_healed", "bytes_done", "objects_total_size")


def storage(settings: Settings, user: Credentials) -> Result:
    """Every drive as MinIO has it; of several answers, the one of the server that reaches most of them."""

    def ask(endpoint: str) -> tuple[list[Result], str]:
        try:
            return [_disk(disk) for disk in settings.client(endpoint, user).storage_info()["Disks"]], ""
        except (S3Error, KeyError, ValueError) as error:
            return [], str(error)

    answers = each(settings.endpoints, ask)
    heard = [disks for disks, error in answers if not error]
    reasons = [error for _disks, error in answers if error]
    if not heard:
        return {"error": reasons[0] if reasons else "there is no endpoint", "disks": []}
    return {"error": "", "disks": max(heard, key=lambda disks: sum(disk["state"] == "ok" for disk in disks))}


def _disk(told: Result) -> Result:
    heal = told.get("heal_info") or {}
    return {
        **{name: told.get(name) for name in DISK},
        **{name: told.get(name, 0) for name in PLACE},
        "healed": {name: heal.get(name, 0) for name in HEALED} if heal else {},
    }


def _name(settings: Settings, endpoint: str) -> str:
    return f"object-{settings.endpoints.index(endpoint)}"


def _through(settings: Settings, user: Credentials, endpoint: str, body: bytes) -> Result:
    """One object stored, the user refused elsewhere, and the default credentials refused altogether."""
    client = settings.client(endpoint, user)
    try:
        client.put(settings.bucket, _name(settings, endpoint), body)
    except S3Error as error:
        reason = error.message or str(error)
        if not error.status:
            return {"write": reason, "confined": None, "defaults": None}
        return {"write": reason, "confined": _confined(settings, client), "defaults": _defaults(settings, endpoint)}
    return {"write": "", "confined": _confined(settings, client), "defaults": _defaults(settings, endpoint)}


def _read(settings: Settings, user: Credentials, endpoint: str, stored: Iterable[str], bodies: dict[str, bytes]) -> str:
    """Whether one endpoint serves what went in through all of them."""
    client = settings.client(endpoint, user)
    read = 0
    for source in stored:
        try:
            body = b"".join(client.get(settings.bucket, _name(settings, source)))
        except S3Error as error:
            return f"what was stored through {source} cannot be read: {error.message or error}"
        if body != bodies[source]:
            return f"what was stored through {source} came back different"
        read += 1
    return "" if read else "nothing could be stored, so nothing was read"


def _said(error: S3Error) -> Optional[str]:
    return error.message or str(error) if error.status else None


def _confined(settings: Settings, client: Client) -> Optional[str]:
    """The user may neither see nor make any other bucket; None where no answer came, which proves nothing."""
    elsewhere = f"not-{settings.bucket}"
    try:
        others = [bucket for bucket in client.buckets() if not bucket.startswith(PREFIX)]
    except S3Error as error:
        if error.code not in DENIED:
            return _said(error)
        others = []
    if others:
        return f"the check's user can list {len(others)} buckets of others"
    try:
        client.make_bucket(elsewhere)
    except S3Error as error:
        return "" if error.code in DENIED else _said(error)
    with suppress(S3Error):
        client.remove_bucket(elsewhere)
    return "the check's user can make a bucket of any name"


def _defaults(settings: Settings, endpoint: str) -> Optional[str]:
    """MinIO's default credentials must not log in; None where no answer came.

    A server asks all others about a user that it does not know, and waits for those that it does not hear.
    """
    try:
        settings.client(endpoint, DEFAULTS).buckets()
    except S3Error as error:
        return "" if error.code in DENIED else _said(error)
    return "MinIO's default credentials can log in"


def clean(settings: Settings, user: Credentials) -> str:
    """Remove the bucket and all that is in it, through whichever endpoint can."""
    reasons = []
    for endpoint in settings.endpoints:
        client = settings.client(endpoint, user)
        try:
            for key in client.keys(settings.bucket):
                client.delete(settings.bucket, key)
            client.remove_bucket(settings.bucket)
            return ""
        except S3Error as error:
            if error.code == "NoSuchBucket":
                return ""
            reasons.append(str(error))
    return f"bucket {settings.bucket} could not be removed: {'; '.join(reasons)}"


def clear(settings: Settings, root: Credentials) -> str:
    """The same, for a manager that only offered."""
    user, error = scoped_user(settings, root)
    return clean(settings, user) if user else error
