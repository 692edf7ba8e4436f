# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS on every wire: signed by a CA of its own, renewed under load, given, refused, and switched off again."""

from __future__ import annotations

import io
import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import urllib3
from authority import Authority
from cryptography import x509
from minio import Minio
from pem_shapes import PARAMETERS

DIRECTORY = "/etc/baremetal-overlay/minio-tls"
CA_DIRECTORY = "/etc/baremetal-overlay/ca"
TRUST = f"{DIRECTORY}/CAs/ca.crt"
ENTRY = ["s3.lab.example", "172.31.77.250"]
OWN_CA = {
    "minio_tls": "own-ca",
    "minio_tls_ca_host": "n1",
    "minio_tls_names": ENTRY,
    "minio_tls_days": 20,
    "minio_tls_renew_days": 10,
}
RENEWED = {**OWN_CA, "minio_tls_days": 365, "minio_tls_renew_days": 30}
NODES = {f"n{number}": f"172.31.77.{10 + number}" for number in range(1, 5)}


def settings(values: dict[str, Any]) -> tuple[str, ...]:
    return ("-e", json.dumps(values))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module", autouse=True)
def deployed(lab: Any, work: Path) -> Iterator[None]:
    """The lab with TLS, and afterwards the lab as it was."""
    run = lab.site(*settings(OWN_CA))
    assert run.rc == 0, run.output
    own = lab.hosts["n1"].check_output(f"cat {CA_DIRECTORY}/ca.crt")
    assert own.splitlines()[1] in run.output, "the CA that was made is not shown"
    lab.ca = work / "own-ca.crt"
    lab.ca.write_text(own + "\n")
    yield
    lab.ca = None
    run = lab.site()
    assert run.rc == 0, run.output
    for host in lab.hosts.values():
        host.check_output(f"rm -rf {DIRECTORY} {CA_DIRECTORY}")
    assert lab.healthy("n1") == 200


