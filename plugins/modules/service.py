#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage one Swarm service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Manage a Swarm service, and wait until it has converged
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Makes a service with the options that are given, changes it, or removes it.
  - An option that is not given is left as it is on the live service; one that is given empty is emptied.
  - A service that is changed so has every other field of its specification kept, known to this module or not.
  - Waits until the service has converged as the docker CLI decides it. A paused or rolled back update is a failure
    whose message has the failing tasks' last errors.
  - A duration is a string such as V(1m30s), a size one such as V(512M) in powers of 1024.
notes:
  - In check mode, too, the networks, secrets and configs that a service refers to have to exist, because the real run
    would fail without them. Only on a host that is in no swarm yet they are taken as made by then. In a play that makes
    them and then the service, let the task run only with C(not ansible_check_mode), or use M(baremetal.overlay.stack),
    whose definition makes them itself.
  - What the Engine would refuse of a service is refused in check mode as well.
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
options:
  name:
    description: The service's exact name.
    type: str
    required: true
  labels:
    description: Labels of the service.
    type: dict
  image:
    description:
      - The image. It is required to make a service. An image ID (C(sha256:...)) is run as it is and never pulled. A
        running C(name:tag@sha256:...) is taken for C(name:tag).
    type: str
  container_labels:
    description: Labels of the containers.
    type: dict
  command:
    description: The entry point, as a list or as a string that is split as a shell splits it.
    type: raw
  args:
    description: The arguments of the entry point.
    type: list
    elements: str
  hostname:
    description: The containers' host name.
    type: str
  env:
    description: Environment variables, as a dictionary or as a list of C(KEY=VALUE). Their order does not matter.
    type: raw
  working_dir:
    description: The working directory.
    type: str
  user:
    description: The user, C(name) or C(uid:gid).
    type: str
  groups:
    description: Further groups of the user.
    type: list
    elements: str
  privileges:
    description: What the container may do.
    type: dict
    suboptions:
      credential_spec:
        description: Credentials of a managed service account (Windows).
        type: dict
        suboptions:
          config:
            description: The config that holds them.
            type: str
          file:
            description: The file that holds them.
            type: str
          registry:
            description: The registry value that holds them.
            type: str
      selinux_context:
        description: SELinux labels.
        type: dict
        suboptions:
          disable:
            description: Runs without SELinux.
            type: bool
          user:
            description: The user label.
            type: str
          role:
            description: The role label.
            type: str
          type:
            description: The type label.
            type: str
          level:
            description: The level label.
            type: str
      seccomp:
        description: The seccomp filter. Needs Engine API 1.44.
        type: dict
        suboptions:
          mode:
            description: Which filter. An empty string is the Engine's default.
            type: str
            choices: ['', default, unconfined, custom]
          profile:
            description: The profile of mode V(custom), as JSON text.
            type: str
      apparmor:
        description: The AppArmor profile. Needs Engine API 1.44.
        type: dict
        suboptions:
          mode:
            description: Whether there is one. An empty string is the Engine's default.
            type: str
            choices: ['', default, disabled]
      no_new_privileges:
        description: Processes cannot gain privileges. Needs Engine API 1.44.
        type: bool
  init:
    description: Runs an init in the container that forwards signals and reaps processes.
    type: bool
  stop_signal:
    description: The signal that stops the container.
    type: str
  tty:
    description: Allocates a terminal.
    type: bool
  stdin_open:
    description: Keeps standard input open.
    type: bool
    aliases: [open_stdin]
  read_only:
    description: Makes the container's root file system read-only.
    type: bool
  mounts:
    description: Mounts, matched by their target. The list is complete; within a mount what is not given stays as it is.
    type: list
    elements: dict
    suboptions:
      source:
        description: The path on the host, or the volume's name.
        type: str
      target:
        description: The path in the container.
        type: str
        required: true
      type:
        description: The kind of mount. A new one is V(bind) unless said otherwise.
        type: str
        choices: [bind, volume, tmpfs, npipe, cluster, image]
      readonly:
        description: Mounts it read-only.
        type: bool
      consistency:
        description: How consistent the mount has to be, on other platforms. It is sent, and never shown by the Engine.
        type: str
        choices: ['', default, consistent, cached, delegated]
      labels:
        description: Labels of a volume that is made.
        type: dict
      propagation:
        description: How mounts below it propagate. The Engine's default is V(rprivate).
        type: str
        choices: ['', shared, slave, private, rshared, rslave, rprivate]
      non_recursive:
        description: Leaves out mounts below a bind's source.
        type: bool
      create_mountpoint:
        description: Makes the source of a bind where it is missing. Needs Engine API 1.42.
        type: bool
      read_only_non_recursive:
        description: Leaves mounts below a read-only bind writable. Needs Engine API 1.44.
        type: bool
      read_only_force_recursive:
        description: Fails where mounts below cannot be made read-only. Needs Engine API 1.44.
        type: bool
      no_copy:
        description: Does not copy the image's content into a new volume.
        type: bool
      subpath:
        description: A path within the volume. Needs Engine API 1.45.
        type: str
      driver_config:
        description: The volume's driver.
        type: dict
        suboptions:
          name:
            description: The driver's name.
            type: str
          options:
            description: The driver's options.
            type: dict
      image_subpath:
        description: A path within the image that is mounted. Needs Engine API 1.48.
        type: str
      tmpfs_size:
        description: The size of a tmpfs, for example V(64M).
        type: str
      tmpfs_mode:
        description: The file mode of a tmpfs, for example V(01777).
        type: int
      tmpfs_options:
        description: Further options of a tmpfs, each a list of one or two strings. Needs Engine API 1.46.
        type: list
        elements: list
  stop_grace_period:
    description: How long a container may take to stop before it is killed. The Engine's default is V(10s).
    type: str
  healthcheck:
    description: How to tell whether the container is healthy.
    type: dict
    suboptions:
      test:
        description: A string is run by a shell. A list begins with V(NONE), V(CMD) or V(CMD-SHELL).
        type: raw
      interval:
        description: The time between two checks.
        type: str
      timeout:
        description: How long one check may take.
        type: str
      start_period:
        description: How long failures do not count after the start.
        type: str
      start_interval:
        description: The time between two checks while it starts. Needs Engine API 1.44.
        type: str
      retries:
        description: How many failures in a row make it unhealthy.
        type: int
  hosts:
    description: Entries of C(/etc/hosts), names to addresses.
    type: dict
  dns:
    description: Name servers.
    type: list
    elements: str
  dns_search:
    description: Search domains.
    type: list
    elements: str
  dns_options:
    description: Resolver options.
    type: list
    elements: str
  secrets:
    description: Secrets, as files below C(/run/secrets).
    type: list
    elements: dict
    suboptions:
      secret_name:
        description: The secret's name.
        type: str
        required: true
      secret_id:
        description: The secret's ID, which has to be the one of that name.
        type: str
      filename:
        description: The file's name. It is the secret's name unless given.
        type: str
      uid:
        description: The file's owner.
        type: str
      gid:
        description: The file's group.
        type: str
      mode:
        description: The file's mode, for example V(0400).
        type: int
  configs:
    description: Configs, as files.
    type: list
    elements: dict
    suboptions:
      config_name:
        description: The config's name.
        type: str
        required: true
      config_id:
        description: The config's ID, which has to be the one of that name.
        type: str
      target:
        description:
          - A V(file) in the container, or something that the container's V(runtime) reads, as the config of
            O(privileges.credential_spec) has to be. It is V(file) unless given.
        type: str
        choices: [file, runtime]
      filename:
        description: The file's path. It is the config's name unless given.
        type: str
      uid:
        description: The file's owner.
        type: str
      gid:
        description: The file's group.
        type: str
      mode:
        description: The file's mode, for example V(0444).
        type: int
  isolation:
    description: The isolation technology (Windows).
    type: str
    choices: ['', default, process, hyperv]
  sysctls:
    description: Kernel parameters of the container's namespaces.
    type: dict
  cap_add:
    description: Capabilities to add.
    type: list
    elements: str
  cap_drop:
    description: Capabilities to drop.
    type: list
    elements: str
  ulimits:
    description:
      - Resource limits of processes, as dictionaries with C(name), C(soft) and C(hard), or as strings like
        V(nofile=1024:2048).
    type: list
    elements: raw
  oom_score_adj:
    description: How likely the container is killed when memory is short. Needs Engine API 1.46.
    type: int
  limits:
    description: The most that a task may use.
    type: dict
    suboptions:
      cpus:
        description: CPUs. V(0) is no limit.
        type: float
      memory:
        description: Memory, for example V(512M). V(0) is no limit.
        type: str
      pids:
        description: Processes. V(0) is no limit.
        type: int
  reservations:
    description: What a node must have free for a task.
    type: dict
    suboptions:
      cpus:
        description: CPUs.
        type: float
      memory:
        description: Memory, for example V(512M).
        type: str
      generic_resources:
        description: Resources that nodes declare, as strings like V(gpu=2), or dictionaries with C(kind) and C(value).
        type: list
        elements: raw
  swap_bytes:
    description: Swap that a task may use. Needs Engine API 1.52.
    type: str
  memory_swappiness:
    description: How readily a task's memory is swapped. Needs Engine API 1.52.
    type: int
  restart_config:
    description: When a task that ended is started again.
    type: dict
    suboptions:
      condition:
        description: After which ends.
        type: str
        choices: ['none', on-failure, any]
      delay:
        description: How long to wait before. The Engine's default is V(5s).
        type: str
      max_attempts:
        description: How often. V(0) is without end.
        type: int
      window:
        description: The time within which attempts are counted.
        type: str
  placement:
    description: Where tasks may run.
    type: dict
    suboptions:
      constraints:
        description: Conditions that a node must meet.
        type: list
        elements: str
      preferences:
        description: How to spread tasks.
        type: list
        elements: dict
        suboptions:
          spread:
            description: The node label over whose values tasks are spread.
            type: str
      replicas_max_per_node:
        description: The most tasks on one node. V(0) is no limit.
        type: int
      platforms:
        description: The platforms of the image. Nodes of others are not considered.
        type: list
        elements: dict
        suboptions:
          os:
            description: The operating system, for example V(linux).
            type: str
          architecture:
            description: The architecture, for example V(amd64).
            type: str
  networks:
    description: Networks, as names or as dictionaries with C(name), C(aliases) and C(options).
    type: list
    elements: raw
  networks_state:
    description:
      - V(replace) makes the networks that are given the only ones.
      - V(merge) adds them, or changes them where the service has them, and keeps the others.
    type: str
    choices: [merge, replace]
    default: replace
  networks_to_remove:
    description:
      - Names of networks to take from the service, which need not be in them. One that is also in O(networks) stays.
      - Where O(networks) is given and O(networks_state) is V(replace), the list is complete and this says nothing more.
    type: list
    elements: str
  logging:
    description: Where the containers' output goes.
    type: dict
    suboptions:
      driver:
        description: The log driver.
        type: str
      options:
        description: The driver's options.
        type: dict
  mode:
    description:
      - How many tasks there are. A change of the mode makes the service anew; where the Engine refuses that, it is
        again as it was. A job keeps no O(update_config) and O(rollback_config) of what it was made of.
      - A new service is V(replicated) unless said otherwise.
    type: str
    choices: [replicated, global, replicated-job, global-job]
  replicas:
    description:
      - How many tasks a V(replicated) service has. V(-1) leaves them as they are.
      - Of a V(replicated-job) it is O(total_completions), as for docker_swarm_service. In the other modes it says
        nothing, which is a warning.
    type: int
  max_concurrent:
    description: How many tasks of a V(replicated-job) run at once.
    type: int
  total_completions:
    description: How many tasks of a V(replicated-job) have to complete.
    type: int
  update_config:
    description: How tasks are replaced when the service changes.
    type: dict
    suboptions:
      parallelism:
        description: How many at once. V(0) is all.
        type: int
      delay:
        description: How long to wait between two.
        type: str
      failure_action:
        description: What to do when one fails.
        type: str
        choices: [continue, pause, rollback]
      monitor:
        description: How long a new task is watched for failure. The Engine's default is V(5s).
        type: str
      max_failure_ratio:
        description: Which part of the tasks may fail.
        type: float
      order:
        description: Whether the old task stops first.
        type: str
        choices: [stop-first, start-first]
  rollback_config:
    description: How tasks are replaced when a change is taken back.
    type: dict
    suboptions:
      parallelism:
        description: How many at once. V(0) is all.
        type: int
      delay:
        description: How long to wait between two.
        type: str
      failure_action:
        description: What to do when one fails.
        type: str
        choices: [continue, pause, rollback]
      monitor:
        description: How long a new task is watched for failure. The Engine's default is V(5s).
        type: str
      max_failure_ratio:
        description: Which part of the tasks may fail.
        type: float
      order:
        description: Whether the old task stops first.
        type: str
        choices: [stop-first, start-first]
  endpoint_mode:
    description: Whether the service's name is one virtual address or the addresses of its tasks.
    type: str
    choices: [vip, dnsrr]
  publish:
    description: Published ports. The list is complete.
    type: list
    elements: dict
    suboptions:
      name:
        description: A name for the port.
        type: str
      published_port:
        description: The port on the nodes. V(0) lets Swarm choose one.
        type: int
      target_port:
        description: The port in the container.
        type: int
        required: true
      protocol:
        description: The protocol. It is V(tcp) unless given.
        type: str
        choices: [tcp, udp, sctp]
      mode:
        description: On every node, or only on those that run a task (V(host)). It is V(ingress) unless given.
        type: str
        choices: [ingress, host]
  state:
    description: V(absent) removes the service, and waits until its tasks and containers are gone.
    type: str
    choices: [present, absent]
    default: present
  env_files:
    description:
      - Files on the managed host with lines of C(KEY=VALUE). A later file wins over an earlier one, O(env) over all.
      - The files and O(env) together are all variables; an empty list without O(env) removes them.
    type: list
    elements: path
  force_update:
    description: Replaces the tasks even if nothing else changes, in every run, which is therefore always a change.
    type: bool
    default: false
  rollback:
    description:
      - Takes the last change back, as C(docker service rollback) does, and waits until that has converged.
      - A service whose last change was taken back already, by this option or because it failed, is left as it is.
      - It goes with no option that describes the service.
    type: bool
    default: false
  resolve_image:
    description: Asks the image's registry for the digest that its tag has now, and wants that; on every run. The engine
      asks, and the task fails where it gets no answer.
    type: bool
    default: false
  with_registry_auth:
    description: Sends the registry login of the user on the managed host along, for the nodes to pull with.
    type: bool
    default: false
  wait:
    description: Waits until the service has converged, or is gone.
    type: bool
    default: true
  wait_timeout:
    description: How many seconds to wait.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: A service of three tasks
  baremetal.overlay.service:
    name: web
    image: registry.example.com/web:1.0
    replicas: 3
    networks:
      - name: storage
        aliases: [www]
    publish:
      - published_port: 8080
        target_port: 80
    limits:
      memory: 256M

