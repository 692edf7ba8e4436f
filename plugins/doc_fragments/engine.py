# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # How to reach the Docker Engine: the options of community.docker.
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the engine listens, as C(unix:///path), C(tcp://host:port) or C(ssh://user@host).
      - The environment variable E(DOCKER_HOST) is used where the option is not given.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls_hostname:
    description:
      - The name to expect in the engine's certificate, where it is not the one in O(docker_host).
      - The environment variable E(DOCKER_TLS_HOSTNAME) is used where the option is not given.
    type: str
  api_version:
    description:
      - The Engine API version to speak; V(auto) is the newest that the engine knows.
      - The environment variable E(DOCKER_API_VERSION) is used where the option is not given.
    type: str
    default: auto
    aliases: [docker_api_version]
  timeout:
    description:
      - Seconds to wait for an answer of the engine.
      - The environment variable E(DOCKER_TIMEOUT) is used where the option is not given.
    type: int
    default: 60
  ca_path:
    description:
      - The CA certificate that the engine's certificate is checked with.
      - C(ca.pem) in the directory E(DOCKER_CERT_PATH) is used where the option is not given.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - The client's certificate.
      - C(cert.pem) in the directory E(DOCKER_CERT_PATH) is used where the option is not given.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - The client's key.
      - C(key.pem) in the directory E(DOCKER_CERT_PATH) is used where the option is not given.
    type: path
    aliases: [tls_client_key, key_path]
  tls:
    description:
      - Speak TLS without checking the engine's certificate. O(validate_certs) takes precedence.
      - The environment variable E(DOCKER_TLS) is used where the option is not given.
    type: bool
    default: false
  use_ssh_client:
    description: For C(ssh://), use the ssh command instead of paramiko.
    type: bool
    default: false
  validate_certs:
    description:
      - Speak TLS and check the engine's certificate.
      - The environment variable E(DOCKER_TLS_VERIFY) is used where the option is not given.
    type: bool
    default: false
    aliases: [tls_verify]
  debug:
    description: Accepted for compatibility with community.docker; it has no effect.
    type: bool
    default: false
requirements:
  - Python 3.9 or later on the managed host
  - the Docker SDK for Python (python3-docker) 5.0 or later, where O(docker_host) is no Unix socket, or registry logins
    are sent
notes:
  - In check mode neither the SDK nor an engine is needed; the plan is then that of a newly installed engine.
"""

    # What every module of this collection that changes things can do.
    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and predict what would be changed, without changing it.
    support: full
  diff_mode:
    description: Returns what differs, before and after.
    support: full
"""

    ATTRIBUTES_INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode; it changes nothing in any mode.
    support: full
  diff_mode:
    description: Returns what differs, before and after.
    support: N/A
"""
