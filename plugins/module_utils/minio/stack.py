# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose definition of a distributed MinIO: one service a node, held to its node by a label; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError
from . import environment
from .environment import NO_SECRET
from .recipe import RELEASE_LABEL, USER

LABEL = "baremetal.overlay"
NODE_LABEL = "baremetal.overlay.minio"
# Equal on all servers, or they do not start together: what MinIO compares with its peers.
STARTUP_LABEL = "baremetal.overlay.minio.startup"
# Everything that a server is made of: what differs here only can be changed server by server.
SERVER_LABEL = "baremetal.overlay.minio.server"
TRUST_LABEL = "baremetal.overlay.minio.trust"
# Tells, by a salted slow hash, whether servers run with the secret environment that is wanted.
SECRETS_LABEL = "baremetal.overlay.minio.secrets"
# By which network the servers reach each other; absent where it is the usual one.
NETWORK_LABEL = "baremetal.overlay.minio.network"
USUAL_NETWORK = "overlay minio-overlay"
CERTIFICATES = "/certs"
USER_SECRET, PASSWORD_SECRET = "minio-root-user", "minio-root-password"
# Nobody listens there in a container: what the overlay does not know is refused at once.
NO_NAME_SERVER = "127.0.0.1"


def compose(numbers: Sequence[int], args: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """All servers; ``options``: the role's variables without their prefix, ``image``, ``release``, ``attachment``.

    ``attachment`` has the ``networks``, whether to ``publish`` ports, the ``hosts`` (names that no network knows) and
    the ``identity``, which differs where servers would not reach each other.
    """
    found = list(environment.open_violations(options.get("environment") or {}))
    if found:
        raise InputError(found)
    command = ["server", "--address", f":{options['port']}", "--console-address", f":{options['console_port']}"]
    if options["tls"]:
        command.append(f"--certs-dir={CERTIFICATES}")
    return literal(
        {
            "services": {f"minio{number}": _service(number, [*command, *args], options) for number in numbers},
            "networks": {name: {"external": True, "name": name} for name in options["attachment"]["networks"]},
            "secrets": {name: {} for name in _secrets(options)},
        }
    )


def rolling(wanted: Mapping[str, Any], live: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The servers to change one after another, given the labels of those that run.

    None where servers are to be made or where they have to restart together, which MinIO checks at their start.
    """
    labels = {name: service["deploy"]["labels"] for name, service in wanted["services"].items()}
    if any(live.get(name, {}).get(STARTUP_LABEL) != own[STARTUP_LABEL] for name, own in labels.items()):
        return []
    return [name for name, own in labels.items() if live[name].get(SERVER_LABEL) != own[SERVER_LABEL]]


def literal(value: Any) -> Any:
    """A definition in which no dollar sign begins a variable: what is given here is meant as it is written.

    Keys stay as they are; in them nothing is ever filled in.
    """
    if isinstance(value, Mapping):
        return {key: literal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [literal(one) for one in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def _untemplated(text: str) -> str:
    """What Swarm passes on as ``text``: in environment and mounts it takes two braces for a placeholder of its own."""
    return text.replace("{{", '{{"{{"}}')


def _service(number: int, command: list[str], options: Mapping[str, Any]) -> dict[str, Any]:
    given, attachment = variables(options), options["attachment"]
    identity = attachment["identity"]
    elsewhere = {} if identity == USUAL_NETWORK else {NETWORK_LABEL: identity}
    if options["secret_names"]:
        # Servers compare what it holds, too.
        elsewhere[SECRETS_LABEL] = str(options["secrets_id"])
    startup = [options["image"], command, given, *elsewhere.values()]
    labels = {
        LABEL: "minio",
        RELEASE_LABEL: str(options["release"]),
        STARTUP_LABEL: _hash(startup),
        **elsewhere,
    }
    secret = {"uid": str(USER), "gid": str(USER), "mode": "0400"}
    service = {
        "image": options["image"],
        "hostname": f"minio{number}",
        "user": f"{USER}:{USER}",
        "command": command,
        "environment": given,
        "read_only": True,
        # It owns its drives and listens above 1024: it needs none of root's powers, and gets none back.
        "cap_drop": ["ALL"],
        **({"x-no-new-privileges": True} if options["no_new_privileges"] else {}),
        "tmpfs": [f"/tmp:size={options['tmp_size']},mode=1777"],
        "volumes": _volumes(options),
        "secrets": [{"source": name, "target": name, **secret} for name in _secrets(options)],
        "networks": list(attachment["networks"]),
        # A server asks for its peers by name all the time. The engine forwards the name of one that died to whatever
        # name servers the host has, and where those do not answer, neither does MinIO: a write hangs.
        "dns": list(options["dns"]) or [NO_NAME_SERVER],
        "stop_grace_period": options["stop_grace_period"],
        "logging": {
            "driver": "json-file",
            "options": {"max-size": options["log_max_size"], "max-file": str(options["log_max_file"])},
        },
        "deploy": _deploy(number, labels, options),
    }
    if attachment["publish"]:
        service["ports"] = [
            {"target": port, "published": port, "protocol": "tcp", "mode": "host"}
            for port in (options["port"], options["console_port"])
        ]
    if attachment["hosts"]:
        service["extra_hosts"] = [f"{name}:{address}" for name, address in attachment["hosts"].items()]
    if options["tls"]:
        # What it trusts a server reads at its start only: other trust is another server.
        service["labels"] = {TRUST_LABEL: str(options["trust_id"])}
    labels[SERVER_LABEL] = _hash(service)
    # Last, so that the labels above tell what is meant, and not how it is written.
    service["environment"] = {name: _untemplated(value) for name, value in given.items()}
    service["volumes"] = [{**volume, "source": _untemplated(volume["source"])} for volume in service["volumes"]]
    return service


def _volumes(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Mounts that appear on the host later have to appear here as well: a drive that was late, or replaced."""
    drives = {
        "type": "bind",
        "source": options["drives_parent"],
        "target": "/drives",
        "bind": {"propagation": "rslave"},
    }
    certificates = {"type": "bind", "source": options["tls_dir"], "target": CERTIFICATES, "read_only": True}
    return [drives, certificates] if options["tls"] else [drives]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _secrets(options: Mapping[str, Any]) -> list[str]:
    return [USER_SECRET, PASSWORD_SECRET, *([environment.SECRET] if options["secret_names"] else [])]


def variables(options: Mapping[str, Any]) -> dict[str, str]:
    """Equal on every server; root's credentials are files."""
    return {
        **environment.variables(options),
        "MINIO_ROOT_USER": NO_SECRET,
        "MINIO_ROOT_PASSWORD": NO_SECRET,
        "MINIO_ROOT_USER_FILE": f"/run/secrets/{USER_SECRET}",
        "MINIO_ROOT_PASSWORD_FILE": f"/run/secrets/{PASSWORD_SECRET}",
    }


def _deploy(number: int, labels: dict[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mode": "replicated",
        "replicas": 1,
        # A virtual address would lead a server that asks for itself back through the balancer.
        "endpoint_mode": "dnsrr",
        "labels": labels,
        "placement": {"constraints": [f"node.labels.{NODE_LABEL} == {number}"]},
        "resources": {"limits": {"memory": options["memory_limit"], "pids": options["pids_limit"]}},
        "restart_policy": {"condition": "any", "delay": "5s"},
        # Ports and drives belong to one task at a time.
        "update_config": {"parallelism": 1, "order": "stop-first", "failure_action": "pause"},
    }
