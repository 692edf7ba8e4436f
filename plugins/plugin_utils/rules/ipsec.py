# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be encrypted, or not by what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone

from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import keys, protected
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ipsec_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    together,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.tls_plan import CONTROLLER

# Their frames leave by the interface itself, past the host's routing, where IPsec is.
PAST_THE_HOST = ("macvlan", "ipvlan")


def encryption_fits_driver(cluster: Cluster) -> Iterator[str]:
    """Who could encrypt what the driver sends."""
    driver, encryption = cluster.settings.get("network_driver"), cluster.settings.get("encryption")
    if encryption == "docker" and driver != "overlay":
        yield (
            f"overlay_encryption: docker encrypts Docker's overlay networks, and overlay_network_driver is {driver}; "
            + ("set it to none" if driver in PAST_THE_HOST else "set it to ipsec or none")
        )
    if encryption == "ipsec" and driver in PAST_THE_HOST:
        yield (
            f"overlay_encryption: ipsec is the host's, and what {driver} sends passes the host by; "
            "set it to none and have MinIO encrypt (minio_tls), or choose another overlay_network_driver"
        )


def one_encrypts(cluster: Cluster) -> Iterator[str]:
    """What Docker has encrypted does not arrive as what the host wants encrypted, and is dropped."""
    port = str(cluster.settings.get("data_path_port") or 4789)
    given = cluster.settings.get("ipsec_protect")
    # What else is in the list is said by the rule for it.
    entries = [one for one in (given if isinstance(given, list) else []) if isinstance(one, Mapping)]
    protected_ports = [str(one.get("port")) for one in entries]
    if not (ipsec_plan.wanted(cluster) and cluster.acting and port in protected_ports):
        return
    own = [network.get("name") for network in cluster.settings.get("networks") or []]
    agreed = [name for name in cluster.settings.get("swarm_network_consent") or [] if name in own]
    for name in cluster.acting.facts.get("encrypted_networks") or []:
        if name not in agreed:
            anew = (
                f"agree that it is made anew without that, its services stopped meanwhile, by "
                f"swarm_network_consent: [{name}]"
                if name in own
                else "remove the network or make it anew without `encrypted`"
            )
            yield (
                f'network "{name}": is encrypted by Docker, and overlay_encryption is ipsec for the same packets '
                f"({port}/udp); one of both encrypts: {anew}, or set overlay_encryption: docker"
            )


def keys_are_possible(cluster: Cluster) -> Iterator[str]:
    """Everything from which hosts could prove who they are."""
    if not ipsec_plan.wanted(cluster):
        return
    settings = cluster.settings
    authentication = settings.get("ipsec_authentication")
    if authentication not in ipsec_plan.AUTHENTICATIONS:
        allowed = ", ".join(ipsec_plan.AUTHENTICATIONS)
        yield f'ipsec_authentication: "{authentication}" is unknown; allowed: {allowed}'
    elif authentication == "psk":
        yield from keys.master_violations(settings.get("ipsec_psk_master"))
        epoch = settings.get("ipsec_psk_epoch")
        if not keys.is_epoch(epoch):
            yield f'ipsec_psk_epoch: "{epoch}" is not a whole number; give 1, and another one for other keys'
    else:
        yield from _certificates_are_possible(cluster)


def _certificates_are_possible(cluster: Cluster) -> Iterator[str]:
    settings = cluster.settings
    ca_host, known = settings.get("ipsec_ca_host"), [host.name for host in cluster.hosts]
    if not ca_host:
        yield (
            "ipsec_ca_host: is not set, and ipsec_authentication is certificates; nobody is given a CA's key by "
            f"silence: name the host that keeps it: one of {enumerate_names(known)}, or localhost for this controller"
        )
    elif ca_host not in (*known, CONTROLLER):
        yield f'ipsec_ca_host: "{ca_host}" is no host of this deployment; allowed: {", ".join(known)}, localhost'
    live, renew = settings.get("ipsec_days"), settings.get("ipsec_renew_days")
    if not (str(live).isdigit() and str(renew).isdigit() and 0 <= int(str(renew)) < int(str(live))):
        yield (
            f"ipsec_days, ipsec_renew_days: are {live} and {renew}; allowed: whole days, and fewer to renew than to "
            "live, or each run would renew; give for example 365 and 30"
        )