- name: More tasks, and nothing else changed
  baremetal.overlay.service:
    name: web
    replicas: 5

- name: One network more, with a name of its own there
  baremetal.overlay.service:
    name: web
    networks:
      - name: backup
        aliases: [www]
    networks_state: merge

- name: One network less
  baremetal.overlay.service:
    name: web
    networks_to_remove: [backup]

- name: The last change taken back
  baremetal.overlay.service:
    name: web
    rollback: true

- name: No constraints any more
  baremetal.overlay.service:
    name: web
    placement:
      constraints: []

- name: No service of that name
  baremetal.overlay.service:
    name: web
    state: absent
"""

RETURN = r"""
swarm_service:
  description: The Engine's own inspect of the service; in check mode with the specification that it would have.
  returned: success
  type: dict
  sample: {"ID": "t9farp9xri70nki3qdi5ykjog", "Spec": {"Name": "web"}}
changes:
  description: The options that were changed.
  returned: success
  type: list
  elements: str
  sample: ["replicas", "limits.memory"]
rebuilt:
  description: Whether the service was removed and made anew, because its mode changed.
  returned: success
  type: bool
"""

from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import service, service_state

SPEC = {
    **fields.spec(service.TABLE),
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "env_files": {"type": "list", "elements": "path"},
    "networks_state": {"type": "str", "choices": ["merge", "replace"], "default": "replace"},
    "networks_to_remove": {"type": "list", "elements": "str"},
    "force_update": {"type": "bool", "default": False},
    "rollback": {"type": "bool", "default": False},
    "resolve_image": {"type": "bool", "default": False},
    "with_registry_auth": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
}


def main() -> None:
    run_module(SPEC, service_state.run)


if __name__ == "__main__":
    main()
