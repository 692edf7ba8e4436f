#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the certificate that MinIO shows on one host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_certificate
short_description: Make the key of MinIO's certificate on its host, and install the certificate
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - With O(request) it makes a private key on the host and returns what a CA has to sign. The key waits in a directory
    that only root enters, and never leaves the host.
  - With O(certificate) or O(trust) it puts certificate, key and trust in place, and waits until the server that runs
    shows the new certificate, without a restart. Certificate and key are swapped in one step. MinIO reads them again
    every ten seconds, for the first time a minute after its start.
  - A certificate that the server does not show within O(timeout) is one that MinIO does not take. The former files are
    put back, and the module fails.
  - Only the PEM objects are written, without whatever stands before, between or after them, which MinIO does not read.
  - MinIO reads what it trusts at its start only.
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
  common_name:
    description: The subject of the request.
    type: str
    default: minio
  certificate:
    description: The certificate, and those between it and its CA, as PEM.
    type: str
  key:
    description: Its private key, as PEM; without it the key that was made with O(request), or the one that is there.
    type: str
  trust:
    description: The certificates of the authorities that MinIO and those who speak to it trust, as PEM.
    type: str
    default: ""
  directory:
    description: MinIO's directory of certificates.
    type: path
    default: /etc/baremetal-overlay/minio-tls
  owner:
    description: The numeric user that MinIO runs as, who alone may read the key.
    type: int
    default: 9000
  address:
    description: Where the server of this host answers, as C(address:port). Without it nobody is asked.
    type: str
  timeout:
    description: Seconds until the server has to show the new certificate.
    type: int
    default: 90
"""

EXAMPLES = r"""
- name: Make a key
  baremetal.overlay.minio_certificate:
    request: true
    common_name: minio1
  register: asked

- name: Install what was signed
  baremetal.overlay.minio_certificate:
    certificate: "{{ signed.certificates['minio1'] }}"
    trust: "{{ signed.certificate }}"
    address: 192.0.2.11:9000
"""

RETURN = r"""
request:
  description: The signing request, of which M(baremetal.overlay.minio_ca) takes the public key; empty in check mode.
  returned: with O(request)
  type: str
  sample: "-----BEGIN CERTIFICATE REQUEST-----…"
trust_id:
  description: What is equal for equal trust.
  returned: without O(request)
  type: str
fingerprint:
  description: The SHA-256 fingerprint of the certificate that was installed.
  returned: without O(request)
  type: str
shown:
  description: Whether a server that runs was seen to show it.
  returned: without O(request)
  type: bool
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.host.pki import have_cryptography
from ..module_utils.host.system import System
from ..module_utils.minio import pem
from ..module_utils.minio.certificate import Store

ARGUMENTS: dict[str, Any] = {
    "request": {"type": "bool", "default": False},
    "common_name": {"type": "str", "default": "minio"},
    "certificate": {"type": "str"},
    "key": {"type": "str", "no_log": True},
    "trust": {"type": "str", "default": ""},
    "directory": {"type": "path", "default": "/etc/baremetal-overlay/minio-tls"},
    "owner": {"type": "int", "default": 9000},
    "address": {"type": "str"},
    "timeout": {"type": "int", "default": 90},
}


def request(module: AnsibleModule, store: Store) -> dict[str, Any]:
    """The key stays; what is to be signed goes."""
    name = module.params["common_name"]
    if module.check_mode:
        return {"request": ""}
    have_cryptography(System(module))
    return {"request": store.request(name)}


def install(module: AnsibleModule, store: Store) -> dict[str, Any]:
    """Everything in place, and shown where a server runs."""
    params = module.params
    certificate, trust = params["certificate"] or "", pem.bundle([params["trust"]])
    found = {"fingerprint": pem.fingerprint(certificate), "shown": False, "trust_id": pem.trust_id(trust)}
    if not module.check_mode:
        found["shown"] = store.install(certificate, params["key"], trust, params["address"], params["timeout"])
    return found


def main() -> None:
    """Request or install."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("request", "certificate")])
    store = Store(Path(module.params["directory"]), module.params["owner"])
    try:
        found = (request if module.params["request"] else install)(module, store)
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, **found)


if __name__ == "__main__":
    main()
