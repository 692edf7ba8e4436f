# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change and its way back: in which order, who may confirm it, and what is told to whom it was not meant for."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.host import confirm, revert_script
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Guard, ShellStep
from ansible_collections.baremetal.overlay.plugins.module_utils.host.steps import Run, WriteFile

PATH = "/etc/x.nft"
GUARD = Guard(
    what="firewall",
    files=(PATH, "/etc/unit"),
    undo=[ShellStep("put back the table", 'nft -f "$state/table.nft"')],
    redo=[ShellStep(f"step {number}", "true") for number in range(11)],
    saved={"table.nft": "old table"},
    proofs=(("nft", "-c", "-f", "{state}/table.nft"),),
    targets=(("192.0.2.1", 7946), ("192.0.2.2", 7946)),
)
STEPS = [WriteFile(PATH, "new", "old"), Run("load it", (("nft", "-f", PATH),))]
ANSWERED = [("192.0.2.1", 7946)]
STOP = f"systemctl stop {revert_script.UNIT}.timer"


@pytest.fixture(name="Host")
def host_type(fake_system):
    class Made(fake_system):
        """One on which moves are moves, and on which the timer runs as long as it is told."""

        def __init__(self, files=None, failing=(), armed=True):
            super().__init__({PATH: "old", **(files or {})}, failing=failing, words="it failed")
            self.armed = armed

        def run(self, argv, _env=None):
            out = super().run(argv)
            if argv[0] == "mv":
                source, target = argv[-2:]
                for name in [name for name in self.files if name.startswith(f"{source}/")]:
                    self.files[name.replace(source, target, 1)] = self.files.pop(name)
            if argv[:3] == ("sh", revert_script.SCRIPT_PATH, self.files.get(f"{confirm.STATE}/token")):
                self.remove_tree(confirm.STATE)
            return out

        def query(self, argv):
            self.ran.append(" ".join(argv))
            return ("active\ninactive\n" if self.armed else "inactive\ninactive\n") if argv[1] == "show" else ""

        @property
        def pending(self):
            return confirm.read(self)

        def order(self, *words):
            return [next(place for place, ran in enumerate(self.ran) if word in ran) for word in words]

        def locked(self, word):
            """Whether the lock was held when this was done last."""
            last = max(place for place, ran in enumerate(self.ran) if ran == word)
            locks = [ran for ran in self.ran[:last] if ran.endswith(f"lock {revert_script.LOCK}")]
            return bool(locks) and locks[-1].startswith("lock")

    return Made


class Clock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def made(host, probe=lambda _targets: ANSWERED, seconds=60):
    return confirm.carry_out(STEPS, GUARD, seconds, host, probe)


def test_everything_is_saved_and_the_timer_runs_before_anything_is_changed(Host):
    host = Host()
    token = made(host)
    words = ("cp --archive", "nft -c -f", "sync", "systemd-run", "mv -T", f"write {PATH}", f"nft -f {PATH}")
    assert host.order(*words) == sorted(host.order(*words))
    assert f"cp --archive --no-dereference {PATH} {confirm.STATE}.new/file0" in host.ran
    assert not any("file1" in ran for ran in host.ran), "a file that is not there is not saved"
    timer = next(ran for ran in host.ran if ran.startswith("systemd-run"))
    assert "--on-active=60s" in timer
    assert timer.endswith(f"/bin/sh {revert_script.SCRIPT_PATH} {token} {revert_script.TRIES}")
    assert f"--property=RestartPreventExitStatus={revert_script.GAVE_UP}" in timer
    assert host.pending.token == token
    assert host.pending.answered == ANSWERED
    assert host.files[f"{confirm.STATE}/paths"] == f"0 {PATH}\n1 /etc/unit\n"
    assert host.files[f"{confirm.STATE}/table.nft"] == "old table"
    steps = sorted(path.rpartition("/")[2] for path in host.files if "do0" in path)
    assert steps == [*(f"redo{number:03}" for number in range(11)), "undo000"]
    assert host.files[f"{confirm.STATE}/undo000"] == '# put back the table\nset -eu\nnft -f "$state/table.nft"\n'
    assert host.files[revert_script.BOOT_UNIT_PATH] == revert_script.BOOT_UNIT


