"""`fleetsync doctor`, `sources` and `tracking` on real hosts: run as root, `python3 -m unittest -v doctor_test.py`."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
LAB = ROOT / "tests/lab/lab"
FLEETSYNC = pathlib.Path(os.environ.get("FLEETSYNC_BIN", ROOT / "build/bin")).resolve() / "fleetsync"
NAME = "doctortest"
DEADLINE_S = 60


def lab(*arguments, check=True):
    done = subprocess.run([LAB, "--lab", NAME, *arguments], capture_output=True, text=True, timeout=200, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_host(host, command, check=True):
    return lab("exec", host, "--", "sh", "-c", command, check=check)


def eventually(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return result


class Reads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--sort", "relay:1,chrony:1,ntpsec:1,ntp:1,plain:1", "--start-daemons")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.inventory = cls.folder / "fleet.yaml"
        cls.inventory.write_text(lab("inventory"))
        for host in ("chrony01", "ntpsec01", "ntp01"):
            eventually(lambda host=host: cls.run_on(host, "tracking")[0] == 0, f"{host} is synchronised")

    @classmethod
    def run_on(cls, hosts, *command):
        done = subprocess.run([LAB, "--lab", NAME, "run", "--", FLEETSYNC, "-i", cls.inventory, "--db",
                               cls.folder / "fleet.db", "-l", hosts, *command], capture_output=True, text=True,
                              timeout=100, check=False)
        return done.returncode, done.stdout, done.stderr

    def ids(self, host):
        _, output, errors = self.run_on(host, "-o", "json", "doctor")
        found = json.loads(output)["hosts"][0]
        self.assertIn("findings", found, errors)
        return {finding["id"] for finding in found["findings"]}

    def test_sources_look_alike_whatever_daemon_runs(self):
        for host in ("chrony01", "ntpsec01", "ntp01"):
            eventually(lambda host=host: self.run_on(host, "tracking")[0] == 0, f"{host} is synchronised")
            code, output, errors = self.run_on(host, "sources")
            self.assertEqual(code, 0, errors)
            self.assertRegex(output, r"(?m)^\*198\.18\.1\.1 +\S+ +8 ")
            _, output, _ = self.run_on(host, "-o", "json", "sources")
            source = json.loads(output)["hosts"][0]["daemon"]["sources"][0]
            self.assertEqual(source["tally"], "*")
            self.assertLess(abs(source["offset_ns"]), 10_000_000)

    def test_tracking_gives_the_verdict_and_the_exit_code(self):
        code, output, _ = self.run_on("ntp01", "tracking")
        self.assertEqual(code, 0)
        self.assertIn("synchronised to NTP server (198.18.1.1) at stratum 9\n", output)
        code, output, _ = self.run_on("plain01", "tracking")
        self.assertEqual(code, 4)
        self.assertIn("no time daemon runs", output)

    def test_a_host_without_a_daemon(self):
        self.assertEqual(self.ids("plain01"), {"no-daemon"})
        self.assertEqual(self.run_on("plain01", "doctor")[0], 1)

    def test_after_a_push_a_host_is_healthy(self):
        self.assertEqual(self.ids("chrony01"), {"not-at-boot"})
        code, output, errors = self.run_on("chrony01", "push")
        self.assertEqual(code, 0, output + errors)
        eventually(lambda: self.ids("chrony01") == set(), "the daemon has selected its source again")
        code, output, _ = self.run_on("chrony01", "doctor")
        self.assertEqual(code, 0)
        self.assertIn("chrony01: nothing wrong found (looked at: who keeps the clock", output)

    def test_the_tutorials_cron_job_beside_a_daemon(self):
        in_host("ntp01", "echo '* */1 * * * root /usr/sbin/ntpdate relay1' >/etc/cron.d/sync")
        self.addCleanup(in_host, "ntp01", "rm -f /etc/cron.d/sync")
        self.assertLessEqual({"every-minute", "job-beside-daemon"}, self.ids("ntp01"))

    def test_a_local_clock_on_an_ordinary_server(self):
        in_host("ntp01", "cp /etc/ntp.conf /tmp/ntp.conf; printf 'server 127.127.1.0\\nfudge 127.127.1.0 stratum 0\\n' "
                         ">>/etc/ntp.conf")
        self.addCleanup(in_host, "ntp01", "cp /tmp/ntp.conf /etc/ntp.conf")
        self.assertLessEqual({"fudge-stratum-0", "local-clock"}, self.ids("ntp01"))

    def test_a_firewall_between_host_and_relay(self):
        in_host("ntpsec01", "nft add table inet t; nft 'add chain inet t i { type filter hook input priority 0; }'; "
                            "nft add rule inet t i ip saddr 198.18.1.1 udp sport 123 drop; service ntpsec restart")
        self.addCleanup(in_host, "ntpsec01", "nft delete table inet t; service ntpsec restart")
        eventually(lambda: "no-source" in self.ids("ntpsec01"), "the source is seen not to answer")

    def test_two_daemons_on_one_clock(self):
        in_host("chrony01", "cp /bin/sleep /tmp/ntpd; /tmp/ntpd 100 >/dev/null 2>&1 & echo $! >/tmp/ntpd.pid")
        self.addCleanup(in_host, "chrony01", "kill $(cat /tmp/ntpd.pid)")
        self.assertNotIn("two-daemons", self.ids("chrony01"), "a name alone makes no daemon")


if __name__ == "__main__":
    unittest.main()
