# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an overlay adds to a packet, header by header, and what MTU is left for what is inside: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

IP = {4: 20, 6: 40}
UDP, VXLAN, GENEVE, ETHERNET = 8, 8, 8, 14
# Four bytes of GRE, and four for the key that is always there.
GRE = 8
# What each kind puts between the outer IP header and the inner packet. Docker's overlay is VXLAN, too.
KINDS: dict[str, tuple[tuple[str, int], ...]] = {
    "vxlan": (("UDP", UDP), ("VXLAN", VXLAN), ("Ethernet", ETHERNET)),
    "geneve": (("UDP", UDP), ("Geneve", GENEVE), ("Ethernet", ETHERNET)),
    "nvgre": (("GRE with key", GRE), ("Ethernet", ETHERNET)),
}


@dataclass(frozen=True)
class Esp:
    """Transport mode with AES-GCM: what is before and after the payload, and to what it is padded."""

    icv: int
    header: int = 8
    iv: int = 8
    trailer: int = 2
    block: int = 4

    def room(self, space: int) -> int:
        """The largest payload that fits: with its trailer it is padded to whole blocks."""
        return (space - self.header - self.iv - self.icv) // self.block * self.block - self.trailer


# The Engine encrypts its overlays with a short check value, strongSwan's aes256gcm16 has the long one.
ENCRYPTIONS: dict[str, Optional[Esp]] = {"none": None, "docker": Esp(icv=8), "ipsec": Esp(icv=16)}


@dataclass(frozen=True)
class Room:
    """What an underlay's packet is divided into."""

    underlay: int
    parts: tuple[tuple[str, int], ...]

    @property
    def overhead(self) -> int:
        return sum(size for _name, size in self.parts)

    @property
    def mtu(self) -> int:
        return self.underlay - self.overhead

    def __str__(self) -> str:
        """The arithmetic, as a sentence has it."""
        return f"{self.underlay} - " + " - ".join(f"{size} ({name})" for name, size in self.parts) + f" = {self.mtu}"


def room(underlay: int, kind: str, version: int, encryption: str = "none") -> Room:
    """What is left of an underlay's MTU; kind and version of IP as in ``KINDS`` and ``IP``."""
    parts = [(f"IPv{version}", IP[version])]
    esp = ENCRYPTIONS[encryption]
    if esp is not None:
        space = underlay - IP[version]
        parts.append(("ESP", space - esp.room(space)))
    return Room(underlay, (*parts, *KINDS[kind]))


def carried(underlay: int, version: int, encryption: str) -> int:
    """The largest packet, with its IP header, that still fits into the underlay's MTU once the host encrypts it."""
    esp = ENCRYPTIONS[encryption]
    return underlay if esp is None else IP[version] + esp.room(underlay - IP[version])
