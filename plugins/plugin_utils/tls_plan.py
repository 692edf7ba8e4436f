# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as a run sees it: which certificates are due and why, and what is wrong with those that are given.

Decided on the controller, from what ``host`` found and what lies here; keys are looked at and never returned.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ca_names
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.secret_files import as_files

MODES = ("off", "given", "own-ca")
CONTROLLER = "localhost"
CA_FILE = f"{tls_files.DIRECTORY}/{tls_files.TRUST}"
KEY_MODE = "0400"
_ORDER = "; give the server's certificate, and those between it and its CA"
NAME = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,250}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Given:
    """The files of one host as MinIO gets them, whatever stands around in those that lie on the controller.

    ``wrong`` names the file that cannot be read, ``unfit`` says what cannot be served.
    """

    certificate: str = ""
    key: str = field(default="", repr=False)
    wrong: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()


def mode(cluster: Cluster) -> str:
    """What ``minio_tls`` says; YAML takes a bare off for false."""
    value = cluster.settings.get("tls")
    return "off" if value in (None, False, "", "False") else str(value)


def runs_tls(services: list[Mapping[str, Any]]) -> bool | None:
    """How the servers that run are reached; None where none does."""
    if not services:
        return None
    return any(arg.startswith("--certs-dir") for service in services for arg in service.get("args") or [])


def draw(cluster: Cluster, now: datetime | None = None) -> dict[str, Any]:
    """What the role does; nothing is due where TLS is off."""
    now = now or datetime.now(timezone.utc)
    chosen = mode(cluster)
    trust = wanted_trust(cluster)
    due = {host.name: list(reasons(host, cluster, now)) for host in cluster.seen} if chosen != "off" else {}
    return {
        "mode": chosen,
        "ca_file": CA_FILE if chosen == "own-ca" or (chosen == "given" and trust) else None,
        "installed_ca_file": CA_FILE if any(look(host).get("trust") for host in cluster.seen) else None,
        "trust": trust,
        "installed_trust": _installed_trust(cluster),
        "trust_id": pem.trust_id(trust or _installed_trust(cluster)) or _running_trust_id(cluster),
        "fingerprints": pem.fingerprints(trust or _installed_trust(cluster)),
        "names": names(cluster),
        "permitted": ca_names.permitted("minio", names(cluster)),
        "due": {name: found for name, found in due.items() if found},
        "certified": [
            name
            for name, found in due.items()
            if any(not reason.startswith("trust") for reason in found) and name in _servers(cluster)
        ],
        "files": {host.name: files(host) for host in cluster.group("minio")} if chosen == "given" else {},
        "chains": {host.name: given(host).certificate for host in cluster.group("minio")} if chosen == "given" else {},
        "summary": list(summary(cluster, now)),
    }


def _servers(cluster: Cluster) -> list[str]:
    return [host.name for host in cluster.group("minio")]


def files(host: Host) -> dict[str, str]:
    """Where the given files lie, whatever directory a lookup would start from."""
    return {name: str(Path(path).expanduser().absolute()) for name, path in host.tls.items() if path}


def names(cluster: Cluster) -> list[str]:
    """All by which a server of this deployment may be called: equal on all, so that any may answer for any."""
    members = cluster.group("minio")
    found = [
        *(f"minio{host.number}" for host in members),
        *(host.name for host in members),
        *(str(host.address) for host in members),
        *_more_names(cluster),
        "localhost",
        "127.0.0.1",
    ]
    return list(dict.fromkeys(name.lower() for name in found if is_name(name)))


def is_name(name: str) -> bool:
    """Whether a certificate can be for it."""
    return tls.is_address(name) or bool(NAME.fullmatch(name))


def _more_names(cluster: Cluster) -> list[str]:
    given_names = cluster.settings.get("tls_names")
    return [plain(name) for name in given_names] if isinstance(given_names, list) else []


def days(cluster: Cluster, name: str) -> int:
    """A setting in days; what is none is said by the rules."""
    value = str(cluster.settings.get(name))
    return int(value) if value.isdigit() else 0


def needed_names(host: Host, cluster: Cluster) -> list[str]:
    """What a given certificate has to cover: the peers' name for it, the checks' address, the entry point."""
    return [f"minio{host.number}", str(host.address), *_more_names(cluster)]


def look(host: Host) -> Mapping[str, Any]:
    """What ``host`` found of the section."""
    found: Mapping[str, Any] = (host.report or {}).get("sections", {}).get("minio_tls") or {}
    return found


