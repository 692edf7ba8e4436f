# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as one page that needs nothing else: the verdict first, then what is wrong, then every layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    NOT_RUN,
    PASS,
    UNKNOWN,
    WARN,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.names import shorten
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.style import CSS

SIGNS = {PASS: "✓", WARN: "!", FAIL: "✗", UNKNOWN: "?", NOT_RUN: "○"}
WORDS = {PASS: "pass", WARN: "warning", FAIL: "fail", UNKNOWN: "no result", NOT_RUN: "not run"}
# Both are wrong: what failed, and what should have run and has no result.
WRONG = (FAIL, UNKNOWN)
# From so many hosts on, a cell shows its sign only and the page is as wide as it has to be.
COMPACT = 11
# From so many on, two matrices do not fit beside each other.
WIDE = 5
SENTENCES = 6
NO_FACT = "-"
GUIDE = "docs/troubleshooting.md"

Data = Mapping[str, Any]


def render(result: Data) -> str:
    """The whole page."""
    hosts = shorten([host["name"] for host in result["hosts"]])
    size = "compact" if len(hosts) >= COMPACT else "roomy wide" if len(hosts) >= WIDE else "roomy"
    sections = "".join(_section(layer, hosts, result, size == "compact") for layer in result["layers"])
    word = result["verdict"].upper()
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{word}: connectivity of {len(hosts)} hosts</title><style>{CSS}</style></head>\n"
        f'<body class="{size}">{_head(result, len(hosts))}<main>{_wrong(result)}{_soon(result)}'
        f"{_advice(result)}{_ladder(result)}{_legend(result, hosts)}"
        f'<div class="layers">{sections}</div>{_aside(result)}</main>{_foot(result)}</body></html>\n'
    )


def _head(result: Data, hosts: int) -> str:
    counts = result["counts"]
    chips = "".join(
        f'<li class="chip {status}">{_sign(status)} {counts[status]} {WORDS[status]}</li>'
        for status in SIGNS
        if counts[status]
    )
    return (
        f'<header class="verdict {result["verdict"]}"><p class="mark" aria-hidden="true">{SIGNS[result["verdict"]]}</p>'
        f"<div><h1>{WORDS[result['verdict']].capitalize()}: {escape(result['sentence'])}</h1>"
        f'<p>Connectivity of {hosts} {"host" if hosts == 1 else "hosts"}, <time datetime="{escape(result["started"])}">'
        f"{escape(result['started'][:16].replace('T', ' '))} UTC</time>, in {result['seconds']:g} s</p>"
        f"<ul>{chips}</ul></div></header>"
    )


def _wrong(result: Data) -> str:
    """What failed or has no result, and what to do about it, in the order in which to look."""
    entries = []
    for layer in result["layers"]:
        details = list(dict.fromkeys(cell["detail"] for cell in layer["cells"] if cell["status"] in WRONG))
        if details:
            entries.append(
                f'<li><h3><a href="#{layer["name"]}">{escape(layer["title"])}</a> '
                f"<small>{_wrong_of(layer)} of {sum(layer['counts'].values())}</small></h3>{_list(details)}"
                f'<p class="remedy"><b>What to do:</b> {escape(layer["remedy"])} '
                f"(<code>{GUIDE}#{layer['name']}</code>).</p></li>"
            )
    if not entries:
        return ""
    note = "<p>A fault shows in every layer above it: begin with the first.</p>" if len(entries) > 1 else ""
    return f'<section class="wrong"><h2>What is wrong</h2>{note}<ol>{"".join(entries)}</ol></section>'


def _soon(result: Data) -> str:
    """What is not broken yet."""
    if not result["warnings"]:
        return ""
    return f'<section class="soon"><h2>What to look at soon</h2>{_list(result["warnings"])}</section>'


def _advice(result: Data) -> str:
    """What a benchmark of others would have otherwise."""
    if not result.get("advice"):
        return ""
    return f'<section class="advice"><h2>Advice</h2>{_list(result["advice"])}</section>'


