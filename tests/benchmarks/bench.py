# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ours costs beside the stock modules, run by ``make bench``.

``modules``: single modules that have nothing to do, on an engine of their own (modules.py), minutes. ``links``: a
thousand peers of a kernel overlay in a namespace (links.py), seconds. ``firewall``: the table with a thousand peers,
likewise (firewall.py). ``site``: site.yml beside a playbook of the same
outcome (deployment.py); it takes labs down and up, most of an hour. ``throughput``: every overlay and its encryption
beside the bare underlay, in the lab of virtual machines (throughput.py), most of an hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import deployment
import firewall
import links
import measure
import modules
import throughput

PARTS = ("modules", "links", "firewall", "site", "throughput")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{' or '.join(PARTS)}; all unless given")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs of a module")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of new labs")
    parser.add_argument("--noops", type=int, default=3, help="runs without anything to do, on each lab")
    options = parser.parse_args(arguments)
    parts = options.parts or list(PARTS)
    if strange := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(strange))}; there are: {', '.join(PARTS)}")
    try:
        kept = modules.main(options.pairs) if "modules" in parts else True
        if "links" in parts:
            kept = links.main() and kept
        if "firewall" in parts:
            kept = firewall.main() and kept
        if "site" in parts:
            deployment.main(options.rounds, options.noops)
        if "throughput" in parts:
            throughput.main()
    except measure.RunError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
