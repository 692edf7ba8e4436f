# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service of a Compose definition, in the options of the module ``service``."""

from __future__ import annotations

from typing import Any

from .forms import (
    generic_resources,
    health,
    hosts,
    mounts,
    networks,
    preferences,
    references,
    restart,
    tmpfs,
    ulimits,
)
from .ports import ports
from .values import (
    Key,
    Place,
    choice,
    duration,
    number,
    pairs,
    section,
    size,
    take,
    text,
    text_or_texts,
    texts,
    truth,
    whole,
    words,
)

UPDATE = {
    "parallelism": Key(whole),
    "delay": Key(duration),
    "failure_action": Key(choice("pause", "continue", "rollback")),
    "monitor": Key(duration),
    "max_failure_ratio": Key(number),
    "order": Key(choice("stop-first", "start-first")),
}
DEPLOY = {
    "mode": Key(choice("replicated", "global", "replicated-job", "global-job")),
    "replicas": Key(whole),
    "endpoint_mode": Key(choice("vip", "dnsrr")),
    "labels": Key(pairs),
    "placement": Key(
        section({"constraints": Key(texts), "preferences": Key(preferences), "max_replicas_per_node": Key(whole)})
    ),
    "resources": Key(
        section(
            {
                "limits": Key(section({"cpus": Key(number), "memory": Key(size), "pids": Key(whole)})),
                "reservations": Key(
                    section({"cpus": Key(number), "memory": Key(size), "generic_resources": Key(generic_resources)})
                ),
            }
        )
    ),
    "restart_policy": Key(
        section(
            {
                "condition": Key(choice("none", "on-failure", "any")),
                "delay": Key(duration),
                "max_attempts": Key(whole),
                "window": Key(duration),
            }
        )
    ),
    "update_config": Key(section(UPDATE)),
    "rollback_config": Key(section({**UPDATE, "failure_action": Key(choice("pause", "continue"))})),
}

RENAMED = {
    "command": "args",
    "entrypoint": "command",
    "environment": "env",
    "extra_hosts": "hosts",
    "labels": "container_labels",
    "dns_opt": "dns_options",
    "group_add": "groups",
    "ports": "publish",
    "volumes": "mounts",
}
# Labels under deploy are the service's, those beside it the containers'.
DEPLOY_RENAMED = {"restart_policy": "restart_config", "max_replicas_per_node": "replicas_max_per_node"}
LIMITS = "give it under deploy.resources"
NO_CONFIG = "what Windows alone reads cannot come from a config here; give file or registry"
IGNORED = {
    "annotations": "no field of a service",
    "attach": "it says what docker compose up prints",
    "build": "images are built before they are deployed",
    "cgroup": "no field of a service",
    "cgroup_parent": "no field of a service",
    "cgroupns_mode": "no field of a service",
    "container_name": "Swarm names the containers of tasks",
    "depends_on": "Swarm starts all services at once",
    "develop": "it is for docker compose watch",
    "devices": "no field of a service",
    "domainname": "no field of a service",
    "expose": "services on one network reach every port of each other",
    "external_links": "use networks",
    "ipc": "no field of a service",
    "links": "services on one network know each other by name",
    "mac_address": "Swarm chooses the addresses of tasks",
    "network_mode": 'for the host\'s network attach an external network whose name is "host"',
    "pid": "no field of a service",
    "platform": "use deploy.placement.constraints with node.platform.arch",
    "privileged": "no field of a service",
    "pull_policy": "nodes pull what they do not have",
    "runtime": "no field of a service",
    "security_opt": "no field that docker stack deploy knows",
    "shm_size": "mount a tmpfs at /dev/shm",
    "storage_opt": "no field of a service",
    "userns_mode": "no field of a service",
    "uts": "no field of a service",
}
REFUSED = {
    "profiles": "Swarm has none, and would run the service always; remove the key, or the service",
    "post_start": "Swarm runs nothing beside a task; make it part of the command",
    "pre_stop": "Swarm runs nothing beside a task; make it part of the command",
    "label_file": "give the labels",
    "extends": "definitions do not extend each other here; give several definitions, later ones override earlier ones",
    "volume_driver": "give the driver of each volume under the top-level volumes",
    "volumes_from": "Swarm cannot share the volumes of another container; name the volume in both services",
    "scale": "give deploy.replicas",
    "gpus": "give deploy.resources.reservations.generic_resources",
    "cpu_count": LIMITS,
    "cpu_percent": LIMITS,
    "cpu_period": LIMITS,
    "cpus": LIMITS,
    "cpu_quota": LIMITS,
    "cpu_shares": LIMITS,
    "cpuset": "no field of a service; " + LIMITS,
    "mem_limit": LIMITS,
    "mem_reservation": LIMITS,
    "memswap_limit": LIMITS,
    "pids_limit": LIMITS,
}
SERVICE = {
    "image": Key(text),
    "command": Key(words),
    "entrypoint": Key(words),
    "environment": Key(pairs),
    "hostname": Key(text),
    "user": Key(text),
    "working_dir": Key(text),
    "group_add": Key(texts),
    "labels": Key(pairs),
    "tty": Key(truth),
    "stdin_open": Key(truth),
    "init": Key(truth),
    "read_only": Key(truth),
    "isolation": Key(text),
    "stop_grace_period": Key(duration),
    "stop_signal": Key(text),
    "cap_add": Key(texts),
    "cap_drop": Key(texts),
    "sysctls": Key(pairs),
    "ulimits": Key(ulimits),
    "oom_score_adj": Key(whole),
    "dns": Key(text_or_texts),
    "dns_search": Key(text_or_texts),
    "dns_opt": Key(texts),
    "extra_hosts": Key(hosts),
    "healthcheck": Key(health),
    "logging": Key(section({"driver": Key(text), "options": Key(pairs)})),
    "ports": Key(ports),
    "volumes": Key(mounts),
    "tmpfs": Key(tmpfs),
    "networks": Key(networks),
    "secrets": Key(references),
    "configs": Key(references),
    "credential_spec": Key(section({"file": Key(text), "registry": Key(text), "config": Key(refused=NO_CONFIG)})),
    "deploy": Key(section(DEPLOY)),
    "restart": Key(restart),
    # Ours: docker stack deploy passes over every x-, and has no key of its own for it.
    "x-no-new-privileges": Key(truth),
    **{name: Key(ignored=reason) for name, reason in IGNORED.items()},
    **{name: Key(refused=reason) for name, reason in REFUSED.items()},
}


