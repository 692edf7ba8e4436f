# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose files, table and charon are kept from run to run, for the tests of IPsec."""

from __future__ import annotations

import json

from ansible_collections.baremetal.overlay.plugins.module_utils.host import ipsec, ipsec_state, units
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Package
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop, charon, keys, protected
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec.vici import ViciError
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import Clock

MASTER = "0123456789abcdefghijklmnopqrstuvwxyz"
TABLE = json.dumps({"nftables": [{"table": {"family": "inet", "name": "baremetal_overlay_ipsec"}}]})


class Time(Clock):
    """Passes where something takes some."""

    def __init__(self):
        self.passed = 0.0

    def now(self):
        return self.passed


class Charon:
    """Keeps connections, keys in the order of their loading, traps, and associations."""

    def __init__(self):
        self.connections, self.secrets, self.associations, self.said = {}, {}, {}, []
        self.mode, self.unreachable, self.number = "TRANSPORT", set(), 0
        self.traps, self.clock, self.takes = set(), Time(), 0.1

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def do(self, command, message=None):
        answer = self.ask(command, message)
        if answer.get("success") == "no":
            raise ViciError(f"charon: refused {command}")
        return answer

    def ask(self, command, message=None):
        message = dict(message or {})
        self.said.append((command, message.get("id") or message.get("name") or message.get("ike") or [*message]))
        if command == "get-shared":
            return {"keys": list(self.secrets)}
        if command == "load-shared":
            self.secrets.pop(message["id"], None)
            self.secrets[message["id"]] = message["data"]
        elif command == "unload-shared":
            self.secrets.pop(message["id"])
        elif command == "load-conn":
            name = next(iter(message))
            wanted = message[name]
            # What is the same is left alone.
            if wanted != self.connections.get(name):
                self.traps -= {trap for trap in self.traps if trap[0] == name}
                self.traps |= {(name, c) for c, one in wanted["children"].items() if "trap" in one["start_action"]}
                self.connections[name] = wanted
        elif command == "install":
            self.traps.add((message["ike"], message["child"]))
        elif command == "uninstall":
            self.traps.discard((message["ike"], message["child"]))
        elif command == "unload-conn":
            self.traps -= {trap for trap in self.traps if trap[0] == message["name"]}
            return {"success": "yes" if self.connections.pop(message["name"], None) else "no"}
        elif command == "terminate":
            if "child" in message:
                self.associations.get(message["ike"], {}).pop(message["child"], None)
            else:
                self.associations.pop(message["ike"], None)
        elif command == "rekey":
            self.number += 1
            self.associations[message["ike"]]["uniqueid"] = str(self.number)
        return {"success": "yes"}

    def stream(self, command, _event, message=None):
        self.said.append((command, (message or {}).get("child") or (message or {}).get("ike")))
        if command == "list-conns":
            shown = {"local_addrs": 1, "remote_addrs": 1}
            for name, one in self.connections.items():
                yield {name: {**{key: one[key] for key in shown}, "children": {c: {} for c in one["children"]}}}
        elif command == "initiate":
            yield from self._initiate(message)
        else:
            for name, one in self.associations.items():
                if (message or {}).get("ike", name) != name:
                    continue
                found = {
                    child: {"name": child, "mode": mode, "state": "INSTALLED"}
                    for child, mode in one.items()
                    if child != "uniqueid"
                }
                yield {name: {"uniqueid": one["uniqueid"], "state": "ESTABLISHED", "child-sas": found}}

    def _initiate(self, message):
        yield {"msg": "initiating"}
        if message["ike"] in self.unreachable:
            self.clock.passed += int(message["timeout"]) / 1000
            yield {"msg": "giving up after 3 retransmits"}
            raise ViciError("charon: refused initiate: timed out")
        self.clock.passed += self.takes
        self.number += 1
        one = self.associations.setdefault(message["ike"], {"uniqueid": str(self.number)})
        one[message["child"]] = self.mode


def host_of(fake_system):
    """A host with strongSwan."""

    class Host(fake_system):
        table = ""

        def __init__(self):
            super().__init__(answers={"nft": ""})
            self.daemon, self.enabled = Charon(), False

        def charon(self):
            return self.daemon

        def query(self, _argv):
            return self.table

        def run(self, argv, _env=None, _data=None):
            text = super().run(argv)
            if argv[:2] == ("systemctl", "restart"):
                self.table = TABLE
            if argv[1] == "enable" and backstop.TABLE.service in argv:
                self.enabled = True
            if argv[1] == "disable" and backstop.TABLE.service in argv:
                self.enabled = False
            if argv[:2] == ("nft", "delete"):
                self.table = ""
            return text

        def state(self, **changed):
            found = {name: units.Unit(name) for name in ipsec_state.UNITS}
            found[ipsec_state.SERVICE] = units.Unit(
                ipsec_state.SERVICE, load="loaded", active="active", enabled="enabled"
            )
            if self.enabled:
                found[backstop.TABLE.service] = units.Unit(
                    backstop.TABLE.service, load="loaded", active="active", enabled="enabled"
                )
            given = {
                "packages": {name: Package("1", False, "installed") for name in ipsec_state.PACKAGES},
                "units": found,
                "files": {path: self.read(path) for path in ipsec_state.FILES},
                "listing": self.table,
                "live": charon.try_look(self),
                "nft": True,
            }
            return ipsec_state.State(**{**given, **changed})

        def go(self, options):
            self.daemon.said.clear()
            plan = ipsec.plan(options, self.state())
            assert plan.violations == []
            plan.apply(self)
            return plan.sentences

    return Host()


def options(phase="finish", numbers=(2,), epoch=1, **changed):
    peers = [
        {
            "name": f"n{number}",
            "number": number,
            "address": f"198.51.100.1{number}",
            "secret": keys.pair(MASTER, "host1", f"host{number}", epoch),
        }
        for number in numbers
    ]
    given = {
        "state": "present", "phase": phase, "number": 1, "address": "198.51.100.11", "peers": peers, "expect": None,
        "protect": protected.derive("overlay", 4789), "authentication": "psk", "trust": "",
    }  # fmt: skip
    return {**given, **changed}


def actions(host):
    return {child["start_action"] for one in host.daemon.connections.values() for child in one["children"].values()}


def names(host):
    return [name.rpartition("-")[2] for name in host.daemon.secrets]