def authority(cluster: Cluster) -> str:
    """The certificate of our own CA, as far as this run knows it."""
    name = cluster.settings.get("tls_ca_host")
    if name == CONTROLLER:
        return read_file(Path(str(cluster.settings.get("tls_ca_dir"))) / "ca.crt")[0]
    return next((look(host).get("ca") or "" for host in cluster.seen if host.name == name), "")


def authority_is_known(cluster: Cluster) -> bool:
    """Whether this run looked where the CA is."""
    name = cluster.settings.get("tls_ca_host")
    return name == CONTROLLER or name in [host.name for host in cluster.seen]


def read_file(path: str | Path) -> tuple[str, str]:
    """The text, or why there is none."""
    try:
        return pem.decode(Path(path).expanduser().read_bytes()), ""
    except OSError as error:
        return "", f"{path} cannot be read ({error.strerror})"


def extra_trust(cluster: Cluster) -> str:
    """What ``minio_tls_ca`` adds; with own-ca the next CA, or the one before."""
    path = cluster.settings.get("tls_ca")
    return read_file(str(path))[0] if path else ""


def wanted_trust(cluster: Cluster) -> str:
    """The text of the trust file; empty where there is none, or it is not known yet."""
    chosen = mode(cluster)
    if chosen == "given":
        return pem.bundle([extra_trust(cluster)])
    own = authority(cluster) if chosen == "own-ca" else ""
    return pem.bundle([own, extra_trust(cluster)]) if own else ""


def installed_trust(host: Host) -> str:
    """The text of its trust file; empty where there is none."""
    return str(look(host).get("trust") or "")


def _installed_trust(cluster: Cluster) -> str:
    """What the hosts of this run trust, where they agree; one that has no trust yet says nothing."""
    found = {pem.bundle([text]) for host in cluster.seen if (text := installed_trust(host))}
    return found.pop() if len(found) == 1 else ""


def _running_trust_id(cluster: Cluster) -> str:
    """By what the servers that run were started, where that is all that this run knows: they do not restart for it."""
    found = {str(task["trust"]) for host in cluster.seen if (task := server(host)) and task.get("trust") is not None}
    return found.pop() if len(found) == 1 else ""


def server(host: Host) -> Mapping[str, Any] | None:
    """MinIO's task on this host. A host without one is new: nothing stops where it has no trust, or another one."""
    name = f"minio{host.number}"
    return next((task for task in host.facts.get("tasks") or [] if task["service"] == name), None)


def started_with(cluster: Cluster) -> Iterator[tuple[Host, str | None]]:
    """The servers that run with TLS, and what each one trusts since its start: None where no text of it is known.

    The file on the host may be another one by now: deleted, edited, or laid out by a run that was interrupted before
    it restarted the server. So the identity that the task carries decides, and a text that has it says what it is.
    """
    texts = ["", wanted_trust(cluster), *(installed_trust(host) for host in cluster.seen)]
    known = {pem.trust_id(text): text for text in texts}
    for host in cluster.seen:
        task = server(host)
        if task is not None and task.get("trust") is not None:
            yield host, known.get(str(task["trust"]))


def signs_already(cluster: Cluster, issuer_key: str) -> bool:
    """Whether certificates of servers that run are of this issuer: then all servers take it."""
    shown = [_installed(host) for host, _trust in started_with(cluster)]
    return any(issuer_key and seen.issuer_key == issuer_key for seen in shown if seen)


def _installed(host: Host) -> tls.Seen | None:
    """What its certificate says; None where there is none that can be read."""
    try:
        return tls.see(str(look(host).get("certificate") or ""))
    except ValueError:
        return None


def given(host: Host) -> Given:
    """Read the files of one host."""
    certificate, wrong = read_file(host.tls["certificate"]) if host.tls.get("certificate") else ("", "")
    key, wrong_key = read_file(host.tls["key"]) if host.tls.get("key") else ("", "")
    missing = tuple(reason for reason in (wrong, wrong_key) if reason)
    if missing or not (host.tls.get("certificate") and host.tls.get("key")):
        return Given(wrong=missing)
    return _canonical(host, certificate, key)


