#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: A host's part in the checks of connectivity
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - With O(respond), tells what the host knows about itself and starts a responder for probes over udp. It is a
    transient unit that ends when all probers are done, when it hears nothing for a while, and at its run-time limit.
  - With O(probes), sends all of them at once, from the host and from inside the network namespaces of its tasks.
  - With O(store), looks at S3 and at MinIO's health. It stores and reads by a temporary user who may use
    buckets of checks, ask MinIO for its drives and do nothing else, and who is kept in C(/run/baremetal-overlay) for a
    day.
  - With O(visitor), has another host use S3 as a client does. The signed URLs for it go from host to host within the
    task, and are in no result and no output.
  - It judges nothing and fails for nothing that it sees; see the role C(connectivity).
attributes:
  action:
    support: full
    description: Stamps the controller's time on both sides of the module, and carries signed URLs to O(visitor).
  check_mode:
    support: partial
    description: Whether nothing is started and nothing stored.
    details: Starts no responder and stores nothing, so that what needs them is not known. All other probes are sent.
  diff_mode:
    support: none
    description: Nothing is changed.
options:
  run:
    description: Names this run of the checks, in 14 hexadecimal digits or more.
    type: str
    required: true
  deadline:
    description: Seconds until a probe has to be answered.
    type: float
    default: 2
  respond:
    description: What to answer to.
    type: dict
    suboptions:
      address:
        description: The host's address towards its peers.
        type: str
        required: true
      ports:
        description: The udp ports.
        type: list
        elements: int
        required: true
      networks:
        description: The networks whose tasks matter; V(host) is the host's own, and of that MinIO's servers only.
        type: list
        elements: str
        required: true
      host_address:
        description: The address at which peers reach a server that is in the host's own network.
        type: str
      bridge:
        description: A kernel overlay's bridge, of which it is asked where it leads.
        type: str
      seconds:
        description: The responder's run-time limit.
        type: int
        default: 180
      idle:
        description: Seconds after which the responder ends if it hears nothing more.
        type: int
        default: 60
      drives:
        description: The drives that are declared for this host, of which it is said whether they are there and mounted.
        type: dict
        suboptions:
          devices:
            description: The devices, in their order.
            type: list
            elements: str
            required: true
          number:
            description: The host's number, which is in the labels.
            type: int
            required: true
          parent:
            description: Below which directory they are mounted.
            type: path
            required: true
  probes:
    description: What to probe.
    type: list
    elements: dict
    suboptions:
      key:
        description: The name of the result.
        type: str
        required: true
      kind:
        description: How to probe.
        type: str
        choices: [icmp, tcp, udp, dns, hosts]
        required: true
      address:
        description: To which address; not for V(dns) and V(hosts).
        type: str
      port:
        description: To which port, for V(tcp) and V(udp).
        type: int
      size:
        description: The size of the largest packet that has to pass unfragmented, for V(icmp).
        type: int
      name:
        description: The name to ask the Engine for with V(dns), or to find in the process's hosts file with V(hosts).
        type: str
      pid:
        description: A process in whose network namespace to probe.
        type: int
  answers_at:
    description:
      - This host's address towards its peers, where IPsec protects the udp ports.
      - Answers then come to the port of gossip, since no policy fits what is sent from the ports themselves.
    type: str
  probers:
    description: The names and addresses of all hosts that respond, which are told when this one is done.
    type: dict
    default: {}
  name:
    description: This host's name among O(probers).
    type: str
  store:
    description: What to do with S3.
    type: dict
    suboptions:
      mode:
        description:
          - V(offer) makes the bucket. V(sign) returns URLs with which a client without credentials can store and read
            one object through each of O(store.clients). They end after five minutes, and are secrets until then.
          - V(visit) uses such URLs, of O(visitor) where that is given. V(examine) looks at every endpoint and at the
            drives as MinIO has them, and removes the bucket, V(clear) removes it.
          - V(health) asks for MinIO's health only.
        type: str
        choices: [offer, sign, visit, examine, health, clear]
        required: true
      endpoints:
        description: The URLs of the servers.
        type: list
        elements: str
        default: []
      clients:
        description: The URLs that clients use.
        type: list
        elements: str
        default: []
      offers:
        description: What V(sign) returned, for V(visit).
        type: list
        elements: dict
        default: []
        suboptions:
          endpoint:
            description: Which of O(store.clients) it is for.
            type: str
            required: true
          put:
            description: The URL to store an object.
            type: str
            required: true
          get:
            description: The URL to read it.
            type: str
            required: true
          neighbour:
            description: The URL to read what was stored through the endpoint before.
            type: str
            required: true
      bucket:
        description: The check's own bucket.
        type: str
        required: true
      root_user:
        description: The access key of a user who may ask for temporary credentials.
        type: str
      root_password:
        description: Its secret key.
        type: str
      credentials_file:
        description: Where both are kept on the host, if they are not given.
        type: path
        default: /etc/baremetal-overlay/minio-root.json
      ca_path:
        description: A file with certificate authorities for C(https) endpoints. One that is not there is not used.
        type: path
      ca_certificates:
        description: The certificate authorities themselves.
        type: str
      timeout:
        description: Seconds until a single request is given up.
        type: float
        default: 10
  visitor:
    description: The client, for O(store.mode=visit); the host of the task signs for it. Needs no privileges there.
    type: dict
    suboptions:
      host:
        description: Its name in the inventory, or V(localhost).
        type: str
        required: true
      signs:
        description: Whether this host can sign, which takes MinIO's credentials. Without, only the health is looked at.
        type: bool
        default: true
      ca_path:
        description: A file of that host with certificate authorities.
        type: path
      ca_certificates:
        description: The certificate authorities themselves.
        type: str
