# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files become what the docker CLI makes of them: both deploy the same files to the same real engine.

First the CLI, and ours on top of it finds nothing to do; then ours alone, and the CLI on top of it changes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import fingerprint
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_plan import BASE_LABEL
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from ansible_collections.baremetal.overlay.plugins.plugin_utils.compose_files import load, named_files
from private import PrivateEngine
from registry import DIGEST
from running import run_service
from stacks import run

COMPOSE = Path(__file__).resolve().parent / "compose"
VARIABLES = {"HOST": "h", "EMPTY": "", "SET": "set", "REPLICAS": "0", "TRUTH": "true", "FROM_VARIABLES": "given"}
NAMESPACE = "com.docker.stack.namespace"
OUTSIDE = ("corpus-outside", "corpus-outside-2", "minio-overlay-network")


@dataclass(frozen=True)
class Case:
    files: tuple[str, ...]
    # Where ours is meant to differ: service → the options that change when ours follows the CLI.
    differs: dict[str, set[str]] = field(default_factory=dict)
    warned: int = 0


CASES = {
    "container": Case(("container.compose",)),
    "deploy": Case(("deploy.compose",)),
    "networks": Case(("networks.compose",)),
    "files": Case(("files.compose",)),
    "mounts": Case(("mounts.compose",), warned=1),
    "ports": Case(("ports.compose",)),
    "variables": Case(("variables.compose",)),
    "ignored": Case(("ignored.compose",), warned=22),
    "article": Case(("article.compose",)),
    # The CLI joins two commands of a health check into one that is neither.
    "merged": Case(("base.compose", "other/override.compose"), {"merged_web": {"healthcheck.test"}}),
    # The CLI leaves tmpfs out without a word.
    "extra": Case(("extra.compose",), {"extra_app": {"mounts[/scratch]"}}),
}


