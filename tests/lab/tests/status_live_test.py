"""`fleetsync status --live` on real hosts whose clocks are known: run as root,
`python3 -m unittest -v status_live_test.py`.

The truth is the lab's: how far a host's clock is off, read just before and just after.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, command_of  # noqa: E402

DEADLINE_S = 120
# Between two looks at a clock that is being slewed, by chronyd at most 100 000 ppm.
SLACK_S = 0.0005


class LiveTest(unittest.TestCase):
    """What the labs of both kinds have in common."""

    name = ""
    arguments = ()

    @classmethod
    def setUpClass(cls):
        if not cls.name:
            raise unittest.SkipTest("only what others inherit")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fleetsync-{cls.name}-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.lab("down")
        cls.addClassCleanup(cls.lab, "down")
        cls.lab("up", *cls.arguments)
        cls.inventory = cls.folder / "fleet.yaml"
        cls.inventory.write_text(cls.lab("inventory").stdout)

    @classmethod
    def lab(cls, *arguments, check=True):
        done = subprocess.run(command_of(cls.name, *arguments), capture_output=True, text=True, timeout=180,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sh(self, host, command, check=True):
        return self.lab("exec", host, "--", "sh", "-c", command, check=check).stdout.strip()

    def status(self, *arguments, form="json"):
        """The exit code and the hosts by name, or the text, and what was on standard error."""
        done = self.lab("run", "--", str(BIN / "fleetsync"), "-i", str(self.inventory), "--db",
                        str(self.folder / "fleet.db"), "-o", form, "status", "--live", *arguments, check=False)
        if form != "json":
            return done.returncode, done.stdout, done.stderr
        document = json.loads(done.stdout)
        return done.returncode, {host["host"]: host for host in document["hosts"]}, done.stderr

    def truth(self, host):
        """What must be added to the host's clock to be right, in seconds."""
        return -json.loads(self.lab("clock", host, "-o", "json").stdout)["offset_s"]

    def assert_true(self, host, offset_ns, bound_ns, before, after, what):
        low, high = min(before, after) - SLACK_S, max(before, after) + SLACK_S
        self.assertLessEqual(low, (offset_ns + bound_ns) / 1e9, f"{host}: {what}")
        self.assertGreaterEqual(high, (offset_ns - bound_ns) / 1e9, f"{host}: {what}")

    def wait_for(self, host, state):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            _, hosts, _ = self.status("-l", host)
            if hosts[host]["state"] == state:
                return hosts[host]
            if time.monotonic() > deadline:
                raise AssertionError(f"{host} is not {state} within {DEADLINE_S} s: {hosts[host]}")
            time.sleep(0.5)


