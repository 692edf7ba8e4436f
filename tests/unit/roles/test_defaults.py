# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults that follow another role's variable, where that role is not part of the play."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"


def default(role: str, name: str, **given: Any) -> str:
    """What a role's own default is with these variables of the inventory."""
    texts = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(str(texts[name])).render(given)


@pytest.mark.parametrize(
    ("given", "parent"),
    [({}, "/srv/minio"), ({"drives_parent": "/data"}, "/data"), ({"minio_drives_parent": "/data"}, "/data")],
)
def test_a_teardown_looks_where_drives_are_mounted(given: dict[str, str], parent: str) -> None:
    assert default("teardown", "teardown_drives_parent", **given) == parent


@pytest.mark.parametrize(("given", "parent"), [({}, "/srv/minio"), ({"drives_parent": "/data"}, "/data")])
def test_servers_are_given_what_is_mounted(given: dict[str, str], parent: str) -> None:
    assert default("minio", "minio_drives_parent", **given) == parent
    assert default("drives", "drives_parent") == default("minio", "minio_drives_parent")
