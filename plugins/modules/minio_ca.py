#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: a CA of the collection's own for MinIO."""

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_ca
short_description: Keep a CA for MinIO's servers or for IPsec, and sign their certificates
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Makes the CA where there is none, in a directory that only root enters. A CA that is there is never replaced.
  - Signs any number of requests in one execution. Of a request only the public key is taken, once it has proven that
    its private key is there. Names and addresses are those that are given here.
  - Refuses two requests with one key or for one subject.
  - The CA's key never leaves the host. Python's cryptography is installed where the host is a Debian without it.
attributes:
  check_mode:
    support: full
    description: Says what would be done, signs nothing.
  diff_mode:
    support: none
    description: There is nothing to show but new certificates.
options:
  directory:
    description:
      - Where the CA's key and certificate are kept.
      - A directory that is there and was not made by this collection is refused. Its mode and its files stay.
    type: path
    default: /etc/baremetal-overlay/ca
  ca_name:
    description: What a CA is called that is made.
    type: str
    default: baremetal.overlay MinIO CA
  ca_days:
    description: For how many days a CA is made.
    type: int
    default: 3650
  permitted:
    description:
      - The DNS names, with all below them, and the networks, as CIDR, to which a CA that is made is constrained.
        Clients take nothing else from it, even where its key was stolen.
      - Without it the CA is not constrained. A CA that is there stays as it is.
    type: list
    elements: str
    default: []
  requests:
    description: What is to be signed.
    type: list
    elements: dict
    default: []
    suboptions:
      common_name:
        description: The certificate's subject, by which it is returned.
        type: str
        required: true
      request:
        description: The signing request, as PEM.
        type: str
        required: true
      names:
        description: The names and addresses that this certificate is for, instead of O(names).
        type: list
        elements: str
  names:
    description: The names and addresses that each certificate is for.
    type: list
    elements: str
    default: []
  days:
    description: For how many days a certificate is made; never longer than the CA itself.
    type: int
    default: 365
"""

EXAMPLES = r"""
- name: Make a second CA beside the one that is used, to have it trusted first
  baremetal.overlay.minio_ca:
    directory: /etc/baremetal-overlay/ca-2
    permitted: [minio1, minio2, s3.example.org, 192.0.2.0/24]
  register: ca
"""

RETURN = r"""
certificate:
  description: The CA's own certificate, as PEM; empty in check mode where there is none yet.
  returned: success
  type: str
fingerprint:
  description: Its SHA-256 fingerprint.
  returned: success
  type: str
  sample: "3A:07:…"
made:
  description: Whether the CA was made by this execution.
  returned: success
  type: bool
certificates:
  description: The signed certificates, by common name.
  returned: success
  type: dict
"""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.host.pki import have_cryptography
from ..module_utils.host.system import System
from ..module_utils.minio import pem
from ..module_utils.minio.ca import Authority
from ..module_utils.minio.tls import CA_NAME

REQUEST: dict[str, Any] = {
    "common_name": {"type": "str", "required": True},
    "request": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str"},
}
ARGUMENTS: dict[str, Any] = {
    "directory": {"type": "path", "default": "/etc/baremetal-overlay/ca"},
    "ca_name": {"type": "str", "default": CA_NAME},
    "ca_days": {"type": "int", "default": 3650},
    "permitted": {"type": "list", "elements": "str", "default": []},
    "requests": {"type": "list", "elements": "dict", "options": REQUEST, "default": []},
    "names": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "int", "default": 365},
}


def main() -> None:
    """Look, make, and sign."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    authority = Authority(Path(params["directory"]), name=params["ca_name"], permitted=params["permitted"])
    now = datetime.now(timezone.utc).replace(microsecond=0)
    signed: dict[str, str] = {}
    try:
        authority.read()
        missing = not authority.certificate
        if not module.check_mode and (missing or params["requests"]):
            have_cryptography(System(module))
            if missing:
                authority.make(params["ca_days"], now)
            signed = authority.sign(params["requests"], params["names"], params["days"], now)
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=missing or bool(params["requests"]),
        certificate=authority.certificate,
        fingerprint=pem.fingerprint(authority.certificate),
        made=authority.made,
        certificates=signed,
    )


if __name__ == "__main__":
    main()
