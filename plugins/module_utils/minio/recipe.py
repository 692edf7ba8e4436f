# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is made of, and the key under which it is kept: pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

from ..errors import InputError
from .archive import Entry

USER = 9000
RELEASE_LABEL = "baremetal.overlay.minio.release"
REPOSITORY = "localhost/baremetal.overlay/minio"
MINIO, MINIO_VERSION = "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"
MC, MC_VERSION = "github.com/minio/mc", "v0.0.0-20250313080218-cf909e1063a9"
GO_VERSION = "1.26.6"
PSEUDO_VERSION = re.compile(r"v0\.0\.0-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-([0-9a-f]{12})")
# Go's names of architectures, and those of uname.
ARCHITECTURES = {
    "amd64": "amd64",
    "x86_64": "amd64",
    "arm64": "arm64",
    "aarch64": "arm64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
# The SHA-256 of the wheel with the toolchain of GO_VERSION, by the build host's architecture as uname has it. Each file
# of it that the module golang.org/toolchain has as well is the same there, and that module's sum is in Go's checksum
# database.
GO_WHEELS = {
    "aarch64": "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
    "x86_64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
}
# Mozilla's certificate authorities as of a fixed date, and the SHA-256 of the wheel.
CERTIFI, CERTIFI_WHEEL = "2026.10.18", "73191c47aaa79da394e8fee2dbc2ec827432cab56311122c9e47abf79e390f62"
# What the Go module proxy has to serve for the versions that are the defaults.
SUMS = {
    f"{MINIO}@{MINIO_VERSION}": "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=",
    f"{MC}@{MC_VERSION}": "h1:6RyInOHKL6jz8zxcAar/h6rg/aJCxDP/uFuSNvYSuMI=",
}


MIRRORS = ("go_proxy", "python_index")
# The image that the defaults give, by the architecture it is for: nothing of the build host is in it.
EXPECTED = {
    "amd64": "sha256:c2be31bdd83262bdcdb3484acdcbf3eb83ff80f2f37d40f8d6a6c013e6f45151",
    "arm64": "sha256:276908f8fcdb4cf37c8259aca8671cff82ed42056b56f3d547ef73210af15a98",
}


@dataclass(frozen=True)
class Sources:
    """By which mirrors modules and wheels are fetched; empty: where the tools themselves go. Sums hold for all."""

    go_proxy: Optional[str] = None
    python_index: Optional[str] = None


@dataclass(frozen=True)
class Program:
    """A Go program at one commit; its release is named after the commit's time, as MinIO names them."""

    module: str
    version: str

    @property
    def name(self) -> str:
        """The name of the binary."""
        return self.module.rpartition("/")[2]

    @property
    def release(self) -> str:
        """For example RELEASE.2026-02-12T20-18-48Z."""
        return "RELEASE.{}-{}-{}T{}-{}-{}Z".format(*self._parts())

    @property
    def linker_flags(self) -> str:
        """What makes the program call itself by its release; without, it says DEVELOPMENT."""
        commit = self._parts()[6]
        values = {
            "Version": "{}-{}-{}T{}:{}:{}Z".format(*self._parts()),
            "ReleaseTag": self.release,
            "CommitID": commit,
            "ShortCommitID": commit,
        }
        return " ".join(["-s -w", *(f"-X {self.module}/cmd.{name}={value}" for name, value in values.items())])

    def _parts(self) -> tuple[str, ...]:
        match = PSEUDO_VERSION.fullmatch(self.version)
        if not match:
            raise InputError(
                f'{self.module}: "{self.version}" is not a Go pseudo-version; give for example {MINIO_VERSION}'
            )
        return match.groups()


@dataclass(frozen=True)
class Build:
    """Everything that the binaries depend on."""

    go_version: str
    architecture: str
    programs: tuple[Program, ...]

    @property
    def key(self) -> str:
        """Equal inputs, equal key."""
        flags = [program.linker_flags for program in self.programs]
        return key({**asdict(self), "flags": flags, "environment": self.environment})

    @property
    def expected(self) -> Optional[str]:
        """The image ID that it gives with our certificate authorities, where that is known: of the defaults."""
        defaults = (Program(MINIO, MINIO_VERSION), Program(MC, MC_VERSION))
        is_default = self.go_version == GO_VERSION and self.programs == defaults
        return EXPECTED.get(self.architecture) if is_default else None

    @property
    def environment(self) -> dict[str, str]:
        """Go's settings; those of the user that would change the result are overruled."""
        return {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            # Go's file of settings that a user or a host has.
            "GOENV": "off",
            "GOAMD64": "v1",
            "GOARCH": self.architecture,
            "GOARM64": "v8.0",
            "GOFIPS140": "off",
            # Readonly: a dependency whose sum is not in the go.sum of the program's own module ends the build.
            "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly",
            "GOOS": "linux",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }


def mirror_violations(name: str, value: Optional[str]) -> Iterator[str]:
    """A mirror is named in the result, so nothing secret may be in it."""
    if any("@" in urlsplit(url).netloc for url in re.split(r"[,|]", value or "")):
        yield f"{name}: its URL holds a user or a password, and it is shown in results; put them into ~/.netrc"


def architecture(name: str) -> str:
    """Go's name for what a host calls its architecture."""
    if name not in ARCHITECTURES:
        raise InputError(f'architecture: "{name}" is unknown; allowed: {", ".join(sorted(ARCHITECTURES))}')
    return ARCHITECTURES[name]


def key(value: Any) -> str:
    """A short name for a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def tag(release: str) -> str:
    """A name that keeps the image from being pruned as dangling; nothing is ever run by it."""
    return f"{REPOSITORY}:{re.sub(r'[^A-Za-z0-9_.-]', '-', release)[:128]}"


def entries(minio: Path, mc: Path | None, certificates: Path) -> list[Entry]:
    """The image's only layer."""
    return [
        *(Entry(path) for path in ("drives", "etc", "etc/ssl", "etc/ssl/certs", "usr", "usr/bin")),
        Entry("tmp", mode=0o1777),
        Entry("etc/group", f"root:x:0:\nminio:x:{USER}:\n".encode(), 0o644),
        Entry(
            "etc/passwd",
            f"root:x:0:0:root:/tmp:/sbin/nologin\nminio:x:{USER}:{USER}:minio:/tmp:/sbin/nologin\n".encode(),
            0o644,
        ),
        Entry("etc/ssl/certs/ca-certificates.crt", certificates, 0o644),
        Entry("usr/bin/minio", minio),
        *([Entry("usr/bin/mc", mc)] if mc else []),
    ]


def settings(release: str) -> dict[str, Any]:
    """The container configuration, under the Engine API's names."""
    return {
        "Entrypoint": ["/usr/bin/minio"],
        "Env": ["PATH=/usr/bin", "HOME=/tmp", "MC_CONFIG_DIR=/tmp/.mc"],
        "ExposedPorts": {"9000/tcp": {}, "9001/tcp": {}},
        "Labels": {"org.opencontainers.image.title": "MinIO", RELEASE_LABEL: release},
        "User": f"{USER}:{USER}",
        "WorkingDir": "/tmp",
    }
