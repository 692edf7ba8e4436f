# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's encryption: every host's kernel has a policy for what it sends to each server, on the port in use."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain, same
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)


def port_in_use(view: View) -> int:
    """A swarm keeps the port that it was made with, whatever is declared since; its managers know it."""
    live = (member.sight.get("data_path_port") for member in view.members)
    return next((int(port) for port in live if port), view.data_path_port)


def cells(view: View) -> Iterator[Cell]:
    """Between servers, whose network it is: without a policy packets leave as they are, and nothing else says so."""
    port = port_in_use(view)
    for one in view.servers:
        known = one.sight.get("policies")
        reason = one.away or (None if known is not None else Reason(f"{one.name} was not asked")) or one.taskless
        for other in view.servers:
            if other == one:
                continue
            # Without a server there the engine has nobody to encrypt for.
            if lacking := reason or other.taskless:
                yield unrun("policy", one.name, other.name, lacking)
            else:
                yield _cell(one, other, port)


def _cell(one: Member, other: Member, port: int) -> Cell:
    ports = sorted({int(each["port"]) for each in one.sight["policies"] if same(each["target"], other.address)})
    # A policy without a port is for all of them.
    if {port, 0} & set(ports):
        return Cell("policy", one.name, other.name, PASS, f"{port}/udp")
    named = ", ".join(f"{each}/udp" for each in ports)
    found = f"its kernel encrypts {named} to {other.name} instead" if ports else "its kernel has no policy of Docker's"
    detail = (
        f"{one.name} sends to {other.name} ({plain(other.address)}) on {port}/udp, and {found}: "
        "what leaves there is in clear text"
    )
    return Cell("policy", one.name, other.name, FAIL, named, detail)


LAYER = Layer(
    name="encryption",
    title="Encryption",
    question="With overlay_encryption: docker, every server's kernel encrypts what goes to the others' data path port.",
    remedy="look at `ip xfrm policy`; an engine before 23.0.7 or 24.0.3 encrypts on 4789/udp only",
    cells=cells,
    expected=lambda view: view.server_pairs,
    exists=lambda view: view.encryption == "docker",
)
