# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small S3 client over the standard library: one endpoint, one request at a time, bodies streamed both ways."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import IO, Any, Optional, Union
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

from ..errors import OverlayError
from .sigv4 import UNSIGNED, Credentials, Request, presign, sign

CHUNK = 1 << 18
STS_VERSION = "2011-06-15"
STS_FIELDS = ("AccessKeyId", "SecretAccessKey", "SessionToken")
# What a cluster answers while its quorum is just being lost or found again.
PASSING = (
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "ServiceUnavailable",
    "XMinioServerNotInitialized",
    "InternalError",
)

Body = Union[bytes, IO[bytes]]
Query = Sequence[tuple[str, str]]


class S3Error(OverlayError):
    """The endpoint said no (``status``, ``code``), or did not answer (status 0)."""

    def __init__(self, endpoint: str, what: str, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        answer = f"{status} {code}".strip() if status else "no answer"
        super().__init__(f"{endpoint}: {what}: {message or 'no reason given'} ({answer})")

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return self.status == 0 or self.code in PASSING or self.status in (502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Client:
    """One endpoint, for example http://127.0.0.1:9000; without credentials its requests are anonymous."""

    endpoint: str
    credentials: Optional[Credentials] = None
    timeout: float = 30.0
    validate_certs: bool = True
    ca_path: Optional[str] = None
    region: str = "us-east-1"
    service: str = "s3"

    def make_bucket(self, bucket: str) -> None:
        """A new bucket; one that is there already is an error."""
        self._call("PUT", f"/{bucket}")

    def remove_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        self._call("DELETE", f"/{bucket}")

    def buckets(self) -> list[str]:
        """The names of all buckets that these credentials may list."""
        return _texts(self._call("GET", "/").body, "Buckets/Bucket/Name")

    def put(self, bucket: str, key: str, body: Body, length: Optional[int] = None) -> str:
        """Store an object and return its ETag; a stream needs its length."""
        return self._call("PUT", f"/{bucket}/{key}", body=body, length=length).headers.get("etag", "").strip('"')

    def get(self, bucket: str, key: str) -> Iterator[bytes]:
        """The object, chunk by chunk."""
        with self._open("GET", f"/{bucket}/{key}") as response:
            yield from iter(lambda: response.read(CHUNK), b"")

    def sha256(self, bucket: str, key: str) -> str:
        """The SHA-256 of what this endpoint serves."""
        summed = hashlib.sha256()
        for chunk in self.get(bucket, key):
            summed.update(chunk)
        return summed.hexdigest()

    def head(self, bucket: str, key: str = "") -> Answer:
        """What is known of an object, or whether a bucket is there."""
        return self._call("HEAD", f"/{bucket}/{key}" if key else f"/{bucket}")

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is no error in S3."""
        self._call("DELETE", f"/{bucket}/{key}")

    def keys(self, bucket: str, prefix: str = "") -> Iterator[str]:
        """The names of all objects, page by page."""
        more: Query = ()
        while True:
            page = self._call("GET", f"/{bucket}", [("list-type", "2"), ("prefix", prefix), *more]).body
            yield from _texts(page, "Contents/Key")
            token = _texts(page, "NextContinuationToken")
            if not token:
                return
            more = [("continuation-token", token[0])]

    def start_upload(self, bucket: str, key: str) -> str:
        """Begin a multipart upload."""
        return _texts(self._call("POST", f"/{bucket}/{key}", [("uploads", "")]).body, "UploadId")[0]

    def put_part(
        self, bucket: str, key: str, upload: str, number: int, body: Body, length: Optional[int] = None
    ) -> str:
        """Store a part, and return the ETag by which it is named in the end."""
        query = [("partNumber", str(number)), ("uploadId", upload)]
        return self._call("PUT", f"/{bucket}/{key}", query, body, length).headers.get("etag", "").strip('"')

    def finish_upload(self, bucket: str, key: str, upload: str, etags: Sequence[str]) -> None:
        """Make one object of the parts."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = self._call("POST", f"/{bucket}/{key}", [("uploadId", upload)], body)
        # This call may say 200 first and fail afterwards.
        if answer.body.lstrip().endswith(b"</Error>"):
            raise self._error("POST", f"/{bucket}/{key}", answer.status, answer.body)

    def abort_upload(self, bucket: str, key: str, upload: str) -> None:
        """Give the parts up."""
        self._call("DELETE", f"/{bucket}/{key}", [("uploadId", upload)])

    def uploads(self, bucket: str) -> list[tuple[str, str]]:
        """The unfinished uploads of a bucket, as key and ID."""
        page = self._call("GET", f"/{bucket}", [("uploads", "")]).body
        return list(zip(_texts(page, "Upload/Key"), _texts(page, "Upload/UploadId")))

    def health(self, check: str = "cluster", maintenance: bool = False) -> Answer:
        """``live``, ``ready``, ``cluster`` or ``cluster/read``; any status is an answer.

        ``maintenance``: whether the cluster could do without this server (412 where it could not).
        """
        query = [("maintenance", "true")] if maintenance else []
        with self._exchange("GET", f"/minio/health/{check}", query, b"", None) as response:
            return Answer(response.status, _headers(response), response.read())

    def storage_info(self) -> dict[str, Any]:
        """Every drive as this server reaches it: its state, its room, and whether it is being healed."""
        answer: dict[str, Any] = json.loads(self._call("GET", "/minio/admin/v3/storageinfo").body)
        return answer

    def assume(self, policy: Mapping[str, object], seconds: int = 900) -> Credentials:
        """Credentials that end by themselves and may do what the policy says, and no more."""
        form = {"Action": "AssumeRole", "Version": STS_VERSION, "DurationSeconds": str(seconds)}
        body = urlencode({**form, "Policy": json.dumps(policy)}).encode()
        sts = replace(self, service="sts")
        answer = sts._call("POST", "/", body=body, content_type="application/x-www-form-urlencoded").body
        found = {name: "".join(_texts(answer, f"AssumeRoleResult/Credentials/{name}")) for name in STS_FIELDS}
        if not all(found.values()):
            raise S3Error(self.endpoint, "POST / AssumeRole", 200, "", "the answer holds no credentials")
        return Credentials(*found.values())

    def presign(self, method: str, bucket: str, key: str, seconds: int) -> str:
        """A URL with which somebody without credentials can do this one thing through this endpoint."""
        if not self.credentials:
            raise ValueError("a URL is signed with credentials; this client has none")
        request = Request(method, urlsplit(self.endpoint).netloc, f"/{bucket}/{key}")
        target = presign(request, self.credentials, datetime.now(timezone.utc), seconds, self.region)
        return f"{self.endpoint}{target}"

    def follow(self, method: str, url: str, body: bytes = b"") -> bytes:
        """Use such a URL."""
        parts = urlsplit(url)
        bare = replace(self, endpoint=f"{parts.scheme}://{parts.netloc}", credentials=None)
        return bare._call(method, parts.path, parse_qsl(parts.query, keep_blank_values=True), body).body

    def _call(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Body = b"",
        length: Optional[int] = None,
        content_type: str = "",
    ) -> Answer:
        with self._open(method, path, query, body, length, content_type) as response:
            return Answer(response.status, _headers(response), response.read())

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        query: Query = (),
        body: Body = b"",
        length: Optional[int] = None,
        content_type: str = "",
    ) -> Iterator[http.client.HTTPResponse]:
        with self._exchange(method, path, query, body, length, content_type) as response:
            if response.status >= 300:
                raise self._error(method, path, response.status, response.read())
            yield response

    @contextmanager
    def _exchange(
        self, method: str, path: str, query: Query, body: Body, length: Optional[int], content_type: str = ""
    ) -> Iterator[http.client.HTTPResponse]:
        connection = None
        try:
            connection = self._connection()
            request = self._request(method, path, query, body, length)
            if content_type:
                request = replace(request, headers={**request.headers, "Content-Type": content_type})
            headers = dict(request.headers)
            if self.credentials:
                headers = sign(request, self.credentials, datetime.now(timezone.utc), self.region, self.service)
            connection.request(method, request.target, body=body or None, headers=headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise S3Error(self.endpoint, f"{method} {path}", 0, "", str(error) or type(error).__name__) from error
        finally:
            if connection:
                connection.close()

    def _request(self, method: str, path: str, query: Query, body: Body, length: Optional[int]) -> Request:
        size, payload = length, UNSIGNED
        if isinstance(body, bytes):
            size, payload = len(body), hashlib.sha256(body).hexdigest()
        headers = {"Content-Length": str(size)} if method in ("PUT", "POST") else {}
        return Request(method, urlsplit(self.endpoint).netloc, path, query, headers, payload)

    def _connection(self) -> http.client.HTTPConnection:
        url = urlsplit(self.endpoint)
        if url.scheme != "https":
            return http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=self.timeout)
        context = ssl.create_default_context(cafile=self.ca_path)
        if not self.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(url.hostname or "", url.port or 443, timeout=self.timeout, context=context)

    def _error(self, method: str, path: str, status: int, body: bytes) -> S3Error:
        code, message = (_texts(body, name)[:1] for name in ("Code", "Message"))
        return S3Error(self.endpoint, f"{method} {path}", status, "".join(code), "".join(message))


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _texts(document: bytes, path: str) -> list[str]:
    """The texts at a path of an answer, in whatever namespace it came."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return []
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    return [found.text or "" for found in root.findall(steps)]