def _wrong_of(layer: Data) -> int:
    return sum(layer["counts"][status] for status in WRONG)


def _list(details: Sequence[str]) -> str:
    items = [f"<li>{escape(detail)}</li>" for detail in details]
    first, more = "".join(items[:SENTENCES]), "".join(items[SENTENCES:])
    rest = f"<details><summary>{len(items) - SENTENCES} more</summary><ul>{more}</ul></details>" if more else ""
    return f"<ul>{first}</ul>{rest}"


def _ladder(result: Data) -> str:
    """Every layer in one row."""
    steps = "".join(
        f'<li><a class="step {layer["status"]}" href="#{layer["name"]}"><b>{_sign(layer["status"])}</b> '
        f"{escape(layer['title'])} <small>{_passed(layer)}/{sum(layer['counts'].values())}</small></a></li>"
        for layer in result["layers"]
    )
    return f'<nav aria-label="Layers"><ol class="ladder">{steps}</ol></nav>'


def _passed(layer: Data) -> int:
    return int(layer["counts"][PASS] + layer["counts"][WARN])


def _legend(result: Data, names: Mapping[str, str]) -> str:
    """Which host is meant, where a name is too long for a column."""
    if all(name == short for name, short in names.items()):
        return ""
    items = "".join(
        f"<li><b>{escape(names[host['name']])}</b> <span>{escape(host['name'])}</span></li>" for host in result["hosts"]
    )
    return f'<section class="legend"><h2>Hosts</h2><ul>{items}</ul></section>'


def _name(tag: str, name: str, names: Mapping[str, str]) -> str:
    """A heading: short, and whole where the pointer rests on it."""
    short = names.get(name, name)
    title = f' title="{escape(name)}"' if short != name else ""
    return f'<th scope="{tag}"{title}><span>{escape(short)}</span></th>'


def _section(layer: Data, hosts: Mapping[str, str], result: Data, compact: bool) -> str:
    if not layer["cells"]:
        body = '<p class="none">Nothing to check: there is only one of them.</p>'
    elif layer["matrix"]:
        body = _matrix(layer, {host: short for host, short in hosts.items() if _concerned(layer, host)}, compact)
    else:
        body = _table(layer, result, hosts, compact)
    counts = layer["counts"]
    aside = f", {counts[NOT_RUN]} not run" if counts[NOT_RUN] else ""
    wide = len({cell["to"] for cell in layer["cells"]}) >= COMPACT
    kind = "matrix" if layer["matrix"] or wide else "table"
    notes = "".join(f'<p class="note"><small>{escape(note)}</small></p>' for note in layer["notes"])
    return (
        f'<section id="{layer["name"]}" class="layer {kind}"><h2>{_sign(layer["status"])} {escape(layer["title"])} '
        f"<small>{_passed(layer)} of {sum(counts.values())}{aside}</small></h2>"
        f'<p>{escape(layer["question"])}</p><div class="scroll" tabindex="0">{body}</div>{notes}</section>'
    )


def _concerned(layer: Data, host: str) -> bool:
    return any(host in (cell["from"], cell["to"]) for cell in layer["cells"])


def _group(layer: Data) -> dict[tuple[str, str], list[Data]]:
    found: dict[tuple[str, str], list[Data]] = {}
    for cell in layer["cells"]:
        found.setdefault((cell["from"], cell["to"]), []).append(cell)
    return found


def _matrix(layer: Data, hosts: Mapping[str, str], compact: bool) -> str:
    """From each host to each other one."""
    cells = _group(layer)
    head = "".join(_name("col", host, hosts) for host in hosts)
    rows = "".join(
        f"<tr>{_name('row', one, hosts)}"
        + "".join(
            '<td class="self"></td>' if one == other else _cell(cells.get((one, other), []), compact) for other in hosts
        )
        + "</tr>"
        for one in hosts
    )
    return _frame(layer, '<th class="corner">from ↓ to →</th>', head, rows)


def _frame(layer: Data, corner: str, head: str, rows: str) -> str:
    caption = f'<caption class="hidden">{escape(layer["title"])}</caption>'
    return f"<table>{caption}<thead><tr>{corner}{head}</tr></thead><tbody>{rows}</tbody></table>"