def shown(address: str, port: int = 9000) -> bytes:
    """The certificate that a server shows."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, port))) if address else b""


def tasks(lab: Any) -> list[str]:
    names = " ".join(f"minio{number}" for number in range(1, 5))
    listing = lab.hosts["n1"].check_output(f"docker service ps -q --no-trunc --filter desired-state=running {names}")
    return sorted(listing.split())


def no_keys(lab: Any, output: str) -> None:
    """Not a line with anything secret of any key, of a host or of the CA; the third holds the public key only."""
    assert "PRIVATE KEY" not in output
    for host in lab.hosts.values():
        keys = host.check_output(f"cat {DIRECTORY}/private.key {CA_DIRECTORY}/ca.key 2>/dev/null || true")
        lines = [line for line in keys.splitlines() if "PRIVATE KEY" not in line]
        assert lines and len(lines) % 3 == 0
        assert not [line for line in lines[0::3] + lines[1::3] if line in output]


def test_s3_console_and_health_are_verified_on_every_node(lab: Any) -> None:
    writer = lab.s3("n1")
    writer.make_bucket(bucket_name="tls")
    writer.put_object(bucket_name="tls", object_name="object", data=io.BytesIO(b"sealed"), length=6)
    context = ssl.create_default_context(cafile=str(lab.ca))
    for name, address in NODES.items():
        assert lab.healthy(name) == 200
        assert lab.s3(name).get_object(bucket_name="tls", object_name="object").read() == b"sealed"
        with urllib.request.urlopen(f"https://{address}:9001/", timeout=5, context=context) as answer:
            assert answer.status == 200
    assert set(lab.drives("n1").values()) == {"ok"}
    assert all(endpoint.startswith("https://") for endpoint in lab.drives("n1"))


def test_every_node_answers_to_every_name(lab: Any) -> None:
    context = ssl.create_default_context(cafile=str(lab.ca))
    for address in NODES.values():
        for name in (*NODES, *NODES.values(), *ENTRY, "minio1", "minio4", "localhost", "127.0.0.1"):
            with (
                socket.create_connection((address, 9000), 5) as plain,
                context.wrap_socket(plain, server_hostname=name) as connection,
            ):
                assert connection.version() == "TLSv1.3"


def test_the_ca_is_for_the_deployments_names_only(lab: Any) -> None:
    found = x509.load_pem_x509_certificate(lab.ca.read_bytes()).extensions.get_extension_for_class(x509.NameConstraints)
    permitted = {str(one.value) for one in found.value.permitted_subtrees or []}
    assert found.critical and {"minio1", "minio68", "n4", "s3.lab.example", "172.16.0.0/12"} - permitted == {
        "s3.lab.example"
    }
    assert "lab.example" in permitted and "minio69" not in permitted


def test_clear_text_is_refused() -> None:
    for address in NODES.values():
        for port in (9000, 9001):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://{address}:{port}/minio/health/live", timeout=5)
            assert refused.value.code == 400


def test_another_ca_is_refused(work: Path) -> None:
    other = work / "other.crt"
    other.write_text(Authority("other").pem)
    for trust in (None, str(other)):
        context = ssl.create_default_context(cafile=trust)
        with (
            socket.create_connection((NODES["n1"], 9000), 5) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="minio1")


def test_keys_stay_where_they_are_used(lab: Any) -> None:
    keys = []
    for name, host in lab.hosts.items():
        key = host.file(f"{DIRECTORY}/private.key")
        assert (key.mode, key.uid) == (0o400, 9000)
        keys.append(host.check_output(f"sha256sum < {DIRECTORY}/private.key"))
        assert host.file(TRUST).exists
        assert not host.file(f"{DIRECTORY}/../.minio-tls.new").exists
        assert host.file(f"{CA_DIRECTORY}/ca.key").exists == (name == "n1")
        assert host.file(f"{DIRECTORY}/private.key").is_symlink and host.file(f"{DIRECTORY}/public.crt").is_symlink
    assert len(set(keys)) == 4
    assert (lab.hosts["n1"].file(f"{CA_DIRECTORY}/ca.key").mode, lab.hosts["n1"].file(CA_DIRECTORY).mode) == (
        0o600,
        0o700,
    )


@dataclass
class Clients:
    """One for each node; every request has a connection of its own, and none is tried again."""

    lab: Any
    nodes: tuple[str, ...] = tuple(NODES)
    patience: int = 10
    done: int = 0
    lost: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def loop(self, node: str) -> None:
        user, password = self.credentials
        while not self.stop.is_set():
            http = urllib3.PoolManager(ca_certs=str(self.lab.ca), retries=False, timeout=self.patience)
            client = Minio(
                endpoint=f"{NODES[node]}:9000", access_key=user, secret_key=password, secure=True, http_client=http
            )
            try:
                client.put_object(bucket_name="tls", object_name=node, data=io.BytesIO(b"x" * 1000), length=1000)
                assert client.get_object(bucket_name="tls", object_name=node).read() == b"x" * 1000
                self.done += 2
            except Exception as error:
                self.lost.append(f"{node}: {error!r}")
            http.clear()

    def run(self, action: Callable[[], Any]) -> Any:
        self.credentials = self.lab.credentials()
        threads = [threading.Thread(target=self.loop, args=(node,)) for node in self.nodes]
        for thread in threads:
            thread.start()
        try:
            return action()
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()


def test_renewal_loses_no_request_and_restarts_nothing(lab: Any) -> None:
    before = {name: shown(address) for name, address in NODES.items()}
    running = tasks(lab)
    clients = Clients(lab)
    run = clients.run(lambda: lab.site("-vvv", "--diff", *settings(RENEWED)))
    assert run.rc == 0, run.output
    assert clients.lost == []
    assert clients.done > 40
    assert tasks(lab) == running
    for name, address in NODES.items():
        installed = lab.hosts[name].check_output(f"cat {DIRECTORY}/public.crt")
        assert shown(address) == shown(address, 9001) == ssl.PEM_cert_to_DER_cert(installed + "\n") != before[name]
    no_keys(lab, run.output)


def test_only_the_host_whose_certificate_is_gone_gets_one_and_then_nothing_changes(lab: Any) -> None:
    before = {name: shown(address) for name, address in NODES.items()}
    lab.hosts["n3"].check_output(f"rm {DIRECTORY}/public.crt")
    run = lab.site("--limit", "n3", *settings(RENEWED))
    assert run.rc == 0, run.output
    after = {name: shown(address) for name, address in NODES.items()}
    assert {name for name in NODES if before[name] != after[name]} == {"n3"}
    again = lab.site(*settings(RENEWED))
    assert set(again.changed.values()) == {0}, again.output
    assert f"trust {TRUST} on any host, SHA-256" in again.text


def lose(lab: Any, name: str) -> tuple[str, ...]:
    """A host is gone for good, and the others have noticed."""
    lab.lose(name)
    others = tuple(node for node in NODES if node != name)
    for node in others:
        lab.eventually(lambda node=node: sum(state != "ok" for state in lab.drives(node).values()), 2)
    return others


def test_a_host_rebuilt_from_nothing_comes_back_by_site_alone(lab: Any) -> None:
    """While clients use the others: one whose server was asked for a part as the host came waits, and none fails."""
    others = lose(lab, "n4")
    lab.bring()
    running = tasks(lab)
    clients = Clients(lab, others, patience=40)
    run = clients.run(lambda: lab.site(*settings(RENEWED)))
    assert run.rc == 0, run.output
    assert clients.lost == []
    assert clients.done > 20
    # The other managers keep receipts of its new drives, and nothing else of theirs changes.
    assert {run.changed[node] for node in ("n2", "n3")} == {1}, run.output
    assert len(set(running) & set(tasks(lab))) == len(others), "a server of another host was restarted"
    lab.eventually(lambda: set(lab.drives("n4").values()), {"ok"})
    assert shown(NODES["n4"])
    again = lab.site(*settings(RENEWED))
    assert set(again.changed.values()) == {0}, again.output


# Keys as runs that were killed leave them: a draft, a key that waits for its certificate, a pair that is not in force.
LEFT = (
    "/etc/baremetal-overlay/.ca.key.4194999.abcdefgh",
    "/etc/baremetal-overlay/.minio-tls.new/private.key",
    f"{DIRECTORY}/..pair-left/private.key",
)


def test_a_trust_file_that_is_gone_is_written_again_and_restarts_nothing(lab: Any) -> None:
    """And what a run that was killed left goes with the same run."""
    running, host = tasks(lab), lab.hosts["n2"]
    host.check_output(f"rm {TRUST}; for path in {' '.join(LEFT)}; do mkdir -p ${{path%/*}}; echo key > $path; done")
    run = lab.site(*settings(RENEWED))
    assert run.rc == 0, run.output
    assert "n2: install or configure the engine, or remove what a run that was killed left" in run.text
    assert not [path for path in LEFT if host.file(path).exists]
    assert lab.hosts["n2"].file(TRUST).exists
    assert tasks(lab) == running


@pytest.fixture(scope="module")
def own(lab: Any) -> Authority:
    """The lab's own CA in the test's hands, to give what the servers trust already."""
    host = lab.hosts["n1"]
    return Authority.load(
        host.check_output(f"cat {CA_DIRECTORY}/ca.crt"), host.check_output(f"cat {CA_DIRECTORY}/ca.key")
    )


def names(node: str) -> list[str]:
    return [f"minio{node[1:]}", NODES[node], *ENTRY]


def refused(lab: Any, inventory: Path, trust: Path, *sentences: str) -> None:
    """All of them at once, and nothing touched."""
    before = lab.fingerprints()
    given = {"minio_tls": "given", "minio_tls_names": ENTRY, "minio_tls_ca": str(trust)}
    run = lab.site(*settings(given), inventory=inventory)
    assert run.rc != 0, run.output
    for sentence in sentences:
        assert sentence in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert "PRIVATE KEY" not in run.output
    assert lab.fingerprints() == before


def declare(files: dict[str, dict[str, Path]]) -> Callable[[dict[str, Any]], None]:
    """An inventory in which hosts declare files."""

    def edit(inventory: dict[str, Any]) -> None:
        for group in ("managers", "workers"):
            for name, variables in inventory["all"]["children"][group]["hosts"].items():
                variables.update({f"minio_tls_{what}": str(path) for what, path in files.get(name, {}).items()})

    return edit


def test_files_that_cannot_serve(lab: Any, own: Authority, work: Path, changed_inventory: Callable[..., Path]) -> None:
    expired = own.issue(work / "expired", names("n1"), end=datetime.now(timezone.utc) - timedelta(hours=1))
    foreign = own.issue(work / "foreign", names("n2"))
    foreign["key"] = expired["key"]
    nameless = own.issue(work / "nameless", names("n3")[:1])
    inventory = changed_inventory(
        declare({"n1": expired, "n2": foreign, "n3": nameless, "n4": {"key": foreign["key"]}})
    )
    refused(
        lab,
        inventory,
        lab.ca,
        f"n1: minio_tls_certificate {expired['certificate']} expired on",
        f"n2: minio_tls_key {foreign['key']} does not belong to minio_tls_certificate {foreign['certificate']}",
        f"does not cover 172.31.77.13, {ENTRY[0]} and {ENTRY[1]}; it is for minio3",
        f"n4: minio_tls_key {foreign['key']} comes without minio_tls_certificate",
    )


def test_files_that_nobody_verifies(
    lab: Any, own: Authority, work: Path, changed_inventory: Callable[..., Path]
) -> None:
    stranger = Authority("stranger").issue(work / "stranger", names("n1"))
    lonely = own.issue(work / "lonely", names("n2"))
    missing = {"certificate": work / "nowhere.crt", "key": work / "nowhere.key"}
    inventory = changed_inventory(
        declare({"n1": stranger, "n2": {"certificate": lonely["certificate"]}, "n3": missing})
    )
    refused(
        lab,
        inventory,
        lab.ca,
        f"n1: minio_tls_certificate {stranger['certificate']} is not verified by minio_tls_ca",
        f"n2: minio_tls_certificate {lonely['certificate']} comes without minio_tls_key",
        f"n3: {missing['certificate']} cannot be read (No such file or directory)",
        "n4: minio_tls is given, and neither minio_tls_certificate nor minio_tls_key is",
    )


def test_given_files_are_shown_without_a_restart(
    lab: Any, own: Authority, work: Path, changed_inventory: Callable[..., Path]
) -> None:
    files = {name: own.issue(work / f"good-{name}", names(name)) for name in NODES}
    wanted = {name: ssl.PEM_cert_to_DER_cert(one["certificate"].read_text()) for name, one in files.items()}
    for one in files.values():
        # What people's files hold, and MinIO would not start with.
        one["key"].write_bytes(PARAMETERS + one["key"].read_bytes() + b"\n")
        one["certificate"].write_bytes(one["certificate"].read_bytes() + b"# until May\n")
    inventory = changed_inventory(declare(files))
    values = settings({"minio_tls": "given", "minio_tls_names": ENTRY, "minio_tls_ca": str(lab.ca)})
    running = tasks(lab)
    run = lab.site("-vvv", "--diff", *values, inventory=inventory)
    assert run.rc == 0, run.output
    no_keys(lab, run.output)
    assert tasks(lab) == running
    for name, address in NODES.items():
        assert shown(address) == wanted[name]
    again = lab.site(*values, inventory=inventory)
    assert set(again.changed.values()) == {0}, again.output
    client = lab.s3("n2")
    for entry in client.list_objects(bucket_name="tls"):
        client.remove_object(bucket_name="tls", object_name=entry.object_name)
    client.remove_bucket(bucket_name="tls")
