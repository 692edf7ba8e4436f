#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the state of one host, in sections."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: Reads, plans and applies the state of a host in one execution
version_added: 0.1.0
description:
  - Looks at the host once, plans every section that is given, and applies the plans in a safe order.
  - Reports every violation of every section at once, before anything is changed.
  - Works on a bare host, before the engine and the Docker SDK for Python are installed.
  - Returns the facts that checks on the controller need. None of them is a secret.
author: the baremetal.overlay developers (@baremetal)
options:
  sections:
    description: What is wanted of the host. A section that is not given is left alone.
    type: dict
    default: {}
    suboptions:
      packages:
        description: Debian packages.
        type: dict
        suboptions:
          names:
            description: Packages that have to be installed.
            type: list
            elements: str
            default: []
          hold:
            description: Packages that unattended upgrades leave alone, where they are installed.
            type: list
            elements: str
            default: []
      engine:
        description:
          - The Docker Engine, its configuration and the Docker SDK for Python.
          - An engine that is there is used, never replaced, and a stopped one is not started.
          - C(/etc/docker/daemon.json) is merged. Keys that are not named here stay as they are.
          - A change of a running engine's configuration takes effect by O(engine_restart).
        type: dict
        suboptions:
          package:
            description: What is installed where there is no engine.
            type: str
            default: docker.io
          log_max_size:
            description: Largest size of a container's log file, for the log driver C(json-file).
            type: str
          log_max_file:
            description: Number of log files of a container, for the log driver C(json-file).
            type: int
          address_pools:
            description: Where the engine takes its local networks from. Set only where no pools are set yet.
            type: list
            elements: dict
            suboptions:
              base:
                description: The range, as CIDR.
                type: str
                required: true
              size:
                description: Prefix length of each network.
                type: int
                required: true
          nofile:
            description: Limit of open files of engine and runtime, and so of every container.
            type: int
          hold:
            description: Whether engine and runtime packages are held from unattended upgrades.
            type: bool
            default: true
          along:
            description: What the run of apt that installs the engine installs along; with an engine there, nothing.
            type: list
            elements: str
            default: []
      drives:
        description:
          - The drives of a MinIO host. This section is planned only.
          - M(baremetal.overlay.drive) applies it, with the same options.
        type: dict
        suboptions:
          devices:
            description: Paths of block devices, or C(serial:) and a serial number, in the order of the drives.
            type: list
            elements: str
            required: true
          number:
            description:
              - The number of the host, which is part of the label of every drive.
              - With V(0) the devices are looked for, and nothing is planned.
            type: int
            required: true
          parent:
            description: The directory of the mount points.
            type: path
            default: /srv/minio
          owner:
            description: Numeric user that owns the root of each file system.
            type: int
            default: 9000
          group:
            description: Numeric group that owns the root of each file system.
            type: int
            default: 9000
          host:
            description: The name of the host in the inventory, which entries that agree to a formatting name.
            type: str
            default: ''
          format_consent:
            description: Devices whose content may be erased, as for M(baremetal.overlay.drive).
            type: list
            elements: str
            default: []
          receipts:
            description: What others keep of drives that were formatted, as for M(baremetal.overlay.drive).
            type: dict
            default: {}
          seen:
            description: What an earlier look found of O(sections.drives.devices), as for M(baremetal.overlay.drive).
            type: list
            elements: dict
            default: []
      drive_receipts:
        description:
          - Receipts of the drives of all hosts, which a manager keeps for hosts that lose their own.
          - They are kept in C(/etc/baremetal-overlay/cluster-drive-receipts.json).
        type: dict
        suboptions:
          drives:
            description: By label, as RV(baremetal.overlay.drive#module:receipts) has them.
            type: dict
            required: true
      links:
        description:
          - The links of a kernel overlay. This section is planned only.
          - M(baremetal.overlay.links) applies it, with the same options.
        type: dict
        suboptions:
          kind:
            description: How frames travel. V(nvgre) and V(geneve) take a link for each peer, V(vxlan) one for all.
            type: str
            choices: [vxlan, nvgre, geneve]
            default: vxlan
          vni:
            description: The number of the network. That of V(nvgre) is from 4096.
            type: int
            default: 7700
          port:
            description: The UDP port. Without it 14789 for V(vxlan) and 6081 for V(geneve).
            type: int
          number:
            description: The number of this host, which gives it its address in the overlay.
            type: int
            required: true
          address:
            description: The address of this host on the underlay.
            type: str
            required: true
          peers:
            description: All hosts of the overlay. This one may be among them.
            type: list
            elements: dict
            required: true
            suboptions:
              number:
                description: The number of the host.
                type: int
                required: true
              address:
                description: Its address on the underlay.
                type: str
                required: true
          subnet:
            description: The subnet of the overlay, as CIDR. A host's address is its beginning plus the number.
            type: str
            default: 10.78.0.0/24
          bridge:
            description: The bridge that has the address. Names of other links begin with it.
            type: str
            default: ovl0
          mtu:
            description: The largest packet in the overlay. Without it the underlay's MTU less all headers.
            type: int
          underlay_mtu:
            description: The largest packet between the hosts, where that is less than the own interface has.
            type: int
          encryption:
            description: Whether the hosts encrypt the overlay with IPsec, whose headers need room.
            type: str
            choices: [none, ipsec]
            default: none
          replication:
            description: How a host knows the others. V(static) means by their list, and each gets what is for all.
            type: str
            choices: [static]
            default: static
      firewall:
        description:
          - Who may reach the cluster's ports. This section is planned only.
          - M(baremetal.overlay.firewall) applies it, with the same options.
        type: dict
        suboptions:
          client_networks:
            description: Networks, as CIDR, that may reach S3 and the console.
            type: list
            elements: str
            required: true
          peers:
            description: Addresses of the members of the cluster, which may reach every port of it.
            type: list
            elements: str
            required: true
          client_ports:
            description: TCP ports of S3 and the console.
            type: list
            elements: int
            default: [9000, 9001]
          cluster_tcp_ports:
            description: TCP ports for members only.
            type: list
            elements: int
            default: [2377, 7946]
          cluster_udp_ports:
            description: UDP ports for members only.
            type: list
            elements: int
            default: [4789, 7946]
          container_interfaces:
            description: The host's own bridges, whose containers may reach S3 and the console.
            type: list
            elements: str
            default: [docker0, docker_gwbridge]
          gre_vsid:
            description: The VSID of an NVGRE overlay, whose tunnels are for members only. Other tunnels are not judged.
            type: int
          overlay_interfaces:
            description: Interfaces of a kernel overlay, on which addresses of
              O(sections.firewall.overlay_networks) are members.
            type: list
            elements: str
            default: []
          overlay_networks:
            description: The addresses of members in a kernel overlay, as CIDR.
            type: list
            elements: str
            default: []
          drop_interfaces:
            description:
              - Interfaces by which nothing comes in that is not listed, be it for the host, a container or others.
              - Let in are answers, ICMP as far as networks need it, DHCP, the cluster's ports as everywhere,
                O(sections.firewall.management_ports),
                O(sections.firewall.allowed) and what O(sections.firewall.extra_rules)
                accept.
            type: list
            elements: str
            default: []
          management_networks:
            description: Networks, as CIDR, that may reach O(sections.firewall.management_ports) by such an interface.
            type: list
            elements: str
            default: []
          management_ports:
            description: TCP ports of management.
            type: list
            elements: int
            default: [22]
          controller_manages:
            description:
              - Whether networks that leave out the machine that runs this are refused.
              - Without it such a change is tried, and taken back unless it can be confirmed.
            type: bool
            default: true
          allowed:
            description: What else may come in by such an interface, ports that containers publish among it.
            type: list
            elements: dict
            default: []
            suboptions:
              protocol:
                description: The protocol. Only V(tcp), V(udp) and V(sctp) have ports.
                type: str
                choices: [tcp, udp, sctp, igmp, gre, esp, ah, ospf, vrrp]
                default: tcp
              port:
                description: The port on the host.
                type: int
              sources:
                description: Networks, as CIDR.
                type: list
                elements: str
                required: true
              comment:
                description: What it is for, as the table shows it.
                type: str
          extra_rules:
            description: Rules in the words of nft, before the drop. They are checked by nft before anything is changed.
            type: list
            elements: str
            default: []
      ipsec:
        description:
          - The traffic between members in ESP, and not in clear text. This section is planned only.
          - M(baremetal.overlay.ipsec) applies it, with the same options.
        type: dict
        suboptions:
          state:
            description:
              - V(absent) lets clear text through. With O(sections.ipsec.phase=finish) it ends what is negotiated and
                removes files, too.
            type: str
            choices: [absent, present]
            default: present
          phase:
            description:
              - V(prepare) makes the host ready for its peers and asks for nothing.
              - V(enforce) negotiates with them, refuses clear text, and from then on asks for what is missing.
              - V(finish) does what was left to enforce, or else forgets keys of before. It is what a prediction is made
                for.
            type: str
            choices: [enforce, finish, prepare]
            default: finish
          number:
            description: The number of this host, by which its peers know it.
            type: int
            default: 0
          address:
            description: The address of this host towards its peers.
            type: str
            default: ""
          peers:
            description: The other members.
            type: list
            elements: dict
            default: []
            suboptions:
              name:
                description: What messages call it.
                type: str
                required: true
              number:
                description: Its number.
                type: int
                required: true
              address:
                description: Its address towards its peers.
                type: str
                required: true
              secret:
                description: The key of the pair, as hexadecimal digits, with O(sections.ipsec.authentication=psk).
                type: str
          expect:
            description:
              - The names of peers with which everything has to be negotiated before clear text is refused. Without it,
                all.
            type: list
            elements: str
          protect:
            description: What is encrypted between members.
            type: list
            elements: dict
            default: []
            suboptions:
              protocol:
                description: The protocol.
                type: str
                choices: [gre, tcp, udp]
                required: true
              port:
                description: The receiver's port; GRE has none.
                type: int
                default: 0
              same:
                description: Whether the sender may have the same port, as Swarm's gossip over UDP has.
                type: bool
                default: false
              anybody:
                description: Whether clear text to this port is refused from and to everybody, not from members only.
                type: bool
                default: false
          authentication:
            description: How members prove who they are.
            type: str
            choices: [certificates, psk]
            default: psk
          trust:
            description:
              - The certificates of the authority of O(sections.ipsec.authentication=certificates), as PEM.
              - Empty is what is there.
            type: str
            default: ""
          ca_directory:
            description: Where this host keeps the CA of the members, if it does; its certificate is reported.
            type: path
      leftovers:
        description:
          - Files with keys or credentials that a run left which was killed. They are removed.
          - Only files with names of ours go, and none that a process which lives is about to put in place.
        type: dict
        suboptions:
          directories:
            description: Where else than in the collection's own directories such files are written.
            type: list
            elements: path
            default: []
      minio_tls:
        description:
          - The certificate, trust and CA of MinIO that this host has. This section is looked at only.
          - M(baremetal.overlay.minio_certificate) and M(baremetal.overlay.minio_ca) do what is due.
        type: dict
        suboptions:
          ca_directory:
            description: Where the CA is kept, on the host that keeps it.
            type: path
  engine_restart:
    description:
      - Carries out a restart of the engine, where its configuration was changed since it started.
      - Without this the section C(engine) only reports such a restart, as RV(sections) C(engine.restart).
      - Waits before until MinIO and the managers of the swarm can do without this host. What cannot be found out, as
        the number of managers while none leads, is waited for as well.
      - Waits after until the engine answers, its node is ready, a manager is reached by the leader, and MinIO is
        healthy again. Give it to one host at a time.
    type: dict
    suboptions:
      minio_url:
        description:
          - The MinIO of this host, without a path. It is empty for a host without one.
          - A server that runs in a container of this host, and that cannot be reached by this, keeps the engine
            from its restart.
        type: str
        default: ""
      minio_peers:
        description:
          - The MinIO of the other hosts, without a path.
          - Each has to be healthy before this host goes, unless no MinIO answers anywhere.
        type: list
        elements: str
        default: []
      minio_ca_path:
        description: A file with the authorities that sign MinIO's certificates. Without it, those of the system.
        type: path
      minio_ca_certificates:
        description: Their certificates in PEM form, for a host that does not have that file yet.
        type: str
      timeout:
        description: Seconds for each of the things that are waited for.
        type: int
        default: 300
  look:
    description: What the facts are to say beside what they always say. Nothing is sent or loaded to find out.
    type: dict
    default: {}
    suboptions:
      credentials_dir:
        description: Where MinIO's root credentials would be. The fact C(credentials_present) says whether they are.
        type: path
        default: /etc/baremetal-overlay
      peers:
        description: Addresses of other hosts. The fact C(ways) says from which address the kernel would send to each.
        type: list
        elements: str
        default: []
      ports:
        description: The fact C(listeners) says who listens on these ports, TCP and UDP, on any address.
        type: list
        elements: int
        default: []
      features:
        description:
          - The fact C(features) says whether the running kernel has or can load these, or that this is unknown.
          - C(esp) is what the Engine's encrypted overlays need, together with C(xfrm).
        type: list
        elements: str
        choices:
          [br_netfilter, bridge, esp, esp6, geneve, gre, gre6, ip_vs, ipvlan, macvlan, nf_tables, overlay, veth, vxlan,
           xfrm, xfs]
        default: []
  violations:
    description:
      - What violations lead to.
      - With V(fail) the module fails and changes nothing.
      - With V(report) it returns them, and applies nothing where there is one.
    type: str
    choices: [fail, report]
    default: fail
attributes:
  check_mode:
    description: Predicts what the real run does, on bare hosts too.
    support: full
  diff_mode:
    description: Files before and after, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: Look at a host
  baremetal.overlay.host:
  register: found

- name: Have an engine with limited logs
  baremetal.overlay.host:
    sections:
      engine:
        log_max_size: 10m
        log_max_file: 3

- name: Restart the engine where that is pending, in a play with C(serial) 1
  baremetal.overlay.host:
    sections:
      engine: {}
    engine_restart:
      minio_url: http://192.0.2.11:9000

- name: Say what the drives would need
  baremetal.overlay.host:
    violations: report
    sections:
      drives:
        number: 1
        devices: [/dev/disk/by-id/nvme-example-1, "serial:S3Z8NB0K"]
  check_mode: true

- name: Say whether a host can be deployed
  baremetal.overlay.host:
    look:
      peers: [192.0.2.12, 192.0.2.13]
      ports: [2377, 4789, 7946, 9000]
      features: [vxlan, xfs]
  register: found
"""

RETURN = r"""
refused:
  description:
    - The sections that were left out because their options are wrong, and what is wrong with them.
    - With O(violations=report) only; otherwise wrong options fail.
  type: dict
  returned: always
  sample: {}
sections:
  description: One entry for each section that was given.
  returned: always
  type: dict
  sample:
    engine:
      changed: true
      plan: [install docker.io, python3-docker]
      restart: false
      violations: []
violations:
  description: The violations of all sections.
  returned: always
  type: list
  elements: str
facts:
  description:
    - What the host is and what runs there, after the changes.
    - Names, kernel, memory, addresses, routes, what it needs to reach, engine, swarm, images, tasks, block devices,
      receipts of drives that a manager keeps, published ports, clock, whether MinIO's root credentials are kept here,
      who holds a lock of the package manager, and what O(look) asks for.
    - Of a password there is a salted slow hash, by which it is recognized where it is given.
  returned: always
  type: dict
  sample:
    architecture: x86_64
    credentials: {kept: null, staged: null}
    credentials_present: false
    engine: {installed: true, running: true, sdk: 5.0.3, version: 26.1.5+dfsg1}
    features: {esp: {has: false, why: /proc/config.gz says CONFIG_INET_ESP is not set}}
    hostname: n1
    package_lock: process 812 (`/usr/bin/unattended-upgrade`) holds /var/lib/dpkg/lock-frontend
    listeners: [{address: 0.0.0.0, pid: 1234, port: 9000, process: minio, protocol: tcp}]
    swarm: {manager: false, node_id: null, state: inactive}
    ways: {192.0.2.12: {error: null, source: 192.0.2.11}}
clock:
  description: When the controller sent the module and had its answer, in seconds since 1970 by its own clock.
  returned: when the module ran
  type: dict
  sample: {received: 1795532400.9, sent: 1795532400.1}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.host import runner, sections
from ..module_utils.host.snapshot import Snapshot
from ..module_utils.host.system import System


def main() -> None:
    """Wires the options to the sections."""
    module = AnsibleModule(argument_spec=sections.spec(), supports_check_mode=True)
    with runner.failing(module):
        run(module)


def run(module: AnsibleModule) -> None:
    """Look, plan, refuse or apply, and look again where something was changed."""
    system = System(module)
    snapshot = Snapshot(system)
    plans = sections.plan(module.params["sections"], snapshot, module.params["engine_restart"])
    if module.params["violations"] == "fail":
        runner.refuse(module, plans)
    changed = runner.apply(module, sections.applicable(plans), system)
    look = module.params["look"]
    facts = Snapshot(system).facts(look) if changed and not module.check_mode else snapshot.facts(look)
    module.exit_json(changed=changed, facts=facts, **runner.report(plans))


if __name__ == "__main__":
    main()