def _table(layer: Data, result: Data, names: Mapping[str, str], compact: bool) -> str:
    """A row for each host or endpoint, a column for each property."""
    cells = _group(layer)
    rows = list(dict.fromkeys(cell["from"] for cell in layer["cells"]))
    columns = list(dict.fromkeys(cell["to"] for cell in layer["cells"]))
    facts = {host["name"]: host for host in result["hosts"]} if layer["name"] == "versions" else {}
    more = ("Kernel", "Python", "Interface") if facts else ()
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in (*columns, *more))
    body = "".join(
        f"<tr>{_name('row', row, names)}"
        + "".join(_cell(cells.get((row, column), []), compact and len(columns) >= COMPACT) for column in columns)
        + "".join(f"<td>{escape(text)}</td>" for text in (_facts(facts[row]) if facts else ()))
        + "</tr>"
        for row in rows
    )
    return _frame(layer, '<td class="corner"></td>', head, body)


def _facts(host: Data) -> Iterable[str]:
    yield host.get("kernel") or NO_FACT
    yield host.get("python") or NO_FACT
    yield f"{host['interface']}, MTU {host['mtu']}" if host.get("interface") else NO_FACT


def _cell(cells: Sequence[Data], compact: bool) -> str:
    """What several checks of one pair come to: the worst of them, by colour, by sign and by words."""
    if not cells:
        return '<td class="self"></td>'
    statuses = {cell["status"] for cell in cells}
    status = next(status for status in (FAIL, UNKNOWN, WARN, PASS, NOT_RUN) if status in statuses)
    title = "\n".join(_tip(cell) for cell in cells)
    partly = " partly" if status == PASS and NOT_RUN in statuses else ""
    value = "" if compact else escape(_value(cells, status))
    return f'<td class="{status}{partly}" title="{escape(title)}">{_sign(status)}{" " + value if value else ""}</td>'


def _value(cells: Sequence[Data], status: str) -> str:
    if status == FAIL and len(cells) > 1:
        failed = [cell["check"] for cell in cells if cell["status"] == FAIL]
        return "all" if len(failed) == len(cells) else ", ".join(failed)
    if status == WARN:
        return next(str(cell["value"]) for cell in cells if cell["status"] == WARN)
    if len(cells) > 1 and {cell["check"] for cell in cells} & {"icmp"}:
        return str(cells[0]["value"])
    if len(cells) > 1:
        return f"{sum(cell['status'] == PASS for cell in cells)}/{len(cells)}"
    value = str(cells[0]["value"])
    return "" if value in ("yes",) else value


def _tip(cell: Data) -> str:
    told = cell["detail"] or cell["value"]
    return f"{cell['from']} → {cell['to']}, {cell['check']}: {WORDS[cell['status']]}{f' ({told})' if told else ''}"


def _aside(result: Data) -> str:
    """What was not run, by its reason."""
    reasons: dict[str, dict[str, int]] = {}
    for layer in result["layers"]:
        for cell in layer["cells"]:
            if cell["status"] == NOT_RUN:
                counted = reasons.setdefault(cell["detail"], {})
                counted[layer["title"]] = counted.get(layer["title"], 0) + 1
    if not reasons:
        return "<section><h2>Not run</h2><p>Every check was run.</p></section>"
    items = "".join(
        f"<li>{escape(reason)} <small>{escape(_where(counted))}</small></li>" for reason, counted in reasons.items()
    )
    return f'<section id="not-run"><h2>Not run, because</h2><ul>{items}</ul></section>'


def _where(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{title} {count}" for title, count in counted.items())


def _sign(status: str) -> str:
    return f'<span aria-hidden="true">{SIGNS[status]}</span><span class="hidden">{WORDS[status]}</span>'


def _foot(result: Data) -> str:
    about = f"run {escape(result['run'])}, schema {result['schema_version']}"
    return f"<footer>baremetal.overlay, playbook verify, {about}</footer>"
