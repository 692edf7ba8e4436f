# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that is one text, split into words as the docker CLI splits it.

That is almost a shell's way. Between double quotes a backslash goes, whatever it stands before, where a shell keeps it
before most characters; and what follows a # at the beginning of a word is a comment.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"""(?P<blank>[ \t\r\n]+) | \\(?P<escaped>.) | "(?P<double>(?:\\.|[^"\\])*)" | '(?P<single>[^']*)'"""
    r"""| (?P<plain>[^ \t\r\n"'\\]+) | (?P<open>.)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"#[^\n]*")


def split(text: str) -> list[str]:
    """Raises ValueError where a quote or a backslash has no end."""
    words: list[str] = []
    word: list[str] = []
    at = 0
    while at < len(text):
        comment = None if word else _COMMENT.match(text, at)
        if comment:
            at = comment.end()
            continue
        piece = _PIECE.match(text, at)
        if piece is None or piece["open"]:
            raise ValueError("no character after the last backslash" if text[at] == "\\" else "no closing quote")
        at = piece.end()
        if piece["blank"]:
            words += ["".join(word)] if word else []
            word = []
        else:
            word.append(_meant(piece))
    return words + (["".join(word)] if word else [])


def _meant(piece: re.Match[str]) -> str:
    if piece["double"] is not None:
        return re.sub(r"\\(.)", r"\1", piece["double"], flags=re.DOTALL)
    return next(piece[name] for name in ("escaped", "single", "plain") if piece[name] is not None)
