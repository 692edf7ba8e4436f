# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine refuses of a whole service, so that a prediction refuses it as well, and all of it at once.

Pure; services are in normal form. What one option by itself cannot be, its row says (``service.py``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .. import fields
from .compose.names import impossible
from .service import TABLE

Service = Mapping[str, Any]
# Its mode; its number and protocol.
Port = tuple[str, tuple[int, str]]

JOBS = ("replicated-job", "global-job")
LEAST_CPUS = 1_000_000
LEAST_MEMORY = 4 << 20
LEAST_CHECK = 1_000_000

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@[a-zA-Z][\w+.-]*:[0-9a-fA-F]{{32,}})?",
    re.ASCII,
)
_KEY = re.compile(r"[a-z_][a-z0-9._-]+", re.IGNORECASE)
_VALUE = re.compile(r"[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+", re.IGNORECASE)


def refusals(service: Service) -> list[str]:
    """A sentence for each thing that the Engine would refuse."""
    whole = fields.whole(TABLE, service)
    return [said for rule in _RULES for said in rule(whole)]


def _name(service: Service) -> Iterator[str]:
    problem = impossible("service", service["name"])
    if problem:
        yield f'option "name": {problem}'


def _image(service: Service) -> Iterator[str]:
    image = service["image"]
    if image and not _IMAGE.fullmatch(image):
        yield f'option "image": "{image}" is not the name of an image; give for example registry.example.com/web:1.0'


def _resources(service: Service) -> Iterator[str]:
    for option in ("limits", "reservations"):
        cpus, memory = service[option]["cpus"], service[option]["memory"]
        if cpus and cpus < LEAST_CPUS:
            yield f'option "{option}.cpus": {cpus / 1e9:g} is below 0.001; give 0.001 or more, or 0 for none'
        if memory and memory < LEAST_MEMORY:
            yield f'option "{option}.memory": {memory} bytes is below 4M; give 4M or more, or 0 for none'


def _healthcheck(service: Service) -> Iterator[str]:
    for option in ("interval", "timeout", "start_period", "start_interval"):
        found = service["healthcheck"][option]
        if found and found < LEAST_CHECK:
            yield f'option "healthcheck.{option}": {found} ns is below 1ms; give 1ms or more, or 0s for the default'


def _constraints(service: Service) -> Iterator[str]:
    for one in service["placement"]["constraints"]:
        key, _operator, value = next((one.partition(sign) for sign in ("==", "!=") if sign in one), (one, "", ""))
        if not (_KEY.fullmatch(key.strip()) and _VALUE.fullmatch(value.strip())):
            yield (
                f'option "placement.constraints": "{one}" is not a constraint; '
                "give for example node.role == manager or node.labels.disk != slow"
            )


def _ports(service: Service) -> Iterator[str]:
    counted = Counter(key for _mode, key in _published(service["publish"]))
    for (port, protocol), count in counted.items():
        if count > 1:
            yield f'option "publish": port {port}/{protocol} is published {count} times; publish it once'
    if service["endpoint_mode"] == "dnsrr" and any(one["mode"] == "ingress" for one in service["publish"]):
        yield (
            'option "publish": a port in mode ingress needs endpoint_mode vip; give the port mode: host, '
            "or change endpoint_mode"
        )


def _published(ports: Iterable[Mapping[str, Any]]) -> list[Port]:
    """Mode, and number with protocol, of the ports whose number is given."""
    return [(one["mode"], (one["published_port"], one["protocol"])) for one in ports if one["published_port"]]


def _files(service: Service) -> Iterator[str]:
    for kind in ("secret", "config"):
        users: dict[str, list[str]] = {}
        for one in service[f"{kind}s"]:
            if one.get("target", "file") == "file":
                users.setdefault(one["filename"], []).append(one[f"{kind}_name"])
        for path, names in users.items():
            if len(names) > 1:
                yield f'option "{kind}s": {", ".join(names)} have the file "{path}"; give each a filename of its own'


def _credentials(service: Service) -> Iterator[str]:
    said = sorted(key for key, one in service["privileges"]["credential_spec"].items() if one)
    if len(said) > 1:
        yield f'option "privileges.credential_spec" has {" and ".join(said)}; give one of them'


def _job(service: Service) -> Iterator[str]:
    default = fields.whole(TABLE, {})["update_config"]
    if service["mode"] in JOBS and service["update_config"] != default:
        yield 'option "update_config" is not for a job, which is not updated; leave it out'


_RULES = (_name, _image, _resources, _healthcheck, _constraints, _ports, _files, _credentials, _job)


def taken(service: Service, others: Mapping[str, Sequence[Port]]) -> list[str]:
    """Published ports that another service has on the same hosts. ``others``: what each of them publishes."""
    found = []
    for mode, (port, protocol) in publishing(service):
        for name, theirs in others.items():
            clash = any(key == (port, protocol) and "ingress" in (mode, one) for one, key in theirs)
            if clash and name != service["name"]:
                found.append(
                    f'option "publish": port {port}/{protocol} is published by service "{name}"; '
                    "publish another, or take it from that service"
                )
    return found


def publishing(service: Service) -> list[Port]:
    return _published(fields.whole(TABLE, service)["publish"])


def published_by(listed: Iterable[Mapping[str, Any]]) -> dict[str, list[Port]]:
    """The same of the services of the Engine's list, with the ports that it chose."""
    return {
        one["Spec"]["Name"]: publishing(fields.read(TABLE, {"EndpointSpec": one.get("Endpoint")})) for one in listed
    }
