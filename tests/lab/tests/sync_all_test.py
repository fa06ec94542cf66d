"""sync-all on real hosts whose clocks are known: run as root, `python3 -m unittest -v sync_all_test.py`.

The truth is the lab's: how far a host's clock is off the relay's, read beside what fleetsync says. In fleetsync's
offsets positive means that the reference is ahead; the lab's are the host's time less the true time.
"""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, command_of, eventually  # noqa: E402

FLEETSYNC = BIN / "fleetsync"
NAME = "synctest"
RELAY_ADDRESS = "198.18.1.1"
CONTROLLER = "198.18.0.1"
NOBODY = "198.18.1.250"
DEADLINE_S = 40
READING_S = 0.0005  # what a clock may do between fleetsync's look at it and the lab's

SERVICES = {"relay1": "chronyd", "chrony01": "chronyd", "ntpsec01": "ntpd", "ntp01": "ntpd"}
HOSTS = ["chrony01", "ntpsec01", "ntp01", "plain01", "busybox01"]
INIT_SCRIPTS = {"relay1": "chrony", "chrony01": "chrony", "ntpsec01": "ntpsec", "ntp01": "ntp"}


def lab(*arguments, check=True, timeout=200):
    done = subprocess.run(command_of(NAME, *arguments), capture_output=True, text=True, timeout=timeout,
                          check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_host(host, command, check=True):
    return lab("exec", host, "--", "sh", "-c", command, check=check)


def clocks():
    return {clock["host"]: clock for clock in json.loads(lab("clocks", "-o", "json"))}


def true_offsets():
    """What must be added to each host's clock for it to agree with the relay's, in seconds."""
    readings = clocks()
    return {host: readings["relay1"]["offset_s"] - clock["offset_s"] for host, clock in readings.items()}


def set_offset(host, offset):
    """Makes `offset` the offset of the host's clock."""
    lab("clock", host, "--set", str(-offset))


def daemon_runs(host):
    name = SERVICES[host]
    return name in in_host(host, "cat /proc/[0-9]*/comm 2>/dev/null", check=False).split()


def restart(host):
    """SysV's restart starts while the old daemon still ends."""
    in_host(host, f"service {INIT_SCRIPTS[host]} stop")
    eventually(lambda: not daemon_runs(host), f"the daemon of {host} has ended")
    in_host(host, f"service {INIT_SCRIPTS[host]} start")


class Run:
    """One finished `fleetsync … -o json`."""

    def __init__(self, code, output, errors):
        self.code, self.errors = code, errors
        self.report = json.loads(output) if output else None
        self.hosts = {host["host"]: host for host in self.report["hosts"]} if output else {}


class SyncAllCase(unittest.TestCase):
    sorts = "relay:1,chrony:1,ntpsec:1,ntp:1,plain:1,busybox:1"
    kind = "host"

    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--kind", cls.kind, "--sort", cls.sorts, "--start-daemons")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.inventory = pathlib.Path(folder.name) / "fleet.yaml"
        cls.inventory.write_text(lab("inventory"))
        # An ntpd that follows the relay would step by itself, in the middle of a test, over an offset that the test
        # has changed since.
        for host, path in {"ntp01": "/etc/ntp.conf", "ntpsec01": "/etc/ntpsec/ntp.conf"}.items():
            in_host(host, f"sed -i 's/^server .*/server {NOBODY}/' {path}")
            restart(host)

    def setUp(self):
        for host in clocks():
            if host in SERVICES:
                eventually(lambda host=host: daemon_runs(host), f"the daemon of {host} runs")
            if host != "relay1":
                set_offset(host, 0)

    def command(self, *arguments, inventory=None):
        return command_of(NAME, "run", "--", FLEETSYNC, "-i", inventory or self.inventory, "-o", "json",
                          "--connect-timeout", "3s", *arguments)

    def fleetsync(self, *arguments, inventory=None):
        done = subprocess.run(self.command(*arguments, inventory=inventory), capture_output=True, text=True,
                              timeout=200, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def in_background(self, *arguments):
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()

    def inventory_with(self, change):
        file = tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=self.inventory.parent, delete=False)
        with file:
            file.write(change(self.inventory.read_text()))
        return pathlib.Path(file.name)

    def sync_coarsely(self, *arguments, tolerance="100ms"):
        """What date sets over SSH is as near as the machine lets it, which has other things to do."""
        coarse = self.inventory_with(lambda text: text.replace("tolerance: 10ms", f"tolerance: {tolerance}"))
        return self.fleetsync("sync-all", *arguments, inventory=coarse)

    def assert_true(self, measured, truth, slack=READING_S):
        self.assertLessEqual(abs(measured["offset"] - truth), measured["bound"] + slack,
                             f"measured {measured}, true {truth}")

    def assert_set(self, run, host, tool, before, slack=READING_S):
        result = run.hosts[host]
        self.assertEqual(result["outcome"], "set", result)
        self.assertEqual(result["tool"], tool, result)
        self.assert_true(result["before"], before, slack)
        self.assert_true(result["after"], true_offsets()[host], slack)
        self.assertTrue(result["in_tolerance"], result)


class AHost(SyncAllCase):
    def test_a_dry_run_measures_the_truth_and_touches_nothing(self):
        offsets = dict(zip(HOSTS, (37, -2, 0.05, -1200, 0.004)))
        in_host("chrony01", "service chrony stop")  # it would put its clock right meanwhile
        try:
            for host, offset in offsets.items():
                set_offset(host, offset)
            before = clocks()
            run = self.fleetsync("sync-all", "--dry-run", "--allow-backward")
            for host in HOSTS:
                self.assert_true(run.hosts[host]["before"], true_offsets()[host], slack=0.00005)
                self.assertLess(run.hosts[host]["before"]["bound"], 0.005)
                self.assertEqual(clocks()[host]["steps"], before[host]["steps"])
            self.assertEqual(run.hosts["busybox01"]["outcome"], "left")
            self.assertEqual(run.hosts["plain01"]["outcome"], "refused")
            self.assertEqual(run.hosts["chrony01"]["outcome"], "would_set")
            self.assertEqual(run.hosts["relay1"]["outcome"], "reference")
            self.assertEqual(run.code, 4, run.errors)
        finally:
            restart("chrony01")

    def test_every_sort_of_host_is_set_with_what_it_has(self):
        tools = {"chrony01": "chronyc makestep", "ntpsec01": "ntpdate", "ntp01": "ntpdate",
                 "plain01": "date over SSH", "busybox01": "date over SSH"}
        for host in HOSTS:
            set_offset(host, 37)
        run = self.sync_coarsely()
        self.assertEqual(run.code, 0, run.errors)
        for host, tool in tools.items():
            # A running chronyd sees the jump by itself and begins to slew.
            self.assert_set(run, host, tool, 37, slack=8 if host == "chrony01" else READING_S)
        for host in SERVICES:
            self.assertTrue(daemon_runs(host), host)

    def test_small_offsets_are_set_as_well(self):
        for host in HOSTS:
            set_offset(host, 0.05)
        # chronyd corrects its clock meanwhile, and too far.
        run = self.sync_coarsely("--allow-backward", tolerance="30ms")
        self.assertEqual(run.code, 0, run.errors)
        for host in ("ntpsec01", "ntp01", "plain01", "busybox01"):
            self.assert_true(run.hosts[host]["after"], true_offsets()[host])
            self.assertLess(abs(true_offsets()[host]), 0.01 if host in SERVICES else 0.03)

    def test_a_backward_step_asks_for_its_flag(self):
        set_offset("plain01", -2)
        run = self.fleetsync("sync-all", "-l", "plain01")
        self.assertEqual((run.code, run.hosts["plain01"]["outcome"]), (4, "refused"))
        self.assertEqual(run.hosts["plain01"]["detail"],
                         "would step backward by 2.00 s; if that is right: --allow-backward")
        self.assertAlmostEqual(true_offsets()["plain01"], -2, places=3)
        run = self.sync_coarsely("-l", "plain01", "--allow-backward")
        self.assertEqual(run.code, 0, run.errors)
        self.assert_set(run, "plain01", "date over SSH", -2)

    def test_no_flag_steps_a_host_back_whose_inventory_forbids_it(self):
        forbidding = self.inventory_with(lambda text: text.replace(
            "plain: {hosts:", "plain: {time: {backward: forbid}, hosts:"))
        set_offset("plain01", -2)
        run = self.fleetsync("sync-all", "-l", "plain01", "--allow-backward", "--force", inventory=forbidding)
        self.assertEqual((run.code, run.hosts["plain01"]["outcome"]), (4, "refused"), run.errors)
        self.assertAlmostEqual(true_offsets()["plain01"], -2, places=3)

    def test_a_large_step_asks_for_its_flag(self):
        set_offset("ntp01", 1200)
        run = self.fleetsync("sync-all", "-l", "ntp01")
        self.assertEqual((run.code, run.hosts["ntp01"]["outcome"]), (4, "refused"))
        self.assertIn("--max-step", run.hosts["ntp01"]["detail"])
        run = self.fleetsync("sync-all", "-l", "ntp01", "--max-step", "21m")
        self.assertEqual(run.code, 0, run.errors)
        self.assert_set(run, "ntp01", "ntpdate", 1200)

    def test_over_ssh_needs_no_tool_and_no_relay_that_the_host_hears(self):
        for host in ("ntp01", "busybox01"):
            set_offset(host, 37)
        run = self.sync_coarsely("--over-ssh", "-l", "ntp01,busybox01")
        self.assertEqual(run.code, 0, run.errors)
        for host in ("ntp01", "busybox01"):
            self.assert_set(run, host, "date over SSH", 37)

    def test_serial_stops_after_a_batch_that_failed(self):
        for host in HOSTS:
            set_offset(host, 37)
        lab("fault", "ntpsec01", "drop")
        try:
            run = self.fleetsync("sync-all", "--serial", "1", "-l", "ntpsec01,ntp01,plain01")
        finally:
            lab("fault", "ntpsec01", "drop", "--off")
        self.assertEqual(run.code, 1)
        self.assertTrue(run.report["stopped"])
        self.assertEqual(sorted(host["outcome"] for host in run.hosts.values()), ["failed", "not_begun", "not_begun"])
        self.assertAlmostEqual(true_offsets()["plain01"], 37, places=3)

    # ---- the relay

    def with_relay_config(self, old, new):
        in_host("relay1", f"sed -i 's/^{old}$/{new}/' /etc/chrony/chrony.conf")
        restart("relay1")
        eventually(lambda: in_host("relay1", "chronyc -c tracking", check=False), "the relay's chronyd answers")

    def test_nothing_is_set_from_a_relay_that_is_not_synchronised(self):
        set_offset("plain01", 37)
        self.with_relay_config("local stratum 8", "#local stratum 8")
        try:
            run = self.fleetsync("sync-all")
        finally:
            self.with_relay_config("#local stratum 8", "local stratum 8")
        self.assertEqual(run.code, 1)
        self.assertIn(f"relay1 ({RELAY_ADDRESS}) is not synchronised itself", run.errors)
        self.assertAlmostEqual(true_offsets()["plain01"], 37, places=3)

    def test_nothing_is_set_when_the_controller_and_the_relay_disagree(self):
        set_offset("plain01", 37)
        lab("clock", "relay1", "--set", "-3")
        try:
            run = self.fleetsync("sync-all")
        finally:
            lab("clock", "relay1", "--set", "0")
        self.assertEqual(run.code, 1)
        self.assertIn(f"this machine's clock and relay1 ({RELAY_ADDRESS}) are 3.00 s", run.errors)
        self.assertIn("this machine is ahead", run.errors)

    def test_hosts_follow_the_relay_and_not_the_controller(self):
        set_offset("plain01", 37)
        lab("clock", "relay1", "--set", "-0.08")
        try:
            run = self.sync_coarsely("-l", "plain01")
            self.assertEqual(run.code, 0, run.errors)
            self.assert_true(run.hosts["plain01"]["after"], true_offsets()["plain01"])
            self.assertAlmostEqual(clocks()["plain01"]["offset_s"], -0.08, delta=0.03)
        finally:
            lab("clock", "relay1", "--set", "0")

    def test_a_relay_that_is_gone_is_named_and_nothing_is_set(self):
        set_offset("plain01", 37)
        lab("fault", "relay1", "drop")
        try:
            run = self.fleetsync("sync-all")
        finally:
            lab("fault", "relay1", "drop", "--off")
        self.assertEqual(run.code, 1)
        self.assertIn(f"relay1 ({RELAY_ADDRESS}) does not answer on UDP 123", run.errors)
        self.assertAlmostEqual(true_offsets()["plain01"], 37, places=3)

    @contextlib.contextmanager
    def filtered(self, host, rule):
        hook = "output" if "dport" in rule else "input"
        in_host(host, "nft add table inet t && nft 'add chain inet t c "
                      f"{{ type filter hook {hook} priority 0; }}' && nft add rule inet t c {shlex.quote(rule)}")
        try:
            yield
        finally:
            in_host(host, "nft delete table inet t")

    def test_a_relay_that_is_closed_to_the_controller_is_seen_over_ssh(self):
        set_offset("ntp01", 37)
        with self.filtered("relay1", f"udp sport 123 ip daddr {CONTROLLER} udp dport 0-65535 drop"):
            run = self.fleetsync("sync-all", "-l", "ntp01")
        self.assertEqual(run.code, 0, run.errors)
        self.assert_set(run, "ntp01", "ntpdate", 37)

    def test_a_firewall_between_host_and_relay_is_told_and_the_service_runs_again(self):
        set_offset("ntp01", 37)
        with self.filtered("ntp01", "udp dport 123 drop"):
            run = self.fleetsync("sync-all", "-l", "ntp01")
        self.assertEqual(run.code, 1)
        self.assertIn(f"relay1 ({RELAY_ADDRESS}) answers this machine but not the host: UDP 123 between them is filtered",
                      run.hosts["ntp01"]["detail"])
        self.assertTrue(daemon_runs("ntp01"))
        self.assertAlmostEqual(true_offsets()["ntp01"], 37, places=1)

    def test_a_name_that_the_host_does_not_know_is_told(self):
        set_offset("ntpsec01", 37)
        with self.filtered("ntpsec01", "udp dport 123 drop"):
            run = self.fleetsync("sync-all", "-l", "ntpsec01", "--relay", "relay1", "--relay", "nosuch.invalid")
        self.assertEqual(run.code, 1)
        self.assertIn("nosuch.invalid has no address on this host", run.hosts["ntpsec01"]["detail"])

    # ---- the host

    def test_a_stranger_on_udp_123_does_not_keep_ntpdate_from_its_work(self):
        set_offset("ntp01", 37)
        in_host("ntp01", "service ntp stop")
        in_host("ntp01", "perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0); "
                         "bind(S, sockaddr_in(123, INADDR_ANY)) or die; sleep 100' >/dev/null 2>&1 & "
                         "echo $! > /run/stranger.pid")
        try:
            eventually(lambda: ":007B" in in_host("ntp01", "cat /proc/net/udp"), "the stranger holds the port")
            run = self.fleetsync("sync-all", "-l", "ntp01")
        finally:
            in_host("ntp01", "kill $(cat /run/stranger.pid); service ntp start")
        self.assertEqual(run.code, 0, run.errors)
        self.assert_set(run, "ntp01", "ntpdate", 37)

    def wait_until_held(self):
        eventually(lambda: in_host("ntp01", "ls /run/held-ntpdate 2>/dev/null", check=False),
                   "ntp01 has stopped its service and is setting its clock")

    @contextlib.contextmanager
    def held_setting(self):
        """The ntpdate of ntp01 does not begin before what this gives is called, or the end."""
        ntpdate, hold = "/usr/sbin/ntpdate", "/run/hold-ntpdate"
        wrapper = (f'#!/bin/sh\n: >/run/held-ntpdate\nwhile [ -e {hold} ]; do sleep 0.1; done\n'
                   f'exec {ntpdate}.real "$@"\n')
        in_host("ntp01", f"rm -f /run/held-ntpdate; touch {hold}; mv {ntpdate} {ntpdate}.real && printf %s {shlex.quote(wrapper)} >{ntpdate} "
                         f"&& chmod 755 {ntpdate}")
        try:
            yield lambda: in_host("ntp01", f"rm -f {hold}")
        finally:
            in_host("ntp01", f"rm -f {hold}; mv {ntpdate}.real {ntpdate}")

    def test_the_service_runs_again_after_sshd_was_killed_in_the_middle(self):
        set_offset("ntp01", 37)
        with self.held_setting() as release, self.in_background("sync-all", "-l", "ntp01") as process:
            self.wait_until_held()
            lab("fault", "ntp01", "kill-sshd")
            release()
            output, _ = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 1)
        self.assertIn("it was setting its clock: the script there goes on", json.loads(output)["hosts"][0]["detail"])
        eventually(lambda: daemon_runs("ntp01"), "ntpd runs again")
        eventually(lambda: not in_host("ntp01", "ls /run | grep fleetsync-set", check=False), "the script has ended")
        self.assertLess(abs(true_offsets()["ntp01"]), 0.01)

    def test_the_service_runs_again_after_the_script_itself_was_killed(self):
        set_offset("ntp01", 37)
        with self.held_setting(), self.in_background("sync-all", "-l", "ntp01") as process:
            self.wait_until_held()
            in_host("ntp01", "kill -9 $(cat /run/fleetsync-set-clock/pid)")
            process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 1)
        eventually(lambda: daemon_runs("ntp01"), "ntpd runs again")

    def test_an_interrupted_run_says_what_was_not_done_and_leaves_the_service_running(self):
        for host in ("ntp01", "plain01"):
            set_offset(host, 37)
        pid_file = self.inventory.parent / "pid"
        command = " ".join(shlex.quote(str(word)) for word in self.command("sync-all", "--serial", "1", "-l",
                                                                           "ntp01,plain01")[4:])
        with self.held_setting(), subprocess.Popen(
                command_of(NAME, "run", "--", "sh", "-c", f"echo $$ > {pid_file}; exec {command}"),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            self.wait_until_held()
            os.kill(int(pid_file.read_text()), signal.SIGINT)
            output, _ = process.communicate(timeout=DEADLINE_S)
        report = json.loads(output)
        hosts = {host["host"]: host for host in report["hosts"]}
        self.assertEqual(process.returncode, 130)
        self.assertTrue(report["interrupted"])
        self.assertEqual(hosts["plain01"]["outcome"], "not_begun")
        self.assertIn("it was setting its clock", hosts["ntp01"]["detail"])
        eventually(lambda: daemon_runs("ntp01"), "ntpd runs again")

    def test_two_runs_do_not_set_one_host_at_once(self):
        set_offset("ntp01", 37)
        with self.held_setting() as release, self.in_background("sync-all", "-l", "ntp01") as process:
            self.wait_until_held()
            run = self.fleetsync("sync-all", "-l", "ntp01")
            release()
            _, errors = process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(run.hosts["ntp01"]["detail"],
                         "another run is setting this host's clock; try again when it is done")


class ABootedHost(SyncAllCase):
    kind = "systemd"
    sorts = "relay:1,chrony:1,ntpsec:1,ntp:1,plain:1"

    def test_services_of_systemd_are_stopped_and_started_again(self):
        for host in ("ntpsec01", "ntp01", "plain01"):
            set_offset(host, 37)
        run = self.sync_coarsely("-l", "ntpsec01,ntp01,plain01")
        self.assertEqual(run.code, 0, run.errors)
        for host, tool in {"ntpsec01": "ntpdig", "ntp01": "ntpdate", "plain01": "date over SSH"}.items():
            self.assert_set(run, host, tool, 37)
        for host, service in {"ntpsec01": "ntpsec", "ntp01": "ntp"}.items():
            self.assertEqual(in_host(host, f"systemctl is-active {service}").strip(), "active")

    def test_a_running_chronyd_steps(self):
        set_offset("chrony01", 37)
        run = self.fleetsync("sync-all", "-l", "chrony01")
        self.assertEqual(run.code, 0, run.errors)
        self.assert_set(run, "chrony01", "chronyc makestep", 37, slack=8)


del SyncAllCase

if __name__ == "__main__":
    unittest.main()
