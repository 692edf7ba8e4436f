# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signatures of the four examples in Amazon's S3 documentation (Signature Calculations: Header-Based)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.sigv4 import Credentials, Request, sign

WHEN = datetime(2013, 5, 24, tzinfo=timezone.utc)
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "examplebucket.s3.amazonaws.com"
WELCOME = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
EXAMPLES = [
    (
        Request("GET", HOST, "/test.txt", headers={"Range": "bytes=0-9"}),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        Request(
            "PUT",
            HOST,
            "/test$file.text",
            headers={"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            payload_hash=WELCOME,
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    (
        Request("GET", HOST, "/", [("lifecycle", "")]),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    (
        Request("GET", HOST, "/", [("prefix", "J"), ("max-keys", "2")]),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
]


@pytest.mark.parametrize(("request_", "signature"), EXAMPLES)
def test_signatures_are_those_of_the_documentation(request_, signature):
    assert sign(request_, CREDENTIALS, WHEN)["Authorization"].endswith(f"Signature={signature}")


def test_the_password_is_neither_sent_nor_printed():
    headers = sign(EXAMPLES[0][0], CREDENTIALS, WHEN)
    assert CREDENTIALS.password not in f"{headers} {CREDENTIALS!r}"
