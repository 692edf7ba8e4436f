# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as JUnit: a suite a layer, a case a cell, for whatever shows test results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import FAIL, NOT_RUN, UNKNOWN
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.names import visible

# What should have run and did not is an error, in JUnit's words.
WRONG = {FAIL: "failure", UNKNOWN: "error"}


def render(result: Mapping[str, Any]) -> str:
    """The document, which XML 1.0 can say: what hosts printed may hold characters that it cannot."""
    result = visible(result)
    root = ElementTree.Element("testsuites", _counts(result["counts"]) | {"name": "connectivity"})
    root.set("time", str(result["seconds"]))
    for layer in result["layers"]:
        attributes = {"name": layer["name"], "timestamp": result["started"][:19], **_counts(layer["counts"])}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for cell in layer["cells"]:
            name = f"{cell['check']} {cell['from']} → {cell['to']}"
            case = ElementTree.SubElement(
                suite, "testcase", {"name": name, "classname": f"connectivity.{layer['name']}"}
            )
            if cell["status"] in WRONG:
                wrong = ElementTree.SubElement(case, WRONG[cell["status"]], {"message": cell["detail"]})
                wrong.text = f"{cell['detail']}\n{layer['remedy']}"
            elif cell["status"] == NOT_RUN:
                ElementTree.SubElement(case, "skipped", {"message": cell["detail"]})
        if layer["notes"]:
            ElementTree.SubElement(suite, "system-out").text = "\n".join(layer["notes"])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(counts: Mapping[str, int]) -> dict[str, str]:
    return {
        "tests": str(sum(counts.values())),
        "failures": str(counts[FAIL]),
        "errors": str(counts[UNKNOWN]),
        "skipped": str(counts[NOT_RUN]),
    }