def options(place: Place) -> dict[str, Any]:
    """The service in options; what refers to the top level (networks, volumes, secrets, configs) as it was written."""
    taken = take(place, SERVICE)
    deploy = taken.pop("deploy", {})
    found = {RENAMED.get(key, key): value for key, value in taken.items()}
    found.setdefault("mounts", []).extend(found.pop("tmpfs", []))
    if "credential_spec" in found:
        found["privileges"] = {"credential_spec": found.pop("credential_spec")}
    if "x-no-new-privileges" in found:
        found.setdefault("privileges", {})["no_new_privileges"] = found.pop("x-no-new-privileges")
    policy = found.pop("restart", None)
    if policy and "restart_policy" not in deploy:
        deploy["restart_policy"] = policy
    resources = deploy.pop("resources", {})
    if "placement" in deploy:
        deploy["placement"] = {DEPLOY_RENAMED.get(key, key): value for key, value in deploy["placement"].items()}
    found.update({DEPLOY_RENAMED.get(key, key): value for key, value in {**deploy, **resources}.items()})
    _capabilities(found)
    _mode(place, found)
    if found.get("endpoint_mode") == "dnsrr" and any(one["mode"] == "ingress" for one in found.get("publish", [])):
        place.fail(
            "publishes a port in mode ingress, which needs endpoint_mode vip; give the port's long form a mode: host"
        )
    if not found.get("image"):
        place.fail("has no image")
    return found


def _capabilities(found: dict[str, Any]) -> None:
    """ALL stands for every other one, and what is added is not dropped, as the docker CLI decides it."""
    for key in ("cap_add", "cap_drop"):
        if key in found:
            names = [name.upper() for name in found[key]]
            names = [name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names]
            found[key] = ["ALL"] if "ALL" in names else names
    if "cap_drop" in found:
        found["cap_drop"] = [name for name in found["cap_drop"] if name not in found.get("cap_add", [])]


def _mode(place: Place, found: dict[str, Any]) -> None:
    """In a job the number of replicas is both how many at once and how many in all."""
    mode = found.get("mode", "replicated")
    if "replicas" not in found or mode == "replicated":
        return
    replicas = found.pop("replicas")
    if mode == "replicated-job":
        found.update(max_concurrent=replicas, total_completions=replicas)
    else:
        place.at("deploy", {}).at("replicas", replicas).fail(f"is not for mode {mode}: one task runs on each node")
