#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_check
short_description: Prove that a MinIO cluster works through every endpoint
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Waits until C(/minio/health/cluster) is 200 on every endpoint.
  - Makes sure that C(minioadmin:minioadmin), with which a server starts that did not get its secrets, cannot log in.
  - Stores an object through the first endpoint and one in several parts through the last, and reads both from every
    endpoint with equal SHA-256. The bucket is temporary and removed, also after a failure.
  - Requests that fail only because a server is just coming back (SlowDownWrite and its like) are repeated until the
    time-out.
attributes:
  check_mode:
    support: full
    description: Looks at the health once, waits for nothing, writes nothing and never fails for what it sees.
  diff_mode:
    support: none
    description: Nothing is changed.
options:
  endpoints:
    description: The URLs of the servers, for example V(http://192.0.2.11:9000).
    type: list
    elements: str
    required: true
  root_user:
    description: The access key to store and read with.
    type: str
  root_password:
    description: Its secret key.
    type: str
  credentials_file:
    description: Where both are kept on the host, if they are not given; a JSON object with C(user) and C(password).
    type: path
    default: /etc/baremetal-overlay/minio-root.json
  objects:
    description: Whether to store and read objects, or only to look at health and default credentials.
    type: bool
    default: true
  maintenance:
    description:
      - Whether the others have to be able to do without any one of the servers, as
        C(/minio/health/cluster?maintenance=true) says. It is what to
        wait for before the next server of a rolling change goes down.
    type: bool
    default: false
  stable:
    description:
      - For how many seconds in a row the health has to be good. A server that came back with another address is not
        reached by all others for up to 30 seconds, while they remember the old one, and the health does not show it.
    type: int
    default: 0
  timeout:
    description: Seconds until everything has to be proven.
    type: int
    default: 180
  request_timeout:
    description: Seconds until a single request is given up.
    type: int
    default: 30
  validate_certs:
    description: Whether certificates of C(https) endpoints have to be valid.
    type: bool
    default: true
  ca_path:
    description: A file with certificate authorities for C(https) endpoints.
    type: path
"""

EXAMPLES = r"""
- name: Prove that MinIO works through every host
  baremetal.overlay.minio_check:
    endpoints:
      - http://192.0.2.11:9000
      - http://192.0.2.12:9000
"""

RETURN = r"""
verdict:
  description: What was proven, in a sentence; in check mode, what was seen.
  returned: always
  type: str
  sample: 4 of 4 endpoints are healthy and serve equal objects; the default credentials are refused
endpoints:
  description: What was seen of each endpoint.
  returned: always
  type: list
  elements: dict
  sample:
    - endpoint: http://192.0.2.11:9000
      healthy: true
      state: healthy
      write_quorum: 5
      default_credentials_refused: true
      objects_equal:
        object: true
        parts: true
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.s3.check import Check
from ..module_utils.s3.client import Client
from ..module_utils.s3.kept import read_credentials

ARGUMENTS: dict[str, Any] = {
    "endpoints": {"type": "list", "elements": "str", "required": True},
    "root_user": {"type": "str"},
    "root_password": {"type": "str", "no_log": True},
    "credentials_file": {"type": "path", "default": "/etc/baremetal-overlay/minio-root.json"},
    "objects": {"type": "bool", "default": True},
    "maintenance": {"type": "bool", "default": False},
    "stable": {"type": "int", "default": 0},
    "timeout": {"type": "int", "default": 180},
    "request_timeout": {"type": "int", "default": 30},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}


def main() -> None:
    """Run the check."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_together=[("root_user", "root_password")])
    params = module.params
    options = {name: params[name] for name in ("validate_certs", "ca_path")}
    check = None
    try:
        credentials = None if module.check_mode else read_credentials(params)
        clients = [
            Client(endpoint.rstrip("/"), credentials, params["request_timeout"], **options)
            for endpoint in params["endpoints"]
        ]
        check = Check(clients, params["timeout"], maintenance=params["maintenance"], stable=params["stable"])
        endpoints = check.look() if module.check_mode else check.run(params["objects"])
    except OverlayError as error:
        module.fail_json(msg=str(error), verdict=str(error), endpoints=check.report() if check else [])
    verdict = (say_seen if module.check_mode else say)(endpoints)
    module.exit_json(changed=False, verdict=verdict, endpoints=endpoints)


def say(endpoints: list[dict[str, Any]]) -> str:
    """The verdicts in a sentence."""
    healthy = sum(endpoint["healthy"] for endpoint in endpoints)
    stored = all(endpoint["objects_equal"] for endpoint in endpoints)
    refused = all(endpoint["default_credentials_refused"] for endpoint in endpoints)
    return (
        f"{healthy} of {len(endpoints)} endpoints are healthy{' and serve equal objects' if stored else ''}"
        f"{'; the default credentials are refused' if refused else ''}"
    )


def say_seen(endpoints: list[dict[str, Any]]) -> str:
    """What check mode saw, which proves nothing: before the first deployment no endpoint answers."""
    healthy = sum(endpoint["healthy"] for endpoint in endpoints)
    return (
        f"check mode proves nothing: {healthy} of {len(endpoints)} endpoints are healthy at present; "
        "the real run waits until all of them are"
    )


if __name__ == "__main__":
    main()