def _canonical(host: Host, certificate: str, key: str) -> Given:
    unfit = []
    loaded = None
    try:
        certificate = pem.certificates(certificate)
        tls.see(certificate)
    except InputError as error:
        unfit.append(f"minio_tls_certificate {host.tls['certificate']} {error}{_ORDER}")
    except ValueError:
        unfit.append(f"minio_tls_certificate {host.tls['certificate']} holds a certificate that cannot be read{_ORDER}")
    try:
        key, loaded = pem.private_key(key), tls.load_key(key.encode())
    except InputError as error:
        unfit.append(f"minio_tls_key {host.tls['key']} {error}")
    if unfit or loaded is None:
        return Given(unfit=tuple(unfit))
    try:
        return Given(tls.arrange(certificate, loaded), key)
    except ValueError:
        return Given(unfit=(f"minio_tls_certificate {host.tls['certificate']} holds one that cannot be read{_ORDER}",))


def private_key(path: str) -> str:
    """The key that is installed, from the file that preflight looked at."""
    text, wrong = read_file(path)
    if wrong:
        raise InputError(wrong)
    try:
        return pem.private_key(text)
    except InputError as error:
        raise InputError(f"minio_tls_key {path} {error}") from error


def reasons(host: Host, cluster: Cluster, now: datetime) -> Iterator[str]:
    """Why this host's files are written in this run; nothing where they are as they should be."""
    found = look(host)
    trust = wanted_trust(cluster)
    if trust != (found.get("trust") or "") and (trust or authority_is_known(cluster) or mode(cluster) == "given"):
        yield "trust differs"
    if "minio" not in host.groups:
        return
    installed = found.get("certificate") or ""
    if found.get("key") != "matches":
        yield f"key {found.get('key', 'absent')}"
    elif found.get("key_mode") != KEY_MODE:
        yield f"key is of mode {found.get('key_mode')}"
    elif mode(cluster) == "given":
        if installed != given(host).certificate:
            yield "another certificate is given"
    else:
        yield from _own_reasons(installed, cluster, now)


def _own_reasons(installed: str, cluster: Cluster, now: datetime) -> Iterator[str]:
    try:
        seen = tls.see(installed)
    except ValueError:
        yield "certificate cannot be read"
        return
    if not pem.is_clean(installed, pem.certificates):
        yield "certificate has more in its file than MinIO takes"
    left = seen.days_left(now)
    if left < days(cluster, "tls_renew_days"):
        yield f"certificate ends in {left:.0f} days"
    if seen.names != frozenset(names(cluster)):
        yield "names differ"
    own = authority(cluster)
    if own and tls.see(own).own_key != seen.issuer_key:
        yield "signed by another CA"


def summary(cluster: Cluster, now: datetime) -> Iterator[str]:
    """What clients have to know, and what an operator should."""
    if mode(cluster) == "off":
        yield "TLS: off; S3, console and the traffic between servers are in clear text"
        return
    trust = wanted_trust(cluster) or _installed_trust(cluster)
    where = (
        f"trust {CA_FILE} on any host, SHA-256 {' and '.join(pem.fingerprints(trust))}"
        if trust
        else "trusted by the system's CAs"
    )
    ends = [seen.not_after for host in cluster.seen if (seen := _installed(host))]
    until = f"; certificates until {min(ends):%Y-%m-%d}" if ends else ""
    yield f"TLS: {mode(cluster)}; {where if trust or mode(cluster) == 'given' else 'a CA is made'}{until}"
    own = authority(cluster)
    if mode(cluster) == "given" and ends and min(ends) < now + timedelta(days=days(cluster, "tls_renew_days")):
        yield f"TLS: a given certificate ends on {min(ends):%Y-%m-%d}; bring the next one, and run again"
    if own and tls.see(own).days_left(now) < days(cluster, "tls_days"):
        yield (
            f"TLS: the CA ends on {tls.see(own).not_after:%Y-%m-%d}, and no certificate outlives it; "
            "replace it in time, as docs/tls.md says"
        )


def takes(files_given: Given, trust: str) -> str:
    """Empty where a client with this trust takes what MinIO is given; else OpenSSL's reason."""
    with as_files(files_given.certificate, files_given.key) as (certificate, key):
        return verifies(certificate, key, trust)


def verifies(certificate: str | Path, key: str | Path, trust: str) -> str:
    """Empty where a client with this trust (none: the system's) takes the certificate; else OpenSSL's reason."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(certificate, key, password=lambda: "")
        client = ssl.create_default_context(cadata=trust or None)
    except ssl.SSLError as error:
        return str(error.reason or error).lower().replace("_", " ")
    client.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    for _step in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""