class EverySortTest(LiveTest):
    name = "stlive"
    arguments = ("--sort", "relay:1,chrony:2,ntpsec:1,ntp:2,busybox:1,plain:1", "--clock-offset=-0.006..0.006",
                 "--clock-ppm=-20..20", "--seed", "7", "--start-daemons")

    def test_what_is_shown_holds_the_truth_whatever_daemon_runs(self):
        for host in ("chrony01", "chrony02", "ntpsec01", "ntp01"):
            self.wait_for(host, "synced")
        names = ("relay1", "chrony01", "chrony02", "ntpsec01", "ntp01", "busybox01", "plain01")
        before = {name: self.truth(name) for name in names}
        _, hosts, errors = self.status()
        after = {name: self.truth(name) for name in names}
        for name in names:
            reading = hosts[name]["reading"]
            self.assert_true(name, reading["offset_ns"], reading["error_bound_ns"], before[name], after[name], "shown")
            self.assert_true(name, reading["measured_offset_ns"], reading["measured_error_bound_ns"], before[name],
                             after[name], "measured")
            self.assertLess(reading["measured_error_bound_ns"], 10e6, name)
        self.assertEqual({name: hosts[name]["reading"]["daemon"] for name in names},
                         {"relay1": "chrony", "chrony01": "chrony", "chrony02": "chrony", "ntpsec01": "ntpsec",
                          "ntp01": "ntp", "busybox01": "", "plain01": ""}, errors)
        self.assertEqual(hosts["ntp01"]["daemon"]["version"], "4.2.8p15")
        self.assertEqual(hosts["ntpsec01"]["daemon"]["version"], "1.2.2")

    def test_a_synchronised_host_names_its_source_with_stratum_and_reach(self):
        for name in ("chrony01", "ntpsec01", "ntp01"):
            host = self.wait_for(name, "synced")
            selected = [s for s in host["daemon"]["sources"] if s["state"] == "selected"]
            self.assertEqual(len(selected), 1, host)
            self.assertEqual(selected[0]["name"], host["reading"]["source"])
            self.assertEqual(host["reading"]["stratum"], selected[0]["stratum"] + 1)
            self.assertGreater(host["reading"]["reach"], 0)

    def test_a_host_without_a_daemon_is_unsynchronised_and_measured_all_the_same(self):
        self.lab("clock", "plain01", "--set", "-0.25")
        before = self.truth("plain01")
        code, hosts, _ = self.status("-l", "plain01")
        self.assertEqual(code, 4)
        self.assertEqual(hosts["plain01"]["state"], "unsynchronised")
        reading = hosts["plain01"]["reading"]
        self.assert_true("plain01", reading["offset_ns"], reading["error_bound_ns"], before, before, "shown")

    def test_a_daemon_that_has_not_noticed_is_not_believed(self):
        self.wait_for("chrony02", "synced")
        self.sh("chrony02", "chronyc offline >/dev/null")  # it goes on claiming what it last knew
        self.lab("clock", "chrony02", "--set", "0.2")
        before = self.truth("chrony02")
        code, hosts, _ = self.status("-l", "chrony02")
        host = hosts["chrony02"]
        self.sh("chrony02", "chronyc online >/dev/null")
        self.assertEqual(code, 4, host)
        self.assertEqual(host["state"], "off")
        self.assertLess(abs(host["daemon"]["offset_ns"]), 10e6, "the daemon's own word")
        self.assertAlmostEqual(host["reading"]["offset_ns"] / 1e9, before, delta=0.005)

    def test_a_stopped_daemon_is_no_daemon(self):
        self.wait_for("ntp02", "synced")
        self.sh("ntp02", "service ntp stop")
        try:
            code, hosts, _ = self.status("-l", "ntp02")
            self.assertEqual(code, 4)
            self.assertEqual(hosts["ntp02"]["reading"]["daemon"], "")
            self.assertEqual(hosts["ntp02"]["state"], "unsynchronised")
        finally:
            self.sh("ntp02", "service ntp start")

    def test_a_host_that_cannot_be_reached_is_listed_with_the_reason_and_harms_no_other(self):
        self.wait_for("chrony01", "synced")
        self.lab("fault", "busybox01", "drop")
        try:
            code, hosts, _ = self.status("-l", "chrony01,busybox01", "--connect-timeout", "2s")
            self.assertEqual(code, 1)
            self.assertEqual(hosts["busybox01"]["state"], "unreachable")
            self.assertRegex(hosts["busybox01"]["failure"], "^connect: ")
            self.assertEqual(hosts["chrony01"]["state"], "synced")
        finally:
            self.lab("fault", "busybox01", "drop", "--off")

    def test_a_banner_before_every_command_changes_nothing(self):
        self.wait_for("chrony01", "synced")
        self.lab("fault", "chrony01", "banner-shell")
        try:
            code, hosts, _ = self.status("-l", "chrony01")
            self.assertEqual(code, 0, hosts)
        finally:
            self.lab("fault", "chrony01", "banner-shell", "--off")

    def test_the_table_puts_the_worst_first_and_names_daemon_and_source(self):
        self.wait_for("chrony01", "synced")
        self.lab("clock", "plain01", "--set", "-0.25")
        _, text, _ = self.status("-l", "chrony01,plain01", form="table")
        table = text[text.index("HOST"):].splitlines()
        self.assertRegex(table[0], r"^HOST +STATE +OFFSET +±BOUND +STRATUM +REACH +SOURCE +FREQ ppm +DAEMON +MEASURED")
        self.assertRegex(table[1], r"^plain01 +\S+ unsynchronised +\+2\d\d ms .* none +\+2\d\d ms ±")
        self.assertRegex(table[2], r"^chrony01 +\S+ synced .* 198\.18\.1\.1 .* chrony ")


class TimesyncdTest(LiveTest):
    name = "stlivesd"
    arguments = ("--kind", "systemd", "--sort", "relay:1,plain:1", "--clock-offset=0.005", "--clock-ppm=5",
                 "--start-daemons")

    def test_timesyncd_is_read_and_what_is_shown_holds_the_truth(self):
        relay = self.lab("list").stdout.split("relay1", 1)[1].split()[2].split(":")[0]
        self.sh("plain01", "mkdir -p /etc/systemd/timesyncd.conf.d && "
                           f"printf '[Time]\\nNTP={relay}\\nPollIntervalMinSec=16\\n' "
                           ">/etc/systemd/timesyncd.conf.d/lab.conf && systemctl restart systemd-timesyncd")
        host = self.wait_for("plain01", "synced")
        before = self.truth("plain01")
        _, hosts, _ = self.status("-l", "plain01")
        after, host = self.truth("plain01"), hosts["plain01"]
        self.assertEqual(host["reading"]["daemon"], "timesyncd")
        self.assertEqual(host["reading"]["source"], relay)
        self.assertEqual(host["reading"]["stratum"], 9)
        self.assertIsNone(host["reading"]["reach"], "it does not tell")
        self.assert_true("plain01", host["reading"]["offset_ns"], host["reading"]["error_bound_ns"], before, after,
                         "shown")


if __name__ == "__main__":
    unittest.main()
