#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converge a stack: services, networks, secrets and configs in one execution."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Converge a stack of Swarm services from Compose definitions
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Makes the services, networks, secrets and configs of Compose definitions (version 3) present on a Swarm, as
    C(docker stack deploy) does, in one execution and without the C(docker) command.
  - A stack is whole. What its definition does not say has the server's default.
  - Every key of a definition is handled, warned about (where C(docker stack deploy) ignores it; O(strict) makes that an
    error) or refused; all problems are reported at once, before anything is changed.
  - Secrets and configs cannot be changed in the Engine. New content becomes a new object (C(<name>_v2) and so on), the
    services go over to it, and the old one is removed once they have converged. Whether the content of a secret changed
    is known from a salted slow hash (scrypt) in the label C(baremetal.overlay.fingerprint), or from the label that
    community.docker's docker_secret writes. Of a secret without such a label, as C(docker stack deploy) makes it, the
    Engine is asked; check mode, which may not ask, takes its content for equal and says so.
  - Two runs of one stack at once do not fail on each other. Who finds an object made or removed in between looks and
    plans again.
  - Networks cannot be changed either. A network that is not as the definition wants it is refused.
  - Volumes are never removed.
extends_documentation_fragment:
  - baremetal.overlay.engine
attributes:
  check_mode:
    support: full
    description:
      - Predicts also on a host that has no engine or is in no swarm yet.
      - A network, secret or config that is external and does not exist is a warning there and an error in the real run,
        as an earlier task of the same run may make it.
  diff_mode:
    support: full
    description: Contents of secrets are never shown.
options:
  name:
    description:
      - The stack's name.
    type: str
    required: true
  compose:
    description:
      - Compose definitions; later ones override earlier ones, as several C(--compose-file) do.
      - A string is the path of a file on the controller, a mapping is the definition itself.
      - The files that definitions name (C(file) of secrets and configs, C(env_file)) are read on the controller as
        well, from a vault if they are in one, relative to the first file of this list; without one, as
        M(ansible.builtin.copy) looks for files. Paths of bind mounts must be absolute.
      - A file is read as the docker CLI reads YAML. C(22:22) is a text, and so is C(yes).
      - A service may say C(x-no-new-privileges), true or false, which C(docker stack deploy) passes over. Its processes
        gain no privileges then. It needs API 1.44 (Docker 25).
    type: list
    elements: raw
    default: []
  state:
    description:
      - V(absent) removes every service, secret, config and network that carries the stack's label. What a service that
        is not of the stack uses stays, with a warning.
    type: str
    choices: [present, absent]
    default: present
  prune:
    description:
      - Removes what its definition no longer has of the stack. These are services, and networks, secrets and configs
        that no other service uses.
    type: bool
    default: false
  namespace_prefix:
    description:
      - Puts the stack's name in front of the names of its objects, as C(docker stack deploy) does.
      - With V(false) they are named exactly as in the definition; only the default network keeps the prefix.
    type: bool
    default: true
  variables:
    description:
      - Values for C(${NAME}) and its other forms in the definitions, and for variables of services that have a name
        and no value. Nothing is taken from the environment.
    type: dict
  image_map:
    description:
      - What runs in place of the images that the definitions name, for example image IDs, which are never pulled.
      - An image that is not named here runs as it is written. The label C(com.docker.stack.image) keeps the written
        name.
    type: dict
  strict:
    description:
      - Makes a key that C(docker stack deploy) ignores (C(build), C(restart), C(depends_on) and others) an error.
    type: bool
    default: false
  secret_data:
    description:
      - Contents of secrets, by their names in the definition. They win over O(secret_files) and the secret's C(file).
    type: dict
  secret_files:
    description:
      - Paths of files on the managed host that hold secrets, by their names in the definition. They win over the
        secret's C(file), and their contents never pass through the controller.
    type: dict
  file_data:
    description:
      - Contents in Base64 of the files that the definitions name, by their paths as they are written. The action plugin
        fills it in; it is not for playbooks.
    type: dict
  wait:
    description:
      - Waits until the services that were changed, and those found not converged, have converged as the docker CLI
        decides it. A paused or rolled back update is a failure.
      - A removal waits until tasks, their containers on this host and networks are gone.
      - Without it, secrets and configs that were replaced stay until a later run finds the services converged.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds to wait.
    type: int
    default: 300
  detach:
    description:
      - docker_stack's word for the opposite of O(wait), which it overrides where it is given.
    type: bool
  absent_retries:
    description:
      - With O(state=absent) and more than V(0), O(absent_retries_interval) times this is how many seconds the removal
        is waited for, in place of O(wait) and O(wait_timeout).
    type: int
    default: 0
  absent_retries_interval:
    description:
      - See O(absent_retries).
    type: int
    default: 1
  serial:
    description:
      - How many live services are updated at once; V(0) is all of them.
      - With any other number each batch has converged before the next begins, and a failure ends the update there.
    type: int
    default: 0
  with_registry_auth:
    description:
      - Sends the registry logins of the user on the managed host along, for the nodes to pull with.
    type: bool
    default: false
  resolve_image:
    description:
      - Has the Engine ask the registry which digest C(name:tag) is now, so that all nodes run the same image.
        V(changed) asks for images that are new or that the definition changed, V(always) each time.
      - Not given is V(never), unlike for C(docker stack deploy). A running C(name:tag@sha256:...) is then taken for
        C(name:tag).
    type: str
    choices: [always, changed, never]
