# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof against servers that answer as MinIO does, some of them badly: real HTTP on the loopback."""

from __future__ import annotations

import re
import socket
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.check import Check
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.client import Client, S3Error
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.sigv4 import Credentials
from still_clock import StillClock

USER = "labroot"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Store:
    """What all servers share, and the ways in which a server misbehaves: (server, method) to answers to give first."""

    def __init__(self):
        self.buckets, self.uploads, self.requests = defaultdict(dict), {}, []
        self.called = set()
        self.faults = defaultdict(list)
        self.users = {USER}
        self.corrupt = set()


class Server(BaseHTTPRequestHandler):
    """As much of S3 as the check uses."""

    def answer(self):
        store, number = self.server.store, self.server.number
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store.requests.append((number, self.command, url.path))
        store.called.add(self.headers["Host"])
        if url.path.startswith("/minio/health/"):
            faults = store.faults[number, "health"]
            return self.reply(faults.pop(0) if faults else 200, b"", {"X-Minio-Write-Quorum": "5"})
        user = re.search(r"Credential=([^/]+)/", self.headers["Authorization"])[1]
        if user not in store.users:
            return self.refuse(403, "InvalidAccessKeyId")
        if store.faults[number, self.command]:
            return self.refuse(*store.faults[number, self.command].pop(0))
        bucket, key = (unquote(url.path).lstrip("/") + "/").split("/", 1)
        return getattr(self, f"on_{self.command.lower()}")(store, bucket, key.rstrip("/"), query, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def on_get(self, store, bucket, key, query, _body):
        if key:
            content = store.buckets[bucket][key]
            return self.reply(200, content[:-1] + b"?" if self.server.number in store.corrupt else content)
        if not bucket:
            return self.list(
                "ListAllMyBucketsResult", [f"<Bucket><Name>{name}</Name></Bucket>" for name in store.buckets], "Buckets"
            )
        if "uploads" in query:
            found = [
                f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId></Upload>"
                for upload, key in store.uploads.items()
            ]
            return self.list("ListMultipartUploadsResult", found)
        return self.list(
            "ListBucketResult", [f"<Contents><Key>{key}</Key></Contents>" for key in store.buckets[bucket]]
        )

    def on_put(self, store, bucket, key, query, body):
        if not key:
            store.buckets[bucket] = {}
        elif "uploadId" in query:
            store.buckets[bucket].setdefault(key, b"")
            store.buckets[bucket][key] += body
        else:
            store.buckets[bucket][key] = body
        return self.reply(200, b"", {"ETag": '"etag"'})

    def on_post(self, store, _bucket, key, query, _body):
        if "uploads" in query:
            store.uploads["one"] = key
            return self.list("InitiateMultipartUploadResult", ["<UploadId>one</UploadId>"])
        store.uploads.clear()
        return self.list("CompleteMultipartUploadResult", [])

    def on_delete(self, store, bucket, key, query, _body):
        if "uploadId" in query:
            store.uploads.clear()
        elif key:
            del store.buckets[bucket][key]
        else:
            del store.buckets[bucket]
        return self.reply(204, b"")

    def list(self, root, entries, inner=""):
        text = "".join(entries)
        text = f"<{inner}>{text}</{inner}>" if inner else text
        return self.reply(200, f'<{root} xmlns="{NAMESPACE}">{text}</{root}>'.encode())

    def refuse(self, status, code):
        return self.reply(status, f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode())

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clients(store):
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Server) for _number in range(3)]
    for number, server in enumerate(servers):
        server.store, server.number = store, number
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield [Client(f"http://127.0.0.1:{server.server_port}", Credentials(USER, "labpassword")) for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


class Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def test_a_server_of_ipv6_is_called_as_its_url_says(store):
    """A request is signed for that name of the server."""
    with Server6(("::1", 0), Server) as server:
        server.store, server.number = store, 0
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = Client(f"http://[::1]:{server.server_port}", Credentials(USER, "labpassword"))
        (entry,) = check([client]).run()
        url = client.presign("PUT", "bucket", "key", 60)
        Client("").follow("GET", f"{client.endpoint}/minio/health/live")
        server.shutdown()
    assert entry["objects_equal"] == {"object": True, "parts": True}
    assert url.startswith(f"{client.endpoint}/bucket/key?")
    assert store.called == {f"[::1]:{server.server_port}"}


def check(clients, timeout=20.0):
    return Check(clients, timeout, StillClock())


def test_what_works_is_proven_on_every_endpoint_and_nothing_stays(store, clients):
    report = check(clients).run()
    assert [entry["objects_equal"] for entry in report] == [{"object": True, "parts": True}] * 3
    assert all(entry["healthy"] and entry["default_credentials_refused"] for entry in report)
    assert {entry["write_quorum"] for entry in report} == {5}
    assert store.buckets == {}


def test_servers_that_come_back_are_waited_for(store, clients):
    store.faults[1, "health"] = [503, 503]
    store.faults[0, "PUT"] = [(503, "SlowDownWrite")] * 3
    store.faults[2, "GET"] = [(503, "SlowDownRead")]
    assert all(entry["objects_equal"]["object"] for entry in check(clients).run())
    assert store.buckets == {}


def test_a_server_that_does_not_find_yet_what_was_stored_is_asked_again_until_the_time_is_up(store, clients):
    store.faults[1, "GET"] = [(404, "NoSuchKey")] * 8
    store.faults[2, "POST"] = [(404, "NoSuchBucket")]
    assert all(entry["objects_equal"] == {"object": True, "parts": True} for entry in check(clients).run())
    store.faults[1, "GET"] = [(404, "NoSuchKey")] * 99
    with pytest.raises(OverlayError, match=r"waiting for object to be read; last seen: .*NoSuchKey"):
        check(clients).run()
    assert store.buckets == {}


def test_health_has_to_hold_for_as_long_as_asked(store, clients):
    store.faults[1, "health"] = [200, 200, 503]
    Check(clients, 60, StillClock(), stable=5).run(objects=False)
    assert store.requests.count((1, "GET", "/minio/health/cluster")) == 3 + 6


def test_a_time_out_says_what_was_seen_last_of_each(store, clients):
    store.faults[1, "health"] = [503] * 99
    with pytest.raises(OverlayError) as caught:
        check(clients).run()
    first, second, _third = (client.endpoint for client in clients)
    assert f"{first} healthy, {second} no quorum (503)" in str(caught.value)
    assert store.requests.count((0, "PUT", "/")) == 0


def test_an_endpoint_that_does_not_answer_is_named(clients):
    gone = Client("http://127.0.0.1:9", clients[0].credentials)
    with pytest.raises(OverlayError, match=r"http://127.0.0.1:9 no answer \(.*refused"):
        check([*clients, gone], timeout=2).run()


def test_default_credentials_that_log_in_end_the_check_before_anything_is_stored(store, clients):
    store.users.add("minioadmin")
    with pytest.raises(OverlayError, match="default credentials can log in"):
        check(clients).run()
    assert not [request for request in store.requests if request[1] == "PUT"]


def test_an_endpoint_that_serves_something_else_is_named_and_the_bucket_is_removed(store, clients):
    store.corrupt.add(2)
    with pytest.raises(OverlayError) as caught:
        check(clients).run()
    assert f"{clients[2].endpoint} (object)" in str(caught.value)
    assert clients[0].endpoint not in str(caught.value)
    assert store.buckets == {}


@pytest.mark.parametrize("fault", [(0, "PUT", (403, "AccessDenied")), (2, "POST", (400, "InvalidPart"))])
def test_a_refusal_is_final_and_leaves_nothing_behind(store, clients, fault):
    number, method, answer = fault
    store.faults[number, method] = [answer]
    with pytest.raises(S3Error, match=answer[1]):
        check(clients).run()
    assert (store.buckets, store.uploads) == ({}, {})


def test_a_look_waits_for_nothing_and_fails_for_nothing(store, clients):
    store.faults[1, "health"] = [503]
    assert [entry["healthy"] for entry in check(clients).look()] == [True, False, True]
    assert {method for _number, method, _path in store.requests} == {"GET"}


def test_without_endpoints_nothing_is_proven():
    with pytest.raises(OverlayError, match='option "endpoints": is empty'):
        check([])
