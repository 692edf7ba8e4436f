# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What charon has negotiated and what it holds, so that what is new is told from what was there before."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from testinfra.host import Host

IKE = re.compile(r"^(\S+): #(\d+), ESTABLISHED,")
CHILD = re.compile(r"^  (\S+): #\d+, reqid \d+, ([A-Z]+), ([A-Z]+),")
SPI = re.compile(r"^    (?:in|out) +([0-9a-f]+)[, ]")
# charon's own tool has no command for it.
GET_SHARED = """
import re, socket, struct
one = socket.socket(socket.AF_UNIX)
one.connect("/run/charon.vici")
request = bytes([0, 10]) + b"get-shared"
one.sendall(struct.pack("!I", len(request)) + request)
(length,) = struct.unpack("!I", one.recv(4, socket.MSG_WAITALL))
answer = one.recv(length, socket.MSG_WAITALL)
for name in sorted(re.findall(rb"ike-baremetal-overlay-[0-9]+-[0-9a-f]{16}", answer)):
    print(name.decode())
"""


@dataclass
class Seen:
    """The associations of IKE by their numbers, and what each installed child has: its mode, and its SPIs."""

    numbers: dict[str, set[str]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    spis: dict[str, set[str]] = field(default_factory=dict)


def parse(listed: str) -> Seen:
    """Of ``swanctl --list-sas``; children are called by their connection and their name."""
    seen, connection, child = Seen(), "", ""
    for line in listed.splitlines():
        if not line.startswith(" "):
            connection = line.partition(":")[0]
            if found := IKE.match(line):
                seen.numbers.setdefault(connection, set()).add(found[2])
        elif found := CHILD.match(line):
            child = f"{connection} {found[1]}" if found[2] == "INSTALLED" else ""
            if child:
                seen.modes[child] = found[3]
        elif child and (found := SPI.match(line)):
            seen.spis.setdefault(child, set()).add(found[1])
    return seen


def look(host: Host) -> Seen:
    return parse(host.check_output("swanctl --list-sas"))


def renewed(before: Mapping[str, set[str]], now: Mapping[str, set[str]]) -> dict[str, bool]:
    """Whether each thing of before is there, with nothing left of what it had."""
    return {name: bool(now.get(name)) and not now[name] & had for name, had in before.items()}


def keys(host: Host) -> list[str]:
    """What the keys are called that charon holds, whatever the file says."""
    return host.check_output(f"python3 -c {shlex.quote(GET_SHARED)}").split()


def certificates(host: Host) -> set[str]:
    """The serial numbers of the certificates that charon holds."""
    listed = host.check_output("swanctl --list-certs")
    return {found.replace(":", "").upper() for found in re.findall(r"^ *serial: +([0-9a-f:]+)$", listed, re.MULTILINE)}


def own_certificate(host: Host) -> str:
    """The serial number of the file."""
    shown = host.check_output("openssl x509 -noout -serial -in /etc/swanctl/x509/baremetal-overlay.pem")
    return str(shown.partition("=")[2].strip().upper())
