"""The agent sets and keeps the clocks of real hosts: run as root, `python3 -m unittest -v agent_clock_test.py`.

The truth is the lab's. What a program other than the agent sees of the clock comes from adjtimex(2) on the host.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import labs
from labs import BIN, eventually

sys.path.insert(0, str(labs.ROOT / "tests/lab"))
import timex  # noqa: E402

HOST = "python01"
CHRONY = "chrony01"
AGENT = "/usr/local/sbin/fleetsync-agent"
DRIVER = BIN.parent / "tests/clock_driver"
LIBRARIES = "/opt/lab-lib"


class AgentClockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = labs.Lab("agclock")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "python:1,chrony:1,relay:1", "--start-daemons")
        for host in (HOST, CHRONY):
            cls.lab.sh(host, "service chrony stop")
            cls.put(host, AGENT, (BIN / "fleetsync-agent").read_bytes())
        hosts = cls.lab("list").stdout
        cls.relay = re.search(r"^relay1 .*?(\d+\.\d+\.\d+\.\d+):22", hosts, re.MULTILINE).group(1)

    def setUp(self):
        self.addCleanup(self.lab.sh, HOST, "rm -rf /var/lib/fleetsync-agent /root/drift", check=False)
        self.set_clock(0)
        self.adjtimex({"modes": timex.ADJ_FREQUENCY | timex.ADJ_TICK, "tick": 10000},
                      {"modes": timex.ADJ_SETOFFSET})

    @classmethod
    def put(cls, host, path, content):
        subprocess.run([labs.LAB, "--lab", cls.lab.name, "exec", host, "--", "sh", "-c",
                        f"mkdir -p {os.path.dirname(path)} && cat > {path} && chmod 755 {path}"], input=content,
                       check=True)

    def set_clock(self, offset, ppm=0):
        self.lab("clock", HOST, "--set", str(offset), "--ppm", str(ppm))

    def clock(self):
        return json.loads(self.lab("clock", HOST, "-o", "json").stdout)

    def adjtimex(self, *requests):
        done = subprocess.run([labs.LAB, "--lab", self.lab.name, "exec", HOST, "--", "python3", "-",
                               json.dumps(requests)], input=pathlib.Path(timex.__file__).read_bytes(),
                              capture_output=True, check=True)
        return json.loads(done.stdout)

    def agent(self, *arguments, host=HOST):
        """Runs it to its end: exit code, output, errors."""
        done = self.lab("exec", host, "--", AGENT, "run", *arguments, check=False)
        return done.returncode, done.stdout, done.stderr

    # ---- once

    def test_once_steps_a_clock_that_is_three_seconds_off(self):
        for offset, sign in ((3, "-"), (-3, r"\+")):
            self.set_clock(offset)
            steps = self.clock()["steps"]
            code, said, errors = self.agent("--once", "--server", self.relay)
            self.assertEqual(code, 0, errors)
            self.assertRegex(said, rf"^stepped by {sign}3\.00 s, give or take [\d.]+ [mu]s; "
                                   rf"server {self.relay}\n$")
            self.assertAlmostEqual(self.clock()["offset_s"], 0, delta=0.001)
            self.assertEqual(self.clock()["steps"], steps + 1)

    def test_once_slews_a_clock_that_is_50_ms_off_and_waits_for_it(self):
        self.set_clock(0.05)
        before = self.clock()
        code, said, errors = self.agent("--once", "--server", self.relay)
        self.assertEqual(code, 0, errors)
        self.assertRegex(said, r"^slewed by -50\.\d ms, give or take ")
        after = self.clock()
        self.assertAlmostEqual(after["offset_s"], 0, delta=0.001)
        self.assertEqual(after["steps"], before["steps"])
        self.assertAlmostEqual(after["rate_ppm"], 0, delta=0.001)

    def test_once_slews_also_a_large_offset_when_it_may_not_step(self):
        self.set_clock(1.2)
        before = self.clock()
        code, said, errors = self.agent("--once", "-s", "--server", self.relay)
        self.assertEqual(code, 0, errors)
        self.assertRegex(said, r"^slewed by -1\.20 s, ")
        self.assertAlmostEqual(self.clock()["offset_s"], 0, delta=0.001)
        self.assertEqual(self.clock()["steps"], before["steps"])

    def test_once_leaves_the_clock_alone_when_nobody_answers(self):
        self.set_clock(3)
        before = self.clock()
        code, said, errors = self.agent("--once", "--server", "198.18.200.1")
        self.assertEqual((code, said), (4, ""))
        self.assertIn("198.18.200.1: no answer", errors)
        self.assertEqual(self.clock()["steps"], before["steps"])

    # ---- refusals

    def test_beside_another_daemon_it_is_refused_unless_forced(self):
        self.lab.sh(CHRONY, "service chrony start")
        self.addCleanup(self.lab.sh, CHRONY, "service chrony stop")
        for mode in (["--once"], ["--no-report"]):
            code, _, errors = self.agent(*mode, "--server", self.relay, host=CHRONY)
            self.assertEqual(code, 2)
            self.assertRegex(errors, r"^fleetsync-agent: chronyd \(process \d+\) sets this host's clock already; stop "
                                     r"it, or run with --no-clock-control to measure alone ")
        code, said, errors = self.agent("--once", "--force", "--server", self.relay, host=CHRONY)
        self.assertEqual(code, 0, errors)

    def test_who_may_not_set_the_clock_is_told_so(self):
        done = self.lab("exec", HOST, "--", "su", "-s", "/bin/sh", "ops", "-c",
                        f"{AGENT} run --once --server {self.relay}", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Operation not permitted; this takes root or the capability CAP_SYS_TIME", done.stderr)

    def test_without_the_permission_it_measures_on(self):
        self.set_clock(0.3)
        self.lab.sh(HOST, f"su -s /bin/sh ops -c '{AGENT} run --no-report --server {self.relay},iburst' "
                          ">/dev/null 2>/tmp/ops.log </dev/null &")
        self.addCleanup(self.lab.sh, HOST, "killall fleetsync-agent; rm -f /tmp/ops.*", check=False)
        log = eventually(lambda: (text := self.lab.sh(HOST, "cat /tmp/ops.log")).count("\n") >= 2 and text, "two lines")
        self.assertIn("; only measuring\n", log)
        self.assertRegex(log, rf"selected {self.relay}, offset -300 ms")
        self.assertAlmostEqual(self.clock()["offset_s"], 0.3, delta=0.01)


if __name__ == "__main__":
    unittest.main()