def test_a_way_back_at_boot_that_somebody_disabled_is_enabled_again(Host):
    enables = f"systemctl enable {revert_script.BOOT_SERVICE}"
    disabled = Host({revert_script.BOOT_UNIT_PATH: revert_script.BOOT_UNIT})
    made(disabled)
    assert disabled.order(enables, "systemd-run") == sorted(disabled.order(enables, "systemd-run"))
    enabled = Host({**disabled.files, revert_script.BOOT_ENABLED_PATH: ""})
    enabled.remove_tree(confirm.STATE)
    made(enabled)
    assert enables not in enabled.ran


@pytest.mark.parametrize("fault", ["nft -c -f", "systemctl enable", "systemd-run"])
def test_without_a_way_back_nothing_is_changed(Host, fault):
    host = Host(failing=[fault])
    with pytest.raises(OverlayError, match="it failed"):
        made(host)
    assert host.files[PATH] == "old"
    assert host.pending is None


def test_a_step_that_fails_is_taken_back_at_once(Host):
    host = Host(failing=[f"nft -f {PATH}"])
    with pytest.raises(OverlayError, match=r"it failed \(what was there before was put back\)"):
        made(host)
    # The script takes the lock itself.
    last = [ran.split()[0] for ran in host.ran if ran.startswith((f"nft -f {PATH}", "unlock", "sh "))]
    assert last[:3] == ["nft", "unlock", "sh"]
    assert host.pending is None


def test_why_it_is_taken_back_is_said_even_if_that_fails(Host):
    tries = (
        "not all of what was there before could be put back: it failed; the host tries again, see `journalctl -u bare"
    )
    host = Host(failing=[f"nft -f {PATH}", f"sh {revert_script.SCRIPT_PATH}"])
    with pytest.raises(OverlayError, match=rf"^it failed \({tries}"):
        made(host)
    assert host.pending, "the timer tries again"
    assert host.ran.count(STOP) == 1, "which is the one of before"

    host = Host()
    token = made(host)
    host.failing = [f"sh {revert_script.SCRIPT_PATH}"]
    with pytest.raises(OverlayError, match=f"the table is gone; the change was not confirmed, and {tries}"):
        confirm.confirm(token, host, lambda: ["the table is gone"], lambda targets: targets)
    assert host.pending


def test_two_at_once_are_told_and_the_second_changes_nothing(Host):
    host = Host()
    made(host)
    before = dict(host.files)
    with pytest.raises(OverlayError, match=r"same time \(one of the firewall, made at 20.*, waits for its conf"):
        made(host)
    assert host.files == before
    with pytest.raises(OverlayError, match="another run changes this host at the same time; nothing was changed"):
        made(Host(failing=[revert_script.LOCK]))


def test_what_is_confirmed_is_kept_and_the_timer_ends_after_that(Host):
    host = Host()
    token = made(host)
    confirm.confirm(token, host, probe=lambda targets: targets)
    assert host.pending is None
    assert host.files[PATH] == "new"
    assert not any(ran.startswith("sh ") for ran in host.ran)
    # Once the lock is free, timer and directory may be those of the next change.
    words = (
        f"mv -T {confirm.STATE} {confirm.STATE}.confirmed",
        "sync --file-system /etc/baremetal-overlay",
        STOP,
        f"remove {confirm.STATE}.confirmed/token",
    )
    assert all(host.locked(word) for word in words)
    assert [ran for ran in host.ran[host.ran.index(words[0]) :] if ran in words] == list(words)


def test_who_did_not_hear_that_it_is_confirmed_is_told_again(Host):
    host = Host()
    token = made(host)
    confirm.confirm(token, host, probe=lambda targets: targets)
    kept = dict(host.files)
    confirm.confirm(token, host, lambda: ["it came too late"], lambda _targets: [])
    # Also where the next change waits, which is no business of his.
    made(host)
    confirm.confirm(token, host, lambda: ["it came too late"], lambda _targets: [])
    assert host.pending
    assert host.files[PATH] == kept[PATH]
    assert not any(ran.startswith("sh ") for ran in host.ran)