"""

EXAMPLES = r"""
- name: Deploy a stack from a file beside the playbook, with an override
  baremetal.overlay.stack:
    name: web
    compose:
      - web/compose.yml
      - services:
          web:
            deploy:
              replicas: 3

- name: Deploy a service under its own name, with a secret whose content is a variable
  baremetal.overlay.stack:
    name: store
    namespace_prefix: false
    secret_data:
      store-password: "{{ store_password }}"
    compose:
      - services:
          store1:
            image: registry.example.com/store:1.0
            secrets:
              - source: store-password
                mode: "0400"
        secrets:
          store-password: {}

- name: Deploy a file as it is, with the image that was loaded before, and nothing in it that has no effect
  baremetal.overlay.stack:
    name: minio
    compose:
      - docker-compose.yml
    image_map:
      minio/minio:latest: "{{ minio_image.image_id }}"
    variables:
      REPLICAS: 3
    strict: true

- name: Remove it
  baremetal.overlay.stack:
    name: store
    state: absent
"""

RETURN = r"""
services:
  description: The services of the definition, by name. C(completed) is there for tasks that run once and have ended
    well.
  returned: success
  type: dict
  sample: {"web_web": {"id": "t9farp9xri70nki3qdi5ykjog", "changed": true, "running": 3, "wanted": 3}}
plan:
  description: What was changed, or in check mode would be, one sentence each.
  returned: success
  type: list
  elements: str
  sample: ['create secret "store-password"', 'update service "store1": image']
stack_spec_diff:
  description: The services' options before and after, C(before) and C(after).
  returned: changed
  type: dict
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import stack

SPEC = {
    "name": {"type": "str", "required": True},
    "compose": {"type": "list", "elements": "raw", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "prune": {"type": "bool", "default": False},
    "namespace_prefix": {"type": "bool", "default": True},
    "variables": {"type": "dict"},
    "secret_data": {"type": "dict", "no_log": True},
    "secret_files": {"type": "dict", "no_log": False},
    "file_data": {"type": "dict", "no_log": True},
    "image_map": {"type": "dict"},
    "strict": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 300},
    "detach": {"type": "bool"},
    "absent_retries": {"type": "int", "default": 0},
    "absent_retries_interval": {"type": "int", "default": 1},
    "serial": {"type": "int", "default": 0},
    "with_registry_auth": {"type": "bool", "default": False},
    "resolve_image": {"type": "str", "choices": ["always", "changed", "never"]},
}


def main() -> None:
    run_module(SPEC, stack.run)


if __name__ == "__main__":
    main()
