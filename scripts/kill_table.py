# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills modules between any two of their steps in the lab, runs the playbook again, and prints what became of it."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from deployment import Deployment, eventually, reach  # noqa: E402
from kill_table import BRIEF, CHANGES, Kept, Kills, Row, by_module, table  # noqa: E402

INVENTORY = ROOT / "inventories" / "lab"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal.overlay" / "lab"
ADDRESSES = {f"n{number}": f"172.31.77.{10 + number}" for number in range(1, 5)}
BARE = "bare"
PAGE = ROOT / "docs" / "soak.md"
HEADING = "## Modules that were killed between two steps"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", nargs="*", default=[], help="only these modules die")
    parser.add_argument("--steps", default="", help="only before steps that match this regular expression")
    parser.add_argument("--write", action="store_true", help=f"write the table, with today's date, to {PAGE.name}")
    parser.add_argument(
        "cases", nargs="*", help=f"{BARE} (the lab's hosts are new), {', '.join(CHANGES)}; default: all"
    )
    options = parser.parse_args()
    cases = options.cases or [BARE, *CHANGES]
    if unknown := sorted(set(cases) - {BARE, *CHANGES}):
        parser.error(f"no such case: {', '.join(unknown)}; there are: {BARE}, {', '.join(CHANGES)}")
    deployment = Deployment(INVENTORY, ADDRESSES, reach(ADDRESSES, CACHE / "ssh"))
    with tempfile.TemporaryDirectory() as folder:
        kills = Kills(deployment, Path(folder), options.modules, options.steps)
        try:
            with kills.installed():
                run(kills, cases)
        finally:
            print(f"\n{table(kills.rows)}\n\n{by_module(kills.rows)}")
    if options.write:
        write(kills.rows)
    return 0


def run(kills: Kills, cases: list[str]) -> None:
    deployment, kept = kills.deployment, Kept(kills.deployment)
    if BARE in cases:
        kills.until_alive("from bare", "site", "-e", json.dumps(BRIEF), kept=kept)
    eventually(lambda: set(deployment.drives("n1").values()), {"ok"})
    kept.look()
    kept.write()
    for name, change in CHANGES.items():
        if name in cases:
            kills.there_and_back(f"{name} changed", change, kept)
    kept.clear()


def write(rows: list[Row]) -> None:
    """The section of the page is replaced, or added at its end."""
    page = PAGE.read_text(encoding="utf-8")
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    section = f"{HEADING}\n\n`make kill-table`, {today}:\n\n{by_module(rows)}\n\n{table(rows)}\n"
    found = re.compile(rf"{re.escape(HEADING)}\n.*?(?=\n## |\Z)", re.DOTALL)
    page = found.sub(lambda _old: section, page) if found.search(page) else f"{page.rstrip()}\n\n{section}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
