# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of secrets and configs on a real engine."""

from __future__ import annotations

import json
import shutil
import socketserver
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import blob, config, secret
from option_cases import Case, walk_case, without_case
from private import PrivateEngine

BOTH = {
    "labels": Case({"a": "1", "b": 2}, {"a": "1", "b": "3"}, {"a": "1", "b": "3"}, same=({"b": "2"}, {})),
    "template_driver": Case("golang", "", ""),
    "template_options": Case({"a": "1"}, {"a": 2}, {}, {"template_driver": "golang"}),
}
DRIVER = {
    "driver": Case({"name": "one"}, {"name": "two", "options": {"a": "1"}}, {"name": "one", "options": {}}),
    "driver.name": Case("one", "two", "one"),
    "driver.options": Case(
        {"name": "one", "options": {"a": "1"}}, {"name": "one", "options": {"a": 2}}, {"name": "one", "options": {}}
    ),
}
# The options of a driver are tried as part of it: alone they are not enough to make a secret.
WHOLE = ("driver.options",)
CASES: dict[str, dict[str, Case]] = {"config": BOTH, "secret": {**BOTH, **DRIVER}}
MODULES = {"config": config, "secret": secret}


class SecretProvider(BaseHTTPRequestHandler):
    """All that the Engine asks of a plugin before it makes a secret that the plugin is to provide."""

    def address_string(self) -> str:
        return "a socket has none"

    def do_POST(self) -> None:
        said = json.dumps({"Implements": ["secretprovider"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.1+json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@pytest.fixture(scope="module")
def plugins(engines: list[PrivateEngine]) -> Iterator[None]:
    """Two plugins, ``one`` and ``two``, that the first engine finds."""
    engine = engines[0]
    specs = engine.folder / "etc" / "plugins"
    specs.mkdir()
    for name in ("one", "two"):
        (specs / f"{name}.spec").write_text(f"unix://{engine.inner}/plugin")
    with socketserver.UnixStreamServer(str(engine.folder / "plugin"), SecretProvider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
    shutil.rmtree(specs)


class Blob:
    """The module as the controller calls it. It returns no specification: what it made is read from the engine."""

    def __init__(self, engine: Engine, kind: str, name: str, base: Mapping[str, Any]) -> None:
        self.engine, self.kind, self.name, self.base = engine, kind, name, base
        self.table = MODULES[kind].TABLE

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        defaults = {name: one.get("default") for name, one in MODULES[self.kind].SPEC.items()}
        return MODULES[self.kind].converge(
            self.engine, {**defaults, "name": self.name, **self.base, **options}, check_mode
        )

    def live(self) -> Any:
        found = [one["Spec"] for one in self.engine.call("GET", f"/{self.kind}s") if one["Spec"]["Name"] == self.name]
        if not found:
            return None
        labels = {key: one for key, one in (found[0].get("Labels") or {}).items() if key not in blob.OWN_LABELS}
        return {**found[0], "Labels": labels}

    def after(self, result: Mapping[str, Any]) -> Any:
        assert result[f"{self.kind}_name"] == self.name
        return self.live()


@pytest.mark.parametrize("kind", CASES)
def test_every_option_has_a_case(kind: str) -> None:
    assert not without_case(MODULES[kind].TABLE, CASES[kind])


@pytest.mark.parametrize(("kind", "option"), [(kind, option) for kind, cases in CASES.items() for option in cases])
def test_option(swarm_engine: Engine, plugins: None, kind: str, option: str) -> None:
    assert plugins is None
    base = {} if option.startswith("driver") else {"data": "content1"}
    subject = Blob(swarm_engine, kind, f"case-{option.replace('.', '-')}", base)
    try:
        walk_case(subject, "driver" if option in WHOLE else option, CASES[kind][option], swarm_engine.api_version)
    finally:
        subject(state="absent")
    assert subject.live() is None
