#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the certificate with which one host proves to its IPsec peers who it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipsec_certificate
short_description: Make the key of an IPsec certificate on its host, and put the certificate in place
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - With O(request) it makes a private key on the host and returns what a CA has to sign, for
    M(baremetal.overlay.minio_ca).
    The key waits in a directory that only root enters, and never leaves the host.
  - With O(certificate) it puts key and certificate where strongSwan starts from, both in one step.
    M(baremetal.overlay.ipsec) has them loaded.
attributes:
  check_mode:
    support: full
    description: Says that something would be done, makes no key.
  diff_mode:
    support: none
    description: There is nothing to show but new certificates.
options:
  request:
    description: Make a key, and return a signing request for it.
    type: bool
    default: false
  number:
    description: The number of the host, which gives the name that its certificate is for.
    type: int
    required: true
  certificate:
    description: The certificate, as PEM.
    type: str
"""

EXAMPLES = r"""
- name: Make a key
  baremetal.overlay.ipsec_certificate:
    request: true
    number: 1
  register: asked

- name: Put what was signed in place
  baremetal.overlay.ipsec_certificate:
    number: 1
    certificate: "{{ signed.certificates['host1.baremetal-overlay'] }}"
"""

RETURN = r"""
request:
  description: The signing request, of which M(baremetal.overlay.minio_ca) takes the public key; empty in check mode.
  returned: with O(request)
  type: str
  sample: "-----BEGIN CERTIFICATE REQUEST-----…"
fingerprint:
  description: The SHA-256 fingerprint of the certificate that was put in place.
  returned: with O(certificate)
  type: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.host.pki import have_cryptography
from ..module_utils.host.system import System
from ..module_utils.ipsec import connections, files
from ..module_utils.minio import pem
from ..module_utils.minio.pair import Pair
from ..module_utils.state_directory import make_directories

ARGUMENTS: dict[str, Any] = {
    "request": {"type": "bool", "default": False},
    "number": {"type": "int", "required": True},
    "certificate": {"type": "str"},
}


def pair() -> Pair:
    """Where strongSwan's tools look for them."""
    return Pair(Path(files.CERTIFICATE), Path(files.KEY), Path(files.STORE), Path(files.PENDING), owner=0)


def install(certificate: str) -> None:
    """Directories come with the package; a host that is still bare gets them here."""
    for path, mode in ((files.KEY, 0o700), (files.CERTIFICATE, 0o755)):
        make_directories(Path(path).parent, mode)
    store = pair()
    store.install(certificate)
    store.clear()


def main() -> None:
    """Request or install."""
    module = AnsibleModule(
        ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("request", "certificate")],
        required_one_of=[("request", "certificate")],
    )
    params = module.params
    name = connections.identity(params["number"])
    found: dict[str, Any] = {"request": ""} if params["request"] else {}
    try:
        if params["certificate"]:
            found["fingerprint"] = pem.fingerprint(params["certificate"])
            if not module.check_mode:
                install(params["certificate"])
        elif not module.check_mode:
            have_cryptography(System(module))
            found["request"] = pair().request(name)
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, **found)


if __name__ == "__main__":
    main()
