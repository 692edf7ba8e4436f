# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken from the Python package index: one wheel, known by its SHA-256, whichever index or mirror has it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..errors import OverlayError
from .cache import Cache
from .shell import Shell

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
# How pip reaches an index, which is the build host's own affair; which index it is, is ours.
CONNECTION = ("PIP_CERT", "PIP_CLIENT_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT")


@dataclass(frozen=True)
class Wheel:
    """A package at one version, as one file."""

    name: str
    version: str
    sha256: str
    instead: str  # what helps where it cannot be fetched


class Wheels:
    """Fetches wheels with pip into the cache."""

    def __init__(self, shell: Shell, cache: Cache, python: Optional[str] = None, index: Optional[str] = None) -> None:
        self.shell = shell
        self.cache = cache
        self.python = python
        self.index = index

    def get(self, wheel: Wheel) -> Path:
        """The directory with what the wheel holds."""
        return self.cache.make("wheels", entry(wheel), lambda work: self._fetch(wheel, work))

    def _fetch(self, wheel: Wheel, work: Path) -> None:
        self.shell.say(f"fetching {wheel.name} {wheel.version} from {self.index or 'the Python package index'}")
        wanted = work / "requirements.txt"
        wanted.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        options = ["--target", str(work), "--no-deps", "--only-binary", ":all:", "--quiet", "--no-input"]
        options += ["--index-url", self.index] if self.index else []
        environment, found = settings(os.environ), []
        for python in dict.fromkeys(filter(None, (self.python, sys.executable, shutil.which("python3")))):
            command = [python, "-m", "pip", "install", *options, "--require-hashes", "--requirement", str(wanted)]
            try:
                self.shell.run(command, environment)
            except OverlayError as error:
                found.append(str(error))
            else:
                wanted.unlink()
                return
        raise OverlayError(
            f"{wheel.name} {wheel.version} with the SHA-256 {wheel.sha256} cannot be fetched with pip "
            f"({'; '.join(found)}); {wheel.instead}"
        )


def entry(wheel: Wheel) -> str:
    """Its name in the cache: what was fetched without looking at its sum is not found by it."""
    return f"{wheel.name}-{wheel.version}-{wheel.sha256[:16]}"


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """pip's settings: those of the user and the host are emptied, but for how a connection is made."""
    emptied = {name: "" for name in environment if name.startswith("PIP_") and name not in CONNECTION}
    bundle = next((path for path in BUNDLES if Path(path).is_file()), None)
    # Its files may say which authorities to trust, and the host's own bundle has those too.
    trusted = {"PIP_CERT": bundle} if bundle and not environment.get("PIP_CERT") else {}
    return {**emptied, **trusted, "PIP_CONFIG_FILE": os.devnull}


def host_bundle() -> Path:
    """The certificate authorities that the build host itself trusts."""
    for bundle in map(Path, BUNDLES):
        if bundle.is_file():
            return bundle
    raise OverlayError(f"no certificate authorities found (looked at {', '.join(BUNDLES)}); give ca_certificates")