class Cli:
    def __init__(self, engine: PrivateEngine, folder: Path) -> None:
        program = shutil.which("docker")
        if program is None:
            raise RuntimeError("these tests need the docker CLI; install docker-cli (Debian 12: docker.io)")
        self._program = program
        self._environment = {**os.environ, **VARIABLES, "DOCKER_HOST": engine.url, "DOCKER_CONFIG": str(folder)}

    def deploy(self, name: str, files: tuple[str, ...], resolve: str = "never") -> None:
        named = [part for path in files for part in ("--compose-file", str(COMPOSE / path))]
        self._run("stack", "deploy", "--detach", "--resolve-image", resolve, *named, name)

    def _run(self, *command: str) -> None:
        ended = subprocess.run(
            [self._program, *command], env=self._environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr


class Ours:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def deploy(
        self,
        name: str,
        files: tuple[str, ...],
        check_mode: bool = False,
        more: Optional[dict[str, Any]] = None,
        **options: Any,
    ) -> dict[str, Any]:
        """``more``: a definition after those of the files."""
        compose = [load((COMPOSE / path).read_text(encoding="utf-8"), path) for path in files]
        compose += [more] if more else []
        paths = [path for path in named_files(compose, VARIABLES) if (COMPOSE / path).exists()]
        data = {path: base64.b64encode((COMPOSE / path).read_bytes()).decode() for path in paths}
        given = {"variables": VARIABLES, "file_data": data, "wait": False, **options}
        return run(self.engine, name, *compose, check_mode=check_mode, **given)

    def remove(self, name: str) -> None:
        self.deploy(name, (), state="absent", wait=True)

    def specifications(self, name: str) -> dict[str, Any]:
        """Those of the stack's services, as they are stored."""
        found = self.engine.call("GET", "/services", query={"filters": {"label": [f"{NAMESPACE}={name}"]}})
        return {one["Spec"]["Name"]: one["Spec"] for one in found}

    def objects(self, name: str) -> dict[str, dict[str, Any]]:
        """All that is specified of what belongs to the stack; contents of secrets are seen by nobody."""
        found: dict[str, dict[str, Any]] = {}
        for kind in ("services", "secrets", "configs", "networks"):
            for one in self.engine.call("GET", f"/{kind}"):
                spec = one if kind == "networks" else one["Spec"]
                if (spec.get("Labels") or {}).get(NAMESPACE) == name:
                    if kind == "services":
                        # What is not said has a default, and the CLI says some of them.
                        query = {"insertDefaults": True}
                        spec = self.engine.call("GET", f"/services/{one['ID']}", query=query)["Spec"]
                    found.setdefault(kind, {})[spec["Name"]] = spec
        return found


@pytest.fixture(scope="module")
def cli(engines: list[PrivateEngine], tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return Cli(engines[0], tmp_path_factory.mktemp("docker"))


@pytest.fixture(scope="module")
def ours(swarm_engine: Engine) -> Iterator[Ours]:
    """With what the corpus takes for external."""
    made = [
        ("networks", swarm_engine.call("POST", "/networks/create", {"Name": name, "Driver": "overlay"})["Id"])
        for name in OUTSIDE
    ]
    for kind in ("secret", "config"):
        body = {"Name": f"corpus-{kind}", "Data": base64.b64encode(b"theirs").decode()}
        made.append((f"{kind}s", swarm_engine.call("POST", f"/{kind}s/create", body)["ID"]))
    yield Ours(swarm_engine)
    for kind, ident in made:
        swarm_engine.call("DELETE", f"/{kind}/{ident}")


def normal(value: Any, names: dict[str, str]) -> Any:
    """Without what says nothing (Go's zero values), IDs as names, lists whose order means nothing in order."""
    if isinstance(value, dict):
        found = {key: normal(one, names) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return sorted((normal(one, names) for one in value), key=repr)
    if isinstance(value, str):
        # Blanks around the operator of a constraint say nothing.
        return names.get(value, value).replace(" == ", "==").replace(" != ", "!=")
    return value


ORDERED = ("Command", "Args", "Test", "Nameservers", "Search")
# What an engine fills in by itself, or what is only ours: how content is recognised.
NETWORK_KEYS = ("Name", "Driver", "Attachable", "Internal", "EnableIPv6", "Ingress", "Scope", "Labels")


def comparable(found: dict[str, dict[str, Any]], engine: Engine) -> dict[str, Any]:
    names = {one["Id"]: one["Name"] for one in engine.call("GET", "/networks")}
    for kind in ("secrets", "configs"):
        names.update({one["ID"]: one["Spec"]["Name"] for one in engine.call("GET", f"/{kind}")})
    plain: dict[str, Any] = {}
    for name, network in found.get("networks", {}).items():
        options = {key: one for key, one in (network["Options"] or {}).items() if "vxlanid" not in key}
        subnets = [one["Subnet"] for one in network["IPAM"]["Config"] if one["Subnet"] == "10.97.1.0/24"]
        plain[f"network {name}"] = normal(
            {**{key: network[key] for key in NETWORK_KEYS}, "Options": options, "Subnets": subnets}, names
        )
    for kind in ("secrets", "configs"):
        for name, spec in found.get(kind, {}).items():
            labels = {key: one for key, one in spec["Labels"].items() if key not in (BASE_LABEL, fingerprint.LABEL)}
            plain[f"{kind} {name}"] = normal({**spec, "Labels": labels}, names)
    for name, spec in found.get("services", {}).items():
        endpoint = {"Mode": "vip", **(spec.get("EndpointSpec") or {})}
        plain[f"service {name}"] = normal(marked({**spec, "EndpointSpec": endpoint}), names)
    return plain


def marked(value: Any) -> Any:
    """Lists whose order means something become mappings."""
    if isinstance(value, dict):
        return {
            key: {str(number): word for number, word in enumerate(one)}
            if key in ORDERED and isinstance(one, list)
            else marked(one)
            for key, one in value.items()
        }
    return [marked(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES)
def test_the_same_objects(case: str, cli: Cli, ours: Ours) -> None:
    files, differs = CASES[case].files, CASES[case].differs
    cli.deploy(case, files)
    theirs = comparable(ours.objects(case), ours.engine)
    following = ours.deploy(case, files)
    assert len(following["warnings"]) == CASES[case].warned, following["warnings"]
    assert {
        name: set(options) for name, options in following["diff"]["after"].get("services", {}).items()
    } == differs, following["plan"]
    if not differs:
        assert not following["changed"], following["plan"]
        assert comparable(ours.objects(case), ours.engine) == theirs
    ours.remove(case)

    predicted = ours.deploy(case, files, check_mode=True)
    done = ours.deploy(case, files)
    assert done["changed"]
    assert (done["plan"], done["diff"]) == (predicted["plan"], predicted["diff"])
    made = ours.objects(case)
    for name, one in theirs.items():
        if name.partition(" ")[2] not in differs:
            assert comparable(made, ours.engine)[name] == one
    assert set(comparable(made, ours.engine)) == set(theirs)
    again = ours.deploy(case, files)
    assert not again["changed"], again["plan"]
    assert not ours.deploy(case, files, check_mode=True)["changed"]
    if not differs:
        stored = ours.specifications(case)
        cli.deploy(case, files)
        # To the letter: Swarm replaces tasks whose specification has an empty object where there was none.
        assert ours.specifications(case) == stored
        assert comparable(ours.objects(case), ours.engine) == theirs
        # It wrote over the labels that tell the content of secrets: the Engine is asked, and it says the same.
        after = ours.deploy(case, files)
        assert not after["changed"], after["plan"]
    ours.remove(case)


def test_a_secret_of_the_cli_with_other_content_is_a_new_version(cli: Cli, ours: Ours) -> None:
    cli.deploy("other", ("files.compose",))
    data = {"password": "battery staple"}
    predicted = ours.deploy("other", ("files.compose",), check_mode=True, secret_data=data)
    assert "has no label that tells its content" in predicted["warnings"][0]
    changed = ours.deploy("other", ("files.compose",), secret_data=data, wait=True)
    assert changed["plan"][0] == 'create secret "other_password_v2": its content changed'
    assert 'remove secret "other_password"' in changed["plan"]
    assert not ours.deploy("other", ("files.compose",), secret_data=data)["changed"]
    ours.remove("other")


def test_a_secret_of_the_cli_with_another_label_is_labelled(cli: Cli, ours: Ours) -> None:
    cli.deploy("labelled", ("files.compose",))
    other = {"secrets": {"password": {"file": "./files/password.txt", "labels": {"kind": "another"}}}}
    changed = ours.deploy("labelled", ("files.compose",), more=other)
    assert changed["plan"] == ['update secret "labelled_password": labels']
    labels = ours.objects("labelled")["secrets"]["labelled_password"]["Labels"]
    assert fingerprint.matches(labels[fingerprint.LABEL], (COMPOSE / "files" / "password.txt").read_bytes())
    assert labels["kind"] == "another"
    assert not ours.deploy("labelled", ("files.compose",), more=other)["changed"]
    ours.remove("labelled")


def test_strict_makes_what_docker_ignores_an_error(ours: Ours) -> None:
    with pytest.raises(InputError) as caught:
        ours.deploy("ignored", ("ignored.compose",), strict=True)
    said = "; ".join(caught.value.violations)
    assert len(caught.value.violations) == CASES["ignored"].warned
    for key in ("build", "restart", "container_name", "depends_on"):
        assert f"services.app.{key}: " in said


def test_a_mapped_image_is_never_pulled_and_the_cli_sees_the_written_name(cli: Cli, ours: Ours) -> None:
    ident = "sha256:" + "0" * 64
    ours.deploy("mapped", ("article.compose",), image_map={"minio/minio:latest": ident})
    spec = ours.objects("mapped")["services"]["mapped_minio"]
    assert spec["TaskTemplate"]["ContainerSpec"]["Image"] == ident
    assert spec["Labels"]["com.docker.stack.image"] == "minio/minio:latest"
    cli.deploy("mapped", ("article.compose",))
    assert ours.objects("mapped")["services"]["mapped_minio"]["TaskTemplate"]["ContainerSpec"]["Image"] == ident
    assert not ours.deploy("mapped", ("article.compose",), image_map={"minio/minio:latest": ident})["changed"]
    ours.remove("mapped")


@pytest.fixture
def registry(engines: list[PrivateEngine]) -> Iterator[str]:
    """In the network namespace of the engine."""
    port = 5000
    program = str(Path(__file__).resolve().parent / "registry.py")
    inside = ["nsenter", f"--net=/run/netns/{engines[0].name}"]
    running = subprocess.Popen([*inside, sys.executable, program, str(port)])
    try:
        probe = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 1)"

        def answers() -> int:
            return subprocess.run(
                [*inside, sys.executable, "-c", probe, str(port)], capture_output=True, check=False
            ).returncode

        wait_until(answers, lambda code: code == 0, 20, "the registry to listen", 0.2)
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


def test_images_are_resolved_as_the_cli_resolves_them(cli: Cli, ours: Ours, registry: str, tmp_path: Path) -> None:
    written = tmp_path / "resolved.compose"
    service = {"image": f"{registry}/corpus/app:1", "deploy": {"replicas": 0}}
    written.write_text(json.dumps({"version": "3.8", "services": {"app": service}}), encoding="utf-8")
    files = (str(written),)
    cli.deploy("resolved", files, resolve="always")
    theirs = comparable(ours.objects("resolved"), ours.engine)
    container = ours.objects("resolved")["services"]["resolved_app"]["TaskTemplate"]
    assert container["ContainerSpec"]["Image"] == f"{registry}/corpus/app:1@{DIGEST}"
    assert container["Placement"]["Platforms"] == [{"Architecture": "amd64", "OS": "linux"}]
    for mode in (None, "never", "changed", "always"):
        found = ours.deploy("resolved", files, resolve_image=mode)
        assert not found["changed"], (mode, found["plan"])
    ours.remove("resolved")
    for mode in ("changed", "always"):
        ours.deploy("resolved", files, resolve_image=mode)
        assert comparable(ours.objects("resolved"), ours.engine) == theirs
        ours.remove("resolved")
    unresolved = ours.deploy(
        "resolved", files, resolve_image="always", image_map={service["image"]: f"{registry}/no:2"}
    )
    assert f'image "{registry}/no:2" cannot be resolved to a digest' in unresolved["warnings"][0]
    ours.remove("resolved")


def test_a_service_s_image_is_resolved_where_that_is_asked_for(ours: Ours, registry: str) -> None:
    image, name = f"{registry}/corpus/app:1", "resolves"
    plain = run_service(ours.engine, name=name, image=image, replicas=0, wait=False)
    assert plain["swarm_service"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == image
    predicted = run_service(ours.engine, check_mode=True, name=name, image=image, resolve_image=True, wait=False)
    done = run_service(ours.engine, name=name, image=image, resolve_image=True, wait=False)
    for found in (predicted, done):
        assert found["changes"] == ["image"]
        assert found["swarm_service"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == f"{image}@{DIGEST}"
    assert not run_service(ours.engine, name=name, image=image, resolve_image=True, wait=False)["changed"]
    assert not run_service(ours.engine, name=name, image=image, wait=False)["changed"]
    with pytest.raises(OverlayError, match=r'"resolve_image": image ".*/no:2" cannot be resolved to a digest'):
        run_service(ours.engine, name=name, image=f"{registry}/no:2", resolve_image=True, wait=False)
    run_service(ours.engine, name=name, state="absent")
