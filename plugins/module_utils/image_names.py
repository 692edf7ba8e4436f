# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images that say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def familiar(name: str) -> str:
    """As the Engine lists it: Docker Hub is not said, and a name without tag and digest means ``latest``."""
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name[len(prefix) :] if name.startswith(prefix) else name
    if name.startswith("library/"):
        name = name[len("library/") :]
    return name if "@" in name or untagged(name) != name else f"{name}:latest"


def untagged(name: str) -> str:
    repository, colon, tag = name.rpartition(":")
    return repository if colon and "/" not in tag else name


def is_tag(name: str) -> bool:
    """Whether the name says no content: neither a digest nor an image's ID."""
    return "@" not in name and not name.startswith("sha256:")


def digested(name: str, answer: Mapping[str, Any]) -> str:
    """With its tag and the digest that a registry's ``answer`` has for it, as the docker CLI writes it."""
    tagged = name if untagged(name) != name else f"{name}:latest"
    return f"{tagged}@{answer['Descriptor']['digest']}"