def test_a_confirmation_that_was_broken_off_is_none(Host):
    host = Host()
    token = made(host)
    host.failing = [f"mv -T {confirm.STATE} "]
    with pytest.raises(OverlayError, match="it failed"):
        confirm.confirm(token, host, probe=lambda targets: targets)
    assert host.pending.token == token
    host.remove_tree(confirm.STATE)
    host.files[confirm.REVERTED] = f"{token} 2026-11-26T07:24:01Z"
    with pytest.raises(OverlayError, match="the host put back what was there before"):
        confirm.confirm(token, host, probe=lambda targets: targets)


def test_the_timer_of_a_later_change_goes_on(Host):
    host = Host()
    token = made(host)
    confirm.take_back(token, host)
    assert host.locked(STOP)

    host = Host()
    made(host)
    stopped = host.ran.count(STOP)
    confirm.take_back("of one that ended", host)
    assert host.ran.count(STOP) == stopped
    assert host.pending


def test_a_peer_that_does_not_answer_any_more_speaks_against_it(Host):
    host = Host()
    token = made(host)
    with pytest.raises(OverlayError, match=r"192\.0\.2\.1 port 7946 answered before and does not now"):
        confirm.confirm(token, host, probe=lambda _targets: [], clock=Clock())
    assert any(ran == f"sh {revert_script.SCRIPT_PATH} {token}" for ran in host.ran)
    assert host.pending is None


def test_a_peer_may_take_a_moment(Host):
    host, looks = Host(), []

    def probe(targets):
        looks.append(targets)
        return [] if len(looks) < 3 else list(targets)

    token = made(host)
    confirm.confirm(token, host, probe=probe, clock=Clock())
    assert looks == [ANSWERED] * 3
    assert host.files[PATH] == "new"


def test_what_the_module_sees_speaks_against_it_too(Host):
    host = Host()
    token = made(host)
    with pytest.raises(OverlayError, match="firewall: the table is gone; the change was not confirmed"):
        confirm.confirm(token, host, lambda: ["the table is gone"], lambda targets: targets)
    assert host.pending is None


@pytest.mark.parametrize(
    ("reverted", "pending", "words"),
    [
        ("mine 2026-11-26T07:24:01Z", False, "not confirmed in time, and at 2026-11-26T07:24:01Z the host put back"),
        ("other 2026-11-26T07:24:01Z", False, "no change waits for the token mine"),
        (None, False, "no change waits for the token mine"),
        (None, True, "the token mine is of a change that has ended; what waits here is the change"),
    ],
)
def test_a_token_that_is_good_for_nothing(Host, reverted, pending, words):
    host = Host()
    if reverted:
        host.files[confirm.REVERTED] = reverted
    if pending:
        made(host)
    with pytest.raises(OverlayError, match=words):
        confirm.confirm("mine", host, probe=lambda targets: targets)
    assert bool(host.pending) == pending


def test_a_way_back_that_has_begun_wins(Host):
    host = Host()
    token = made(host)
    host.failing = [revert_script.LOCK]
    with pytest.raises(OverlayError, match="ran out while it was being confirmed"):
        confirm.confirm(token, host, probe=lambda targets: targets)
    assert host.pending.token == token


def test_what_may_be_taken_back_in_part_is_not_confirmed_any_more(Host):
    """The time is over, and between two tries of the way back nobody has the lock."""
    host = Host()
    token = made(host, seconds=0)
    with pytest.raises(OverlayError, match="ran out while it was being confirmed"):
        confirm.confirm(token, host, probe=lambda targets: targets)
    assert host.pending.token == token


