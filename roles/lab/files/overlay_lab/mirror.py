# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Debian mirror this machine uses: read from its apt sources at run time, never written down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

from .shell import LabError, run

RELEASE = re.compile(
    r"^(buster|bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)(-[a-z-]+)?(/updates)?$"
)


class Source(NamedTuple):
    uri: str
    suite: str


def one_line(text: str) -> Iterable[Source]:
    """Entries of a sources.list."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", line)
        if found:
            yield Source(found[1], found[2])


def stanzas(text: str) -> Iterable[Source]:
    """Entries of a deb822 .sources file."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {key.lower(): value for key, value in re.findall(r"(?m)^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", stanza)}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "").strip().lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite)


def machine_sources(root: Path = Path("/etc/apt")) -> list[Source]:
    found: list[Source] = []
    for path in [root / "sources.list", *sorted((root / "sources.list.d").glob("*.list"))]:
        if path.exists():
            found += one_line(path.read_text(encoding="utf-8"))
    for path in sorted((root / "sources.list.d").glob("*.sources")):
        found += stanzas(path.read_text(encoding="utf-8"))
    return [source for source in found if RELEASE.match(source.suite)]


def lines_for(release: str, sources: Iterable[Source], keyring: Path, given: Optional[str] = None) -> list[str]:
    """The apt sources for a release, on the mirrors that the machine uses for its own."""
    sources = list(sources)
    main = given or next((s.uri for s in sources if "security" not in s.suite), None)
    security = None if given else next((s.uri for s in sources if s.suite.endswith(("-security", "/updates"))), None)
    if main is None:
        raise LabError("no Debian mirror found in /etc/apt: give one with lab_mirror")
    option = f"[signed-by={keyring}]"
    lines = [f"deb {option} {main} {release} main", f"deb {option} {main} {release}-updates main"]
    if security:
        lines.append(f"deb {option} {security} {release}-security main")
    return lines


def apt_options() -> list[str]:
    """How the machine reaches its mirror (proxy, certificates), to be handed to another apt."""
    dump = run("apt-config", "dump", "--no-empty").stdout
    wanted = re.compile(r"^Acquire::(https?::|Retries|ForceIPv[46])")
    return [line.rstrip(";") for line in dump.splitlines() if wanted.match(line)]
