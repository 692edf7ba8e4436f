# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known against versions of the engine's packages. Debian backports fixes, so its own versions count.

As of 2026-11-24, from the packages' own changelogs. A line: package, what, whom it concerns, and for each Debian
release the version that fixes it (None: that release has no fix yet). Other releases get no advice rather than a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from ansible_collections.baremetal.overlay.plugins.plugin_utils.debian import compare

AS_OF = "2026-11-24"


@dataclass(frozen=True)
class Advisory:
    """One line of the table."""

    package: str
    name: str
    what: str
    fixed: Mapping[int, str | None]
    only_with: str | None = None


ENCRYPTION = "encryption"
_BREAKOUT = "a container that is made to can write to the host"

ADVISORIES: tuple[Advisory, ...] = (
    Advisory(
        "docker.io",
        "CVE-2024-41110",
        "requests can get past authorization plugins",
        {12: "20.10.24+dfsg1-1+deb12u1"},
    ),
    Advisory(
        "docker.io",
        "CVE-2026-34040, CVE-2026-41568, CVE-2026-42306 and others",
        "authorization plugins can be passed, and docker cp can be led to files of the host",
        {13: "26.1.5+dfsg1-9+deb13u1"},
    ),
    Advisory(
        "docker.io",
        "CVE-2023-28840, CVE-2023-28841, CVE-2023-28842",
        "encrypted overlay networks take and send clear text",
        {12: "20.10.24+dfsg1-1"},
        only_with=ENCRYPTION,
    ),
    Advisory(
        "docker.io",
        "CVE-2026-92542",
        "users of a host can put frames into its encrypted overlay networks",
        {12: None, 13: None},
        only_with=ENCRYPTION,
    ),
    Advisory(
        "docker-ce",
        "CVE-2026-92542",
        "users of a host can put frames into its encrypted overlay networks",
        {12: "5:29.8.2", 13: "5:29.8.2"},
        only_with=ENCRYPTION,
    ),
    Advisory(
        "docker-ce",
        "CVE-2026-115538",
        "with firewalld, encrypted overlay networks lose their rules when it reloads",
        {12: "5:29.9.3", 13: "5:29.9.3"},
        only_with=ENCRYPTION,
    ),
    Advisory("runc", "CVE-2024-21626", _BREAKOUT, {12: "1.1.5+ds1-1+deb12u1"}),
    Advisory("runc", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", _BREAKOUT, {12: None, 13: None}),
    Advisory(
        "containerd",
        "CVE-2024-25621, CVE-2024-40635",
        "users of the host can reach its files, and a user number that overflows becomes root",
        {12: "1.6.20~ds1-1+deb12u2", 13: "1.7.24~ds1-6+deb13u1"},
    ),
)


def sentences(packages: Mapping[str, str], debian: int, uses: Set[str]) -> Iterator[str]:
    """What concerns these versions, given what the deployment uses."""
    for advisory in ADVISORIES:
        version = packages.get(advisory.package)
        if version is None or debian not in advisory.fixed:
            continue
        if advisory.only_with is not None and advisory.only_with not in uses:
            continue
        fixed = advisory.fixed[debian]
        if fixed is None or compare(version, fixed) < 0:
            remedy = f"fixed in {fixed}" if fixed else f"Debian {debian} has no fix (as of {AS_OF})"
            yield f"{advisory.package} {version}: {advisory.name}, {advisory.what}; {remedy}"
