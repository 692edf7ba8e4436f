# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a section wants to do: a list of steps that say themselves, and do nothing until they are applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol

from .system import System


class Step(Protocol):
    """One thing to do; a step with an empty sentence is bookkeeping that the user need not read."""

    @property
    def sentence(self) -> str: ...

    def apply(self, system: System) -> None: ...


@dataclass(frozen=True)
class WriteFile:
    """A file of ours, or one that we share and have merged."""

    path: str
    after: str
    before: Optional[str] = None
    mode: int = 0o644
    why: str = ""

    @property
    def sentence(self) -> str:
        verb = "write" if self.before is None else "change"
        return f"{verb} {self.path}" + (f" ({self.why})" if self.why else "")

    def shown(self, text: str) -> str:
        """What a diff has of it."""
        return text

    def apply(self, system: System) -> None:
        system.write(self.path, self.after, self.mode)


@dataclass(frozen=True)
class Run:
    """Commands that belong together, in order."""

    sentence: str
    commands: Sequence[Sequence[str]]
    env: Mapping[str, str] = field(default_factory=dict)

    def apply(self, system: System) -> None:
        for command in self.commands:
            system.run(command, self.env)


# After units were written or removed.
DAEMON_RELOAD = Run("", (("systemctl", "daemon-reload"),))


@dataclass(frozen=True)
class Mark:
    """A note to a later run that this one began something; written before, removed after."""

    path: str
    text: str
    sentence: str = ""

    def apply(self, system: System) -> None:
        system.write(self.path, self.text, 0o600)


@dataclass(frozen=True)
class Unmark:
    path: str
    sentence: str = ""

    def apply(self, system: System) -> None:
        system.remove(self.path)


@dataclass(frozen=True)
class RemoveTree:
    """A file or directory of ours with all that is in it."""

    path: str

    @property
    def sentence(self) -> str:
        return f"remove {self.path}"

    def apply(self, system: System) -> None:
        system.remove_tree(self.path)


@dataclass
class Plan:
    """What a section found wrong, and what it would do."""

    violations: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    # Things that a later module of its own has to do or the user should know; never a change by themselves.
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        return [step.sentence for step in self.steps if step.sentence]

    @property
    def changed(self) -> bool:
        return bool(self.sentences)

    def report(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "plan": self.sentences,
            "violations": self.violations,
            **self.flags,
        }

    def diff(self, name: str) -> list[dict[str, str]]:
        """File by file where a file changes, else the sentences."""
        files = [step for step in self.steps if isinstance(step, WriteFile)]
        others = [step.sentence for step in self.steps if step.sentence and not isinstance(step, WriteFile)]
        shown = [
            {
                "before_header": file.path,
                "after_header": file.path,
                "before": file.shown(file.before or ""),
                "after": file.shown(file.after),
            }
            for file in files
        ]
        if others:
            shown.append(
                {"before_header": name, "after_header": name, "before": "", "after": "".join(f"{s}\n" for s in others)}
            )
        return shown

    def apply(self, system: System) -> None:
        for step in self.steps:
            step.apply(system)