extends_documentation_fragment:
  - baremetal.overlay.engine
"""

EXAMPLES = r"""
- name: Say what is here, and respond
  baremetal.overlay.probe:
    run: 5d1f0a7be2c3d4
    respond:
      address: 192.0.2.11
      ports: [7946, 4789]
      networks: [minio-overlay]

- name: Probe a peer
  baremetal.overlay.probe:
    run: 5d1f0a7be2c3d4
    probes:
      - {key: n2, kind: icmp, address: 192.0.2.12, size: 1500}
"""

RETURN = r"""
sight:
  description: What the host knows about itself. C(engine_error) says why its tasks are not known.
  returned: with O(respond)
  type: dict
stamps:
  description: The controller's time before and after.
  returned: with O(respond)
  type: dict
responder:
  description: Why nothing responds, or an empty text.
  returned: with O(respond)
  type: str
probes:
  description: One result for each probe, by its key.
  returned: with O(probes)
  type: dict
  sample: {"n2": {"ok": true, "ms": 0.2, "size": 1500, "error": ""}}
store:
  description: What was seen of S3.
  returned: with O(store)
  type: dict
"""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.checks import drives, run, sight, store, udp, vtep
from ..module_utils.engine import connection_spec, open_engine
from ..module_utils.errors import OverlayError
from ..module_utils.host.system import System
from ..module_utils.s3.kept import read_credentials

RESPOND: dict[str, Any] = {
    "address": {"type": "str", "required": True},
    "ports": {"type": "list", "elements": "int", "required": True},
    "networks": {"type": "list", "elements": "str", "required": True},
    "host_address": {"type": "str"},
    "bridge": {"type": "str"},
    "seconds": {"type": "int", "default": 180},
    "idle": {"type": "int", "default": 60},
    "drives": {
        "type": "dict",
        "options": {
            "devices": {"type": "list", "elements": "str", "required": True},
            "number": {"type": "int", "required": True},
            "parent": {"type": "path", "required": True},
        },
    },
}
PROBE: dict[str, Any] = {
    "key": {"type": "str", "required": True, "no_log": False},
    "kind": {"type": "str", "choices": ["icmp", "tcp", "udp", "dns", "hosts"], "required": True},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "size": {"type": "int"},
    "name": {"type": "str"},
    "pid": {"type": "int"},
}
# Whoever has such a URL can use it.
OFFER: dict[str, Any] = {
    "endpoint": {"type": "str", "required": True},
    **{name: {"type": "str", "required": True, "no_log": True} for name in ("put", "get", "neighbour")},
}
MODES = ["offer", "sign", "visit", "examine", "health", "clear"]
STORE: dict[str, Any] = {
    "mode": {"type": "str", "choices": MODES, "required": True},
    "endpoints": {"type": "list", "elements": "str", "default": []},
    "clients": {"type": "list", "elements": "str", "default": []},
    "offers": {"type": "list", "elements": "dict", "default": [], "options": OFFER},
    "bucket": {"type": "str", "required": True},
    "root_user": {"type": "str"},
    "root_password": {"type": "str", "no_log": True},
    "credentials_file": {"type": "path", "default": "/etc/baremetal-overlay/minio-root.json"},
    "ca_path": {"type": "path"},
    "ca_certificates": {"type": "str"},
    "timeout": {"type": "float", "default": 10},
}
ARGUMENTS: dict[str, Any] = {
    **connection_spec(),
    "run": {"type": "str", "required": True},
    "deadline": {"type": "float", "default": 2},
    "respond": {"type": "dict", "options": RESPOND},
    "probes": {"type": "list", "elements": "dict", "options": PROBE},
    "answers_at": {"type": "str"},
    "probers": {"type": "dict", "default": {}},
    "name": {"type": "str"},
    "store": {"type": "dict", "options": STORE},
    # For the action plugin: the module never sees it.
    "visitor": {
        "type": "dict",
        "options": {
            "host": {"type": "str", "required": True},
            "signs": {"type": "bool", "default": True},
            "ca_path": {"type": "path"},
            "ca_certificates": {"type": "str"},
        },
    },
}


def look(module: AnsibleModule) -> dict[str, Any]:
    """What the host knows."""
    wanted = module.params["respond"]
    found = sight.look(System(module), wanted["address"])
    if wanted["drives"]:
        found["drives"] = drives.look(System(module), wanted["drives"])
    if wanted["bridge"]:
        found["vtep"] = vtep.look(System(module), wanted["bridge"])
    try:
        return {**found, **sight.look_at_engine(open_engine(module.params), wanted["networks"], wanted["host_address"])}
    except OverlayError as error:
        return {**found, **sight.no_engine(str(error))}


def respond(module: AnsibleModule) -> str:
    """Why nothing responds, or nothing."""
    wanted = module.params["respond"]
    if module.check_mode:
        return "check mode starts none"
    limits = (wanted["seconds"], wanted["idle"])
    return run.start_responder(System(module), module.params["run"], wanted["address"], wanted["ports"], limits)


def finish(probing: run.Probing, params: Mapping[str, Any]) -> dict[str, Any]:
    """Every probe's result; those who respond are told when the last one has ended."""
    try:
        return {"probes": probing.results()}
    finally:
        if params["probers"]:
            udp.done(params["probers"].values(), params["run"], params["name"] or "", len(params["probers"]))