def test_a_later_run_waits_until_the_host_has_taken_back(Host):
    host, clock = Host(), Clock()
    made(host, seconds=20)

    class Passing(Clock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if self.time > 15:
                host.remove_tree(confirm.STATE)

    clock = Passing()
    confirm.await_free(host, clock)
    assert 15 < clock.time < 20


def test_a_change_that_never_ends_is_an_error_that_says_where_to_look(Host):
    host = Host()
    made(host, seconds=20)
    with pytest.raises(WaitTimeout, match="journalctl -u baremetal-overlay-revert"):
        confirm.await_free(host, Clock())


def test_without_a_timer_the_way_back_is_taken_at_once(Host):
    host = Host(armed=False)
    token = made(host)
    confirm.await_free(host, Clock())
    assert f"sh {revert_script.SCRIPT_PATH} {token} {revert_script.TRIES}" in host.ran
    assert host.pending is None
    assert host.warnings == []


def test_what_the_host_gave_up_is_named_and_does_not_wait_any_more(Host):
    host, clock = Host(), Clock()
    token = made(host, seconds=20)

    class Passing(Clock):
        def sleep(self, seconds):
            super().sleep(seconds)
            # systemd collects the timer and its service, which has ended for good.
            host.armed = self.time < 30

    clock = Passing()
    left = "not done: have charon load its files (ended with 1): it hangs"
    host.words = "\n".join(["`sh revert` ended with 3: not done: stop x", *[left] * 3])
    host.failing = [f"sh {revert_script.SCRIPT_PATH} {token}"]
    confirm.await_free(host, clock)
    assert 30 <= clock.time < 32
    assert host.pending is None
    assert host.locked(f"mv -T {confirm.STATE} {confirm.STATE}.reverted")
    assert not [path for path in host.files if path.startswith(confirm.STATE)], "with the keys in it"
    (warning,) = host.warnings
    assert warning.startswith("firewall: a change that another run made at 20")
    assert warning.count(left) == 1 and f"not done: stop x; {left})" in warning
    assert made(host), "the next change has its way back again"


def test_what_another_run_is_taking_back_is_left_to_it(Host):
    host = Host(armed=False)
    token = made(host)
    host.failing = [f"sh {revert_script.SCRIPT_PATH} {token}", revert_script.LOCK]
    confirm.await_free(host, Clock())
    assert (host.pending.token, host.warnings) == (token, [])


def test_what_a_killed_run_left_is_removed_by_the_next_unless_somebody_is_at_it(Host):
    left = {f"{confirm.STATE}.{name}/file0": "its keys" for name in ("new", "confirmed", "reverted")}
    busy, free = Host(left, failing=[revert_script.LOCK]), Host(left)
    confirm.await_free(busy, Clock())
    confirm.await_free(free, Clock())
    assert set(left) <= set(busy.files)
    assert not set(left) & set(free.files)
    assert all(free.locked(f"remove {path}") for path in left)


def test_due_is_counted_by_the_clock_of_the_timer(Host):
    host = Host()
    before = time.monotonic()
    made(host, seconds=60)
    assert 60 <= json.loads(host.files[f"{confirm.STATE}/about.json"])["due"] - before < 61


def test_targets_are_spread_over_the_peers():
    few = confirm.spread(["192.0.2.10", "192.0.2.9", "2001:db8::1"], [2377, 7946])
    assert few[:2] == [("192.0.2.9", 2377), ("192.0.2.9", 7946)]
    assert len(few) == 6
    peers = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    many = confirm.spread(peers, [2377, 7946, 9000, 9001])
    assert 48 <= len(many) <= confirm.MOST_TARGETS
    assert {port for _address, port in many} == {2377, 7946, 9000, 9001}
    assert many[-1][0] > "10.0.3"
    assert confirm.spread([], [2377]) == []


def test_the_lock_is_one_and_goes_with_its_holder(tmp_path):
    system = confirm.System.__new__(confirm.System)
    path = str(tmp_path / "run" / "lock")

    with system.lock(path, 0.1) as first, system.lock(path, 0.1) as second:
        assert (first, second) == (True, False)
        assert Path(path).stat().st_mode & 0o777 == 0o600, "whoever may open it may hold it"
    with system.lock(path, 0.1) as again:
        assert again
