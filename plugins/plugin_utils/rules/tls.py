# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be served, verified or signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, tls_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule, enumerate_names

OPENSSL = "openssl x509 -noout -dates -ext subjectAltName -in"


def mode_is_known(cluster: Cluster) -> Iterator[str]:
    """One of three, and what it needs is there."""
    settings, mode = cluster.settings, tls_plan.mode(cluster)
    if mode not in tls_plan.MODES:
        yield f'minio_tls: "{mode}" is unknown; allowed: {", ".join(tls_plan.MODES)}'
    if mode == "off":
        return
    if settings.get("tls_ca"):
        wrong = _wrong_ca(str(settings["tls_ca"]))
        if wrong:
            yield f"minio_tls_ca: {wrong}; give the CA's"
    given_names = settings.get("tls_names") or []
    if not isinstance(given_names, list):
        yield f'minio_tls_names: "{given_names}" is not a list; give for example [s3.example.org, 192.0.2.10]'
    elif wrong_names := [str(name) for name in given_names if not tls_plan.is_name(str(name))]:
        yield (
            f"minio_tls_names: {enumerate_names(wrong_names)} cannot stand in a certificate; "
            "give names and addresses without scheme and port, for example s3.example.org"
        )
    if mode == "own-ca":
        yield from _own_ca_is_possible(cluster)


def _wrong_ca(path: str) -> str:
    """Why nobody could trust by this file; empty where it serves."""
    text, wrong = tls_plan.read_file(path)
    if wrong:
        return wrong
    try:
        pem.certificates(text)
        for block in pem.blocks(text):
            tls.see(block)
    except InputError as error:
        return f"{path} {error}"
    except ValueError:
        return f"{path} holds a certificate that cannot be read"
    return ""


def _own_ca_is_possible(cluster: Cluster) -> Iterator[str]:
    settings = cluster.settings
    ca_host = settings.get("tls_ca_host")
    known = [host.name for host in cluster.hosts]
    if not ca_host:
        yield (
            "minio_tls_ca_host: is not set, and nobody is given a CA's key by silence; "
            f"name the host that keeps it: one of {enumerate_names(known)}, or localhost for this controller"
        )
    elif ca_host not in (*known, tls_plan.CONTROLLER):
        yield f'minio_tls_ca_host: "{ca_host}" is no host of this deployment; allowed: {", ".join(known)}, localhost'
    days, renew = settings.get("tls_days"), settings.get("tls_renew_days")
    if not (str(days).isdigit() and str(renew).isdigit() and 0 <= int(str(renew)) < int(str(days))):
        yield (
            f"minio_tls_days, minio_tls_renew_days: are {days} and {renew}; allowed: whole days, and fewer to renew "
            "than to live, or each run would renew; give for example 365 and 30"
        )


def ca_is_not_lost(cluster: Cluster) -> Iterator[str]:
    """A second CA in silence would lock every client out, and server from server."""
    if tls_plan.mode(cluster) != "own-ca" or not tls_plan.authority_is_known(cluster):
        return
    settings, own = cluster.settings, tls_plan.authority(cluster)
    if not tls_plan.runs_tls(minio_plan.services(cluster)):
        return
    place = f"{settings.get('tls_ca_host')}:{settings.get('tls_ca_dir')}"
    if not own:
        holders = [host.name for host in cluster.seen if tls_plan.installed_trust(host)]
        trusting = (
            f"{enumerate_names(holders)} trust one already" if holders else "MinIO runs with certificates of others"
        )
        yield (
            f"minio_tls_ca_dir: {place} holds no CA, and {trusting}; bring it back, "
            "name the right minio_tls_ca_host and minio_tls_ca_dir, or have a new one trusted first (docs/tls.md)"
        )
        return
    strangers = [host.name for host, trust in tls_plan.started_with(cluster) if not _takes(host, trust, own, cluster)]
    if strangers:
        yield (
            f"minio_tls_ca_dir: the CA of {place} is not trusted by {enumerate_names(strangers)} yet, and servers that "
            "do not trust each other stop; have it trusted first (docs/tls.md, replacing the CA)"
        )


def _takes(host: Host, trust: str | None, own: str, cluster: Cluster) -> bool:
    """Whether the server that runs there verifies what our CA signs."""
    if trust is not None:
        return pem.has(trust, own)
    # No text tells what it was started with. It lives with the certificates that its peers show.
    installed = tls_plan.installed_trust(host)
    return (not installed or pem.has(installed, own)) and tls_plan.signs_already(cluster, tls.see(own).own_key)


def ca_permits_the_names(cluster: Cluster) -> Iterator[str]:
    """What it was not made for, no client would take from it."""
    own = tls_plan.authority(cluster) if tls_plan.mode(cluster) == "own-ca" else ""
    foreign = tls.outside(own, tls_plan.names(cluster)) if own else []
    if foreign:
        place = f"{cluster.settings.get('tls_ca_host')}:{cluster.settings.get('tls_ca_dir')}"
        yield (
            f"minio_tls_ca_dir: the CA of {place} is constrained to other names than {enumerate_names(foreign)}, for "
            "which clients take nothing from it; take them out of minio_tls_names where they are from there, or "
            "replace the CA (docs/tls.md, replacing the CA)"
        )