def authority_is_there(cluster: Cluster) -> Iterator[str]:
    """A second CA in silence would part those who have the first from those who have the second."""
    if not ipsec_plan.by_certificates(cluster):
        return
    settings, own = cluster.settings, ipsec_plan.authority(cluster)
    place = f"{settings.get('ipsec_ca_host')}:{settings.get('ipsec_ca_dir')}"
    now = datetime.now(timezone.utc)
    holders = [host.name for host in cluster.seen if ipsec_plan.look(host).get("trust")]
    if ipsec_plan.authority_is_known(cluster) and not own and holders:
        yield (
            f"ipsec_ca_dir: {place} holds no CA, and {enumerate_names(holders)} trust one already; bring it back, or "
            "name the right ipsec_ca_host and ipsec_ca_dir"
        )
    if own and tls.see(own).days_left(now) <= 0:
        yield (
            f"ipsec_ca_dir: the CA of {place} expired on {tls.see(own).not_after:%Y-%m-%d}, and what it signs is "
            "worth nothing; move its directory away and run with all hosts (docs/ipsec.md, another CA)"
        )
    if not ipsec_plan.authority_is_known(cluster):
        for host in cluster.seen:
            yield from _needs_authority(host, cluster, now)


def _needs_authority(host: Host, cluster: Cluster, now: datetime) -> Iterator[str]:
    """What is due cannot be signed where the CA was left out."""
    if list(ipsec_plan.reasons(host, cluster, now)):
        found = ipsec_plan.look(host).get("certificate") or ""
        expired = found and tls.see(found).days_left(now) <= 0
        what = f"certificate expired on {tls.see(found).not_after:%Y-%m-%d}" if expired else "certificate is due"
        yield (
            f"{host.name}: its IPsec {what}, and this run leaves out {cluster.settings.get('ipsec_ca_host')}, which "
            "keeps the CA; run with it, too"
        )


def selection_is_possible(cluster: Cluster) -> Iterator[str]:
    """The list of what is protected, which never holds the way by which this is done."""
    if ipsec_plan.wanted(cluster):
        given = cluster.settings.get("ipsec_protect")
        ports = {int(port) for port in cluster.settings.get("ssh_ports") or [] if str(port).isdigit()}
        yield from protected.violations(given if isinstance(given, list) else [], {22, *ports})


def agreement_stays(cluster: Cluster) -> Iterator[str]:
    """Hosts change one after another, and two of which only one has changed would not agree on anything."""
    if ipsec_plan.wanted(cluster):
        looks = ((host, ipsec_plan.look(host)) for host in cluster.seen)
        names = [host.name for host, found in looks if found.get("enforced") and found.get("differs")]
        if names:
            yield (
                f"{enumerate_names(names)}: IPsec is in force for something else than this inventory says (what is "
                "protected, or how hosts authenticate), and hosts that differ in that cut each other off; set it back, "
                "or run once with overlay_encryption: none, which sends clear text until the next run"
            )


def hosts_agree(cluster: Cluster) -> Iterator[str]:
    """What both ends need alike is brought to all of them in one run, or some would not reach others."""
    alone = together(cluster)
    for host in cluster.seen if alone else ():
        what = _changes_alone(host, ipsec_plan.wanted(cluster))
        if what:
            yield f"{host.name}: {what} {alone}"


def _changes_alone(host: Host, wanted: bool) -> str:
    found = ipsec_plan.look(host)
    if wanted and not found.get("enforced") and host.in_swarm:
        return "is in the swarm and sends in clear text; all hosts begin to encrypt"
    if wanted and found.get("rotates"):
        return "has other keys than ipsec_psk_master gives; all hosts change them"
    return "encrypts; all hosts end that" if not wanted and found.get("enforced") else ""


RULES: tuple[Rule, ...] = (
    encryption_fits_driver,
    one_encrypts,
    keys_are_possible,
    authority_is_there,
    selection_is_possible,
    agreement_stays,
    hosts_agree,
)
