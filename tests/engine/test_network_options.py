# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a network on a real engine, for all the drivers that an engine has."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import EngineError, InputError, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import network, network_remake
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from network_cases import CASES
from option_cases import walk_case, without_case


class Network:
    """The module as the controller calls it, without Ansible around it."""

    kind, table = "network", network.TABLE

    def __init__(self, engine: Engine, name: str, **base: Any) -> None:
        self.engine, self.name, self.base = engine, name, base

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        defaults = {name: one.get("default") for name, one in network.SPEC.items()}
        base = self.base if self.live() is None else {}
        given = {**defaults, "name": self.name, "force": True, "wait_timeout": 10, **base, **options}
        return network.converge(self.engine, given, check_mode)

    def live(self) -> Any:
        found = network.exact(self.name, self.engine.call("GET", "/networks", query={"filters": {"name": [self.name]}}))
        return found and self._without_assigned(self.engine.call("GET", f"/networks/{found['Id']}"))

    def after(self, result: Mapping[str, Any]) -> Any:
        """With what only the engine can choose: scope, pools and gateways that nobody asked for."""
        found, live = self._without_assigned(copy.deepcopy(result["network"])), self.live()
        found.setdefault("Scope", live["Scope"])
        pools = {pool["Subnet"]: pool for pool in live["IPAM"]["Config"]}
        found["IPAM"]["Config"] = found["IPAM"]["Config"] or list(pools.values())
        for pool in found["IPAM"]["Config"]:
            pool.setdefault("Gateway", pools[pool["Subnet"]].get("Gateway"))
        return found

    def _without_assigned(self, found: dict[str, Any]) -> dict[str, Any]:
        found["IPAM"] = {**(found.get("IPAM") or {})}
        found["IPAM"]["Config"] = sorted(found["IPAM"].get("Config") or [], key=lambda pool: pool["Subnet"])
        found["Options"] = {k: v for k, v in (found.get("Options") or {}).items() if k != network._ASSIGNED}
        return found


@pytest.fixture(scope="module")
def configured(swarm_engine: Engine) -> Engine:
    """With two networks that are only configurations."""
    for number, name in enumerate(("cfg-one", "cfg-two")):
        pools = [{"Subnet": f"10.8{number}.0.0/24", "Gateway": f"10.8{number}.0.1"}]
        swarm_engine.call("POST", "/networks/create", {"Name": name, "ConfigOnly": True, "IPAM": {"Config": pools}})
    return swarm_engine


@contextlib.contextmanager
def without_mesh(engine: Engine) -> Iterator[None]:
    """A swarm has but one routing mesh."""

    def meshes() -> list[Any]:
        return [one for one in engine.call("GET", "/networks") if one["Name"] == "ingress"]

    wait_until(meshes, lambda found: any(one.get("Driver") for one in found), 20, "the routing mesh to be there", 0.1)
    engine.call("DELETE", "/networks/ingress")
    wait_until(meshes, lambda found: not found, 20, "the routing mesh to be gone", 0.1)
    yield
    engine.call("POST", "/networks/create", {"Name": "ingress", "Driver": "overlay", "Ingress": True})


def test_every_option_has_a_case() -> None:
    assert not without_case(network.TABLE, CASES)


@pytest.mark.parametrize("option", CASES)
def test_option(configured: Engine, option: str) -> None:
    base = {"driver": "bridge" if "aux" in option else "overlay"} if option.startswith("ipam_config.") else {}
    subject = Network(configured, f"case-{option.replace('.', '-').replace(' ', '-')}", **base)
    with without_mesh(configured) if option == "ingress" else contextlib.nullcontext():
        try:
            walk_case(subject, option, CASES[option], configured.api_version)
        finally:
            subject(state="absent")
        assert subject.live() is None


def test_what_the_cluster_would_lose_is_refused(configured: Engine) -> None:
    subject = Network(configured, "case-lost", driver="overlay")
    pools = [{"subnet": "10.77.0.0/24", "aux_addresses": {"a": "10.77.0.5"}}]
    with pytest.raises(InputError, match=r"ipam_config\[10.77.0.0/24\].aux_addresses.*keeps none"):
        subject(ipam_config=pools)
    assert subject.live() is None


