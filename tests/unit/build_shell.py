# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell for what makes images, which only remembers."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError


class Said:
    """A shell that only remembers."""

    def __init__(self, answers=()):
        self.sentences, self.commands, self.answers = [], [], dict(answers)

    def run(self, command, environment=None, cwd=None):
        self.commands.append((command, environment, cwd))
        for start, answer in self.answers.items():
            if " ".join(command[1:]).startswith(start):
                return answer(command, environment) if callable(answer) else answer
        raise OverlayError(f"{command[0]} is not there")

    def say(self, sentence):
        self.sentences.append(sentence)

    def expect(self, packages):
        self.sentences.append(packages)