def ca_can_sign(cluster: Cluster) -> Iterator[str]:
    """Its host may be away, as long as no certificate is due."""
    name = cluster.settings.get("tls_ca_host")
    away = next((host for host in cluster.hosts if host.name == name and host.unreachable), None)
    if tls_plan.mode(cluster) != "own-ca" or away is None:
        return
    due = tls_plan.draw(cluster)["certified"]
    if due:
        yield (
            f"minio_tls_ca_host: {name} is absent, and its CA has to sign for {enumerate_names(due)}; "
            f"bring {name} back, or name the host or localhost, with minio_tls_ca_dir, where its directory was restored"
        )


def given_files_are_good(cluster: Cluster) -> Iterator[str]:
    """Everything that a server or a client would refuse; what is the same for several hosts is said once."""
    if tls_plan.mode(cluster) != "given":
        return
    now = datetime.now(timezone.utc)
    found: dict[str, list[str]] = defaultdict(list)
    for host in cluster.group("minio"):
        for sentence in _given(host, cluster, now):
            found[sentence].append(host.name)
    for sentence, hosts in found.items():
        yield f"{enumerate_names(hosts)}: {sentence}"


def _given(host: Host, cluster: Cluster, now: datetime) -> Iterator[str]:
    certificate, key = host.tls.get("certificate"), host.tls.get("key")
    if not certificate and not key:
        yield "minio_tls is given, and neither minio_tls_certificate nor minio_tls_key is; give both"
    elif not key:
        yield f"minio_tls_certificate {certificate} comes without minio_tls_key; give the key that belongs to it"
    elif not certificate:
        yield f"minio_tls_key {key} comes without minio_tls_certificate; give the certificate that belongs to it"
    else:
        files = tls_plan.given(host)
        yield from (f"{reason}; give a file that this controller can read" for reason in files.wrong)
        if not files.wrong:
            yield from _pair(host, files, cluster, now)


def _pair(host: Host, files: tls_plan.Given, cluster: Cluster, now: datetime) -> Iterator[str]:
    name = f"minio_tls_certificate {host.tls['certificate']}"
    if files.unfit:
        yield from files.unfit
        return
    seen = tls.see(files.certificate)
    dated = list(_dates(name, seen, now))
    yield from dated
    missing = [wanted for wanted in tls_plan.needed_names(host, cluster) if not tls.covers(seen.names, wanted)]
    if missing:
        yield (
            f"{name} does not cover {enumerate_names(missing)}; it is for {', '.join(sorted(seen.names)) or 'none'}; "
            "have one made for the servers' names and addresses and for minio_tls_names"
        )
    fits = tls.key_fits(files.certificate, tls.load_key(files.key.encode()))
    if not fits:
        yield f"minio_tls_key {host.tls['key']} does not belong to {name}; give the key of that certificate"
    elif not dated:
        yield from _chain(name, host, cluster)


def _dates(name: str, seen: tls.Seen, now: datetime) -> Iterator[str]:
    if seen.not_after <= now:
        yield f"{name} expired on {seen.not_after:%Y-%m-%d %H:%M} UTC; give one that is valid"
    if seen.not_before > now:
        yield (
            f"{name} is not valid before {seen.not_before:%Y-%m-%d %H:%M} UTC; give one that is valid, or look at this "
            "controller's clock"
        )


def _chain(name: str, host: Host, cluster: Cluster) -> Iterator[str]:
    """For clients by what is given; for the servers that run by what they read at their start."""
    files = tls_plan.given(host)
    trust, running = tls_plan.wanted_trust(cluster), list(tls_plan.started_with(cluster))
    reason = tls_plan.takes(files, trust)
    if reason:
        by = f"minio_tls_ca {cluster.settings['tls_ca']}" if trust else "the CAs that this system trusts"
        yield (
            f"{name} is not verified by {by} ({reason}); append the certificates between it and its CA, "
            "or give that CA as minio_tls_ca"
        )
    elif not all(_is_taken(host, started, cluster) for started in {text for _host, text in running}):
        yield (
            f"{name} is not verified by what the servers that run trust, and servers that do not trust each "
            "other stop; have its CA trusted first (docs/tls.md, replacing the CA)"
        )


def _is_taken(host: Host, started: str | None, cluster: Cluster) -> bool:
    """Whether a server that was started with this trust verifies the certificate that is given for the host."""
    files = tls_plan.given(host)
    if started is None:
        return tls_plan.signs_already(cluster, tls.see(files.certificate).issuer_key)
    return started == tls_plan.wanted_trust(cluster) or not tls_plan.takes(files, started)


RULES: tuple[Rule, ...] = (mode_is_known, ca_is_not_lost, ca_permits_the_names, ca_can_sign, given_files_are_good)