def use_store(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What S3 does."""
    ca_path = wanted["ca_path"] if wanted["ca_path"] and Path(wanted["ca_path"]).exists() else None
    with tempfile.NamedTemporaryFile("w", suffix=".crt") as file:
        if wanted["ca_certificates"]:
            file.write(wanted["ca_certificates"])
            file.flush()
            ca_path = file.name
        settings = store.Settings(wanted["endpoints"], wanted["bucket"], wanted["timeout"], ca_path)
        if wanted["mode"] == "visit":
            seen = store.health(store.Settings(wanted["clients"], "", wanted["timeout"], ca_path))
            return {"health": seen, "clients": store.visit(settings, wanted["offers"])}
        return _with_credentials(wanted, settings)


def _with_credentials(wanted: Mapping[str, Any], settings: store.Settings) -> dict[str, Any]:
    seen = store.health(settings) if wanted["mode"] in ("examine", "health") else {}
    if wanted["mode"] == "health":
        return {"health": seen}
    try:
        root = read_credentials(wanted)
    except OverlayError as error:
        return {"health": seen, "error": str(error)}
    if wanted["mode"] == "sign":
        return store.sign(settings, root, wanted["clients"])
    if wanted["mode"] == "offer":
        certificates = ""
        if settings.ca_path:
            with suppress(OSError):
                certificates = Path(settings.ca_path).read_text(encoding="utf-8")
        return {**store.offer(settings, root), "ca_certificates": certificates}
    if wanted["mode"] == "clear":
        return {"left_behind": store.clear(settings, root)}
    return {"health": seen, **store.examine(settings, root)}


def main() -> None:
    """Wiring."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    params = module.params
    wanted = None if module.check_mode else params["store"]
    # What enters other namespaces comes first: it forks, and a process is forked before it has threads.
    result: dict[str, Any] = {"sight": look(module)} if params["respond"] else {}
    asked = params["probes"] is not None
    answers_at = params["answers_at"]
    probing = run.Probing(params["probes"], params["run"], params["deadline"], answers_at) if asked else None
    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(use_store, wanted) if wanted else None
        if params["respond"]:
            result["responder"] = respond(module)
        if probing:
            result.update(finish(probing, params))
    if stored:
        result["store"] = stored.result()
    if params["respond"]:
        result["sight"]["clock"] = sight.look_at_clock()
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
