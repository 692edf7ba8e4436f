# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Signature Version 4 as S3 wants it: pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
DATE = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Credentials:
    """Who signs; the password is kept out of what Python prints. Temporary ones come with a token."""

    user: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Request:
    """What is signed: the host, the path and the query as they are before they are quoted."""

    method: str
    host: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    payload_hash: str = hashlib.sha256(b"").hexdigest()

    @property
    def target(self) -> str:
        """The path and the query as they go over the wire; signed in just this form."""
        return f"{quote(self.path, safe='/~')}{'?' if self.query else ''}{self.quoted_query}"

    @property
    def quoted_query(self) -> str:
        """The query in the order that the signature wants."""
        pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in self.query)
        return "&".join(f"{name}={value}" for name, value in pairs)


def sign(
    request: Request, credentials: Credentials, when: datetime, region: str = "us-east-1", service: str = "s3"
) -> dict[str, str]:
    """The headers to send; ``when`` is in UTC."""
    headers = {
        **request.headers,
        "Host": request.host,
        "x-amz-content-sha256": request.payload_hash,
        "x-amz-date": when.strftime(DATE),
        **({"x-amz-security-token": credentials.token} if credentials.token else {}),
    }
    scope = f"{when:%Y%m%d}/{region}/{service}/aws4_request"
    names, signature = _signature(request, headers, credentials, scope)
    headers["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.user}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return headers


def presign(request: Request, credentials: Credentials, when: datetime, seconds: int, region: str = "us-east-1") -> str:
    """The target, for whoever has it and for so long, of a request without a header but for its host."""
    scope = f"{when:%Y%m%d}/{region}/s3/aws4_request"
    query = [
        *request.query,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.user}/{scope}"),
        ("X-Amz-Date", when.strftime(DATE)),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", "host"),
        *([("X-Amz-Security-Token", credentials.token)] if credentials.token else []),
    ]
    open_request = replace(request, query=query, payload_hash=UNSIGNED)
    headers = {"Host": request.host, "x-amz-date": when.strftime(DATE)}
    _names, signature = _signature(open_request, headers, credentials, scope, only=("host",))
    return f"{open_request.target}&X-Amz-Signature={signature}"


def _signature(
    request: Request, headers: Mapping[str, str], credentials: Credentials, scope: str, only: Sequence[str] = ()
) -> tuple[str, str]:
    """The names of the headers that are signed, and the signature."""
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed = {name: value for name, value in signed.items() if not only or name in only}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            request.method,
            quote(request.path, safe="/~"),
            request.quoted_query,
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            request.payload_hash,
        ]
    )
    text = "\n".join([ALGORITHM, headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.password}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return names, _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