NEVER_ALLOCATED: dict[str, tuple[dict[str, Any], str]] = {
    "IPv4 without a length": ({"subnet": "10.66.0.0"}, "10.66.0.0 is not a CIDR"),
    "IPv6 without a length": ({"subnet": "fdd1::"}, "fdd1:: is not a CIDR"),
    "one address": ({"subnet": "10.66.0.0/32"}, "has no address for a task"),
    "gateway elsewhere": ({"subnet": "10.66.0.0/24", "gateway": "10.67.0.1"}, "10.67.0.1 is not in the subnet"),
    "gateway is everybody's": ({"subnet": "10.66.0.0/24", "gateway": "10.66.0.255"}, "of everybody in it"),
    "range elsewhere": ({"subnet": "10.66.0.0/24", "iprange": "10.67.0.0/25"}, "is not a part of the subnet"),
    "IPv6 and not enabled": ({"subnet": "fdd2::/64"}, "needs enable_ipv6: true"),
    "everything": ({"subnet": "0.0.0.0/0"}, "hosts cannot have addresses of"),
}


@pytest.mark.parametrize("what", NEVER_ALLOCATED)
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_the_cluster_never_allocates_is_refused_at_once(configured: Engine, what: str, check_mode: bool) -> None:
    pool, said = NEVER_ALLOCATED[what]
    subject = Network(configured, "case-never", driver="overlay")
    with pytest.raises(InputError, match=re.escape(said)):
        subject(check_mode, ipam_config=[pool])
    assert subject.live() is None


def test_what_is_not_allocated_is_removed_again_and_says_why(
    configured: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look that would have refused it came before another run took the addresses."""
    held = Network(configured, "case-held", driver="overlay", ipam_config=[{"subnet": "10.66.0.0/16"}])
    late = Network(configured, "case-late", driver="overlay", ipam_config=[{"subnet": "10.66.7.0/24"}])
    held()
    monkeypatch.setattr(network, "overlaps_of", lambda *_given: [])
    monkeypatch.setattr(network_remake, "ALLOCATION_TIME", 2)
    with pytest.raises(
        OverlayError, match=r"removed again: .*10.66.7.0/24 overlaps 10.66.0.0/16 of network .*case-held"
    ):
        late()
    assert late.live() is None
    held(state="absent")


def test_a_network_that_others_left_without_addresses_is_told_of_at_once(
    configured: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = {"Config": [{"Subnet": "10.66.8.0/24"}]}
    first = Network(configured, "case-first", driver="overlay")
    first(ipam_config=[{"subnet": "10.66.8.0/24"}])
    configured.call("POST", "/networks/create", {"Name": "case-left", "Driver": "overlay", "IPAM": pool})
    subject = Network(configured, "case-left", driver="overlay")
    monkeypatch.setattr(network_remake, "ALLOCATION_TIME", 1)
    for check_mode in (True, False):
        with pytest.raises(OverlayError, match=r'network "case-left" has no addresses: .*state: absent'):
            subject(check_mode)
    assert subject(state="absent")["changed"]
    first(state="absent")


def test_a_subnet_that_others_wrote_with_a_host_s_bits_is_the_same(configured: Engine) -> None:
    body = {"Name": "case-bits", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.66.1.5/24"}]}}
    try:
        configured.call("POST", "/networks/create", body)
    except EngineError as error:
        # A later engine lets no client write it so; ours is written as it wants it.
        assert "it should be 10.66.1.0/24" in str(error) and configured.api_version >= (1, 44)
        Network(configured, "case-bits", driver="overlay")(ipam_config=[{"subnet": "10.66.1.5/24"}])
    subject = Network(configured, "case-bits")
    assert not subject(ipam_config=[{"subnet": "10.66.1.5/24"}])["changed"]
    subject(state="absent")
