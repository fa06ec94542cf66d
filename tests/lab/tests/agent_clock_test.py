"""The agent sets and keeps the clocks of real hosts: run as root, `python3 -m unittest -v agent_clock_test.py`.

The truth is the lab's. What a program other than the agent sees of the clock comes from adjtimex(2) on the host.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import labs  # noqa: E402
import timex  # noqa: E402
from labs import BIN, eventually  # noqa: E402

HOST, OTHER = "python01", "python02"
CHRONY = "chrony01"
AGENT = "/usr/local/sbin/fleetsync-agent"
DRIFT = "/var/lib/fleetsync-agent/drift"
CONFIG = "/etc/fleetsync/agent.conf"


class AgentClockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = labs.Lab("agclock")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "python:2,chrony:1,relay:1", "--start-daemons")
        for host in (HOST, OTHER, CHRONY):
            cls.lab.sh(host, "service chrony stop")
            cls.put(host, AGENT, (BIN / "fleetsync-agent").read_bytes())
        hosts = cls.lab("list").stdout
        cls.relay = re.search(r"^relay1 .*?(\d+\.\d+\.\d+\.\d+):22", hosts, re.MULTILINE).group(1)

    def setUp(self):
        self.addCleanup(self.lab.sh, HOST, "pkill -9 -x fleetsync-agent; rm -rf /var/lib/fleetsync-agent",
                        check=False)
        self.set_clock(0)
        self.adjtimex({"modes": timex.ADJ_FREQUENCY | timex.ADJ_TICK, "tick": 10000},
                      {"modes": timex.ADJ_SETOFFSET})

    @classmethod
    def put(cls, host, path, content):
        subprocess.run(labs.command_of(cls.lab.name, "exec", host, "--", "sh", "-c",
                                       f"mkdir -p {os.path.dirname(path)} && cat > {path} && chmod 755 {path}"),
                       input=content, check=True)

    def set_clock(self, offset, ppm=0, host=HOST):
        self.lab("clock", host, "--set", str(offset), "--ppm", str(ppm))

    def clock(self, host=HOST):
        return json.loads(self.lab("clock", host, "-o", "json").stdout)

    def adjtimex(self, *requests):
        done = subprocess.run(labs.command_of(self.lab.name, "exec", HOST, "--", "python3", "-",
                                              json.dumps(requests)), input=pathlib.Path(timex.__file__).read_bytes(),
                              capture_output=True, check=True)
        return json.loads(done.stdout)

    def agent(self, *arguments, host=HOST):
        """Runs it to its end: exit code, output, errors."""
        done = self.lab("exec", host, "--", AGENT, "run", *arguments, check=False)
        return done.returncode, done.stdout, done.stderr

    def agents(self, *runs):
        """Runs it at the same time with each of these arguments: a list of what agent() returns."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return list(pool.map(lambda run: self.agent(*run[1:], host=run[0]), runs))

    # ---- once

    def test_once_steps_a_clock_that_is_three_seconds_off(self):
        before = {}
        for host, offset in ((HOST, 3), (OTHER, -3)):
            self.set_clock(offset, host=host)
            before[host] = self.clock(host)["steps"]
        done = self.agents(*((host, "--once", "--server", self.relay) for host in before))
        for host, sign, (code, said, errors) in zip(before, ("-", r"\+"), done):
            self.assertEqual(code, 0, errors)
            self.assertRegex(said, rf"^stepped by {sign}3\.00 s, give or take [\d.]+ [mu]s; "
                                   rf"server {self.relay}\n$")
            self.assertAlmostEqual(self.clock(host)["offset_s"], 0, delta=0.001)
            self.assertEqual(self.clock(host)["steps"], before[host] + 1)

    def test_once_slews_and_waits_for_it(self):
        """A clock that is 50 ms off, and one with a large offset that may not be stepped."""
        before = {}
        for host, offset in ((HOST, 0.05), (OTHER, 1.2)):
            self.set_clock(offset, host=host)
            before[host] = self.clock(host)
        done = self.agents((HOST, "--once", "--server", self.relay), (OTHER, "--once", "-s", "--server", self.relay))
        for host, amount, (code, said, errors) in zip(before, (r"50\.\d ms", r"1\.20 s"), done):
            self.assertEqual(code, 0, errors)
            self.assertRegex(said, rf"^slewed by -{amount}, give or take ")
            after = self.clock(host)
            self.assertAlmostEqual(after["offset_s"], 0, delta=0.001)
            self.assertEqual(after["steps"], before[host]["steps"])
            self.assertAlmostEqual(after["rate_ppm"], 0, delta=0.001)

    def test_once_leaves_the_clock_alone_when_nobody_answers(self):
        self.set_clock(3)
        before = self.clock()
        code, said, errors = self.agent("--once", "--server", "198.18.200.1")
        self.assertEqual((code, said), (4, ""))
        self.assertIn("198.18.200.1: no answer", errors)
        self.assertEqual(self.clock()["steps"], before["steps"])

    def test_a_server_with_a_key_is_believed_with_it_alone(self):
        right, wrong = "7 SHA1 HEX:0123456789abcdef0123456789abcdef01234567\n", "7 SHA1 HEX:00\n"
        self.put("relay1", "/etc/chrony/lab.keys", right.encode())
        self.lab.sh("relay1", "grep -q lab.keys /etc/chrony/chrony.conf || "
                              "echo 'keyfile /etc/chrony/lab.keys' >> /etc/chrony/chrony.conf; service chrony restart")
        for host, keys in ((HOST, right), (OTHER, wrong)):
            self.put(host, "/root/keys", keys.encode())
            self.lab.sh(host, "chmod 600 /root/keys")
        query = "--query", "--keys", "/root/keys", "--server", f"{self.relay},key=7"
        done = self.agents((HOST, *query), (OTHER, *query))
        self.assertEqual([code for code, _, _ in done], [0, 4], done)

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
        self.addCleanup(self.lab.sh, HOST, "pkill -x fleetsync-agent; rm -f /tmp/ops.*", check=False)
        log = eventually(lambda: (text := self.lab.sh(HOST, "cat /tmp/ops.log")).count("\n") >= 2 and text, "two lines")
        self.assertIn("; only measuring\n", log)
        self.assertRegex(log, rf"selected {self.relay}, offset -300 ms")
        self.assertAlmostEqual(self.clock()["offset_s"], 0.3, delta=0.01)

    # ---- run

    def start(self, *arguments, config="", report=False):
        """Runs it as a daemon that asks the relay every second; a system call that is not allowed is its end."""
        reporting = "controller 127.0.0.1:1\ninsecure-controller\n" if report else ""
        text = f"server {self.relay} iburst minpoll 0 maxpoll 0\nseccomp kill\n{reporting}{config}"
        self.put(HOST, CONFIG, text.encode())
        more = " ".join(arguments if report else ("--no-report", *arguments))
        self.lab.sh(HOST, f"{AGENT} run --config {CONFIG} {more} >/dev/null 2>/tmp/agent.log </dev/null &")
        self.addCleanup(self.lab.sh, HOST, "pkill -9 -x fleetsync-agent", check=False)

    def stop(self, signal="TERM"):
        self.lab.sh(HOST, f"pkill -{signal} -x fleetsync-agent; while pgrep -x fleetsync-agent; do sleep .1; done")

    def log(self):
        return self.lab.sh(HOST, "cat /tmp/agent.log")

    def status_of(self, pid="$(pgrep -o -x fleetsync-agent)"):
        return self.lab.sh(HOST, f"cat /proc/{pid}/status")

    def wait_for_drift(self, ppm):
        """The frequency in the file: as right as the skew beside it says, since the next one comes an hour later."""
        def kept():
            return re.match(r" *(-?[\d.]+) +([\d.]+)\n$", self.lab.sh(HOST, f"cat {DRIFT}", check=False))
        frequency, skew = map(float, eventually(kept, "a frequency in the drift file").groups())
        self.assertAlmostEqual(frequency, ppm, delta=4 * skew, msg=self.log())
        return frequency

    def test_it_sets_the_clock_and_keeps_it(self):
        for offset, steps in ((3, 1), (0.05, 0)):
            self.set_clock(offset, 30)
            before = self.clock()["steps"]
            self.start()
            eventually(lambda: abs(self.clock()["offset_s"]) < 0.001, f"{offset} s corrected; log: {self.log()}")
            eventually(lambda: abs((now := self.clock())["rate_ppm"]) < 5 and abs(now["offset_s"]) < 0.001,
                       f"30 ppm corrected; {self.clock()}")
            self.assertEqual(self.clock()["steps"], before + steps)
            self.stop()
            self.adjtimex({"modes": timex.ADJ_FREQUENCY})

    def test_what_other_programs_read_of_the_clock_is_true(self):
        self.set_clock(0.02, 20)
        self.start()
        eventually(lambda: self.adjtimex({})[0]["state"] == timex.TIME_OK, "the kernel counts as synchronised")
        eventually(lambda: abs(self.clock()["rate_ppm"]) < 2, "the frequency is known")
        for _ in range(5):
            reading, = self.adjtimex({"wait": 0.7})
            truth = abs(self.clock()["offset_s"])
            self.assertEqual(reading["state"], timex.TIME_OK)
            self.assertEqual(reading["status"] & (timex.STA_UNSYNC | timex.STA_PLL | timex.STA_FREQHOLD),
                             timex.STA_PLL | timex.STA_FREQHOLD)
            self.assertLessEqual(truth, reading["maxerror"] * 1e-6)
            self.assertLess(reading["maxerror"], 100_000)
            self.assertLess(reading["esterror"], reading["maxerror"])
            self.assertEqual(reading["tick"], 10000)
            self.assertAlmostEqual(reading["freq"] / 65536, -20, delta=3)

    def test_its_frequency_lives_through_kill_9(self):
        self.set_clock(0, 40)
        self.start()
        kept = self.wait_for_drift(40)  # as chronyd has it: this clock gains
        self.stop("KILL")
        self.adjtimex({"modes": timex.ADJ_FREQUENCY})
        self.set_clock(0, 40)
        self.start()
        first = eventually(lambda: self.clock()["freq_ppm"], "a frequency is set")
        self.assertAlmostEqual(first, -kept, delta=0.1, msg="the first that is set is the file's")

    def test_a_slew_that_kill_9_ended_is_undone_by_the_next_start(self):
        """Also when nobody answers then: the file has the frequency, else what is left of the slew's is given up."""
        for known in (True, False):
            self.set_clock(2, 40)
            self.lab.sh(HOST, f"mkdir -p $(dirname {DRIFT}) && echo 40.0 0.1 > {DRIFT}")
            self.start(config="slew-only\n")
            eventually(lambda: self.clock()["rate_ppm"] < -40_000, f"it slews; log: {self.log()}")
            self.stop("KILL")
            self.assertLess(self.adjtimex({})[0]["tick"], 9600)
            file = self.lab.sh(HOST, f"cat {DRIFT}")
            if not known:
                self.lab.sh(HOST, f"rm {DRIFT}")
            self.put(HOST, CONFIG, b"server 198.18.200.1 iburst\n")
            self.lab.sh(HOST, f"{AGENT} run --config {CONFIG} --no-report >/dev/null 2>/tmp/agent.log </dev/null &")
            eventually(lambda: self.adjtimex({})[0]["tick"] == 10000, f"the tick is undone; log: {self.log()}")
            expected = -float(file.split()[0]) if known else 0
            eventually(lambda: abs(self.adjtimex({})[0]["freq"] / 65536 - expected) < 0.01,
                       f"{expected} ppm are set; {self.adjtimex({})} log: {self.log()}")
            self.stop("KILL")

    def test_a_clean_stop_keeps_the_frequency_on_disk_and_in_the_kernel(self):
        self.set_clock(0, -40)
        self.start()
        self.wait_for_drift(-40)  # it is known well enough to be kept
        self.lab.sh(HOST, f"rm -f {DRIFT}")
        self.stop()
        frequency, skew = map(float, self.lab.sh(HOST, f"cat {DRIFT}").split())
        self.assertAlmostEqual(frequency, -40, delta=4 * skew)
        self.assertAlmostEqual(self.clock()["rate_ppm"], -40 - frequency, delta=0.1, msg="the kernel has the file's")

    def test_a_full_disk_is_told_and_the_clock_is_kept(self):
        self.set_clock(0, 40)
        self.lab.sh(HOST, "mkdir -p /var/lib/fleetsync-agent && mount -t tmpfs -o size=4k none "
                          "/var/lib/fleetsync-agent && cat /dev/zero > /var/lib/fleetsync-agent/full", check=False)
        self.addCleanup(self.lab.sh, HOST, "umount /var/lib/fleetsync-agent", check=False)
        self.start()
        told = "No space left on device; after a restart the clock's frequency is learned anew"
        eventually(lambda: told in self.log(), f"the full disk is told: {self.log()}")
        eventually(lambda: abs(self.clock()["rate_ppm"]) < 1, "the clock is kept")
        self.assertEqual(self.log().count("No space"), 1)

    def test_a_damaged_drift_file_is_told_and_replaced(self):
        self.set_clock(0, 10)
        self.lab.sh(HOST, f"mkdir -p $(dirname {DRIFT}); echo rubbish > {DRIFT}")
        self.start()
        eventually(lambda: "not a frequency and its skew" in self.log(), "it is told")
        self.wait_for_drift(10)

    # ---- privileges

    def test_it_runs_as_another_user_with_what_the_clock_takes_and_under_a_filter(self):
        self.lab.sh(HOST, "id _fleetsync 2>/dev/null || useradd -r -s /bin/false _fleetsync")
        self.addCleanup(self.lab.sh, HOST, "userdel _fleetsync", check=False)  # after its processes are gone
        uid = self.lab.sh(HOST, "id -u _fleetsync").strip()
        self.set_clock(3, 30)
        self.start(report=True, config="report-interval 1s\n")
        eventually(lambda: abs(self.clock()["offset_s"]) < 0.001, f"the clock is set; log: {self.log()}")

        def processes():
            return self.lab.sh(HOST, "pgrep -f '[f]leetsync-agent'", check=False).split()
        pids = eventually(lambda: len(processes()) == 3 and processes(), f"three processes; log: {self.log()}")
        time_process, launcher, reporter = (self.status_of(pid) for pid in pids)
        self.assertRegex(time_process, rf"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        self.assertRegex(time_process, r"Seccomp:\t2\n")
        self.assertRegex(time_process, r"NoNewPrivs:\t1\n")
        # A lab host has no CAP_SYS_TIME to keep: the other one is what is left.
        self.assertRegex(time_process, r"CapEff:\t0000000000000400\n")
        self.assertRegex(launcher, r"Uid:\t0\t.*\n")
        self.assertRegex(launcher, r"CapEff:\t00000000000001e0\n")
        self.assertRegex(reporter, r"CapEff:\t0000000000000000\n")
        self.assertNotRegex(reporter, rf"Uid:\t({uid}|0)\t")
        owners = "stat -c %U /var/lib/fleetsync-agent /var/lib/fleetsync-agent/spool"
        eventually(lambda: self.lab.sh(HOST, owners, check=False) == "_fleetsync\n_fleetsync\n", "both are its own")
        self.lab.sh(HOST, f"kill -9 {pids[2]}")
        eventually(lambda: "the reporter was killed by signal 9; starting it again" in self.log(), "it is told")
        eventually(lambda: len(processes()) == 3, "it runs again")
        self.lab.sh(HOST, f"kill {pids[0]}")
        eventually(lambda: not processes(), "nothing is left")

    def test_user_root_gives_up_nothing(self):
        self.start("--user", "root")
        eventually(lambda: "selected" in self.log(), "it runs")
        self.assertRegex(self.status_of(), r"Seccomp:\t0\n")
        self.assertRegex(self.status_of(), r"Uid:\t0\t0\t0\t0\n")

    def test_a_user_that_is_not_there_is_refused(self):
        code, _, errors = self.agent("--no-report", "--user", "nobodyhere", "--server", self.relay)
        self.assertEqual((code, errors), (1, "fleetsync-agent: there is no user nobodyhere in /etc/passwd; choose one "
                                             "with --user\n"))

    def test_names_resolve_under_the_filter(self):
        self.lab.sh(HOST, f"echo '{self.relay} relay.example' >> /etc/hosts")
        self.put(HOST, CONFIG, b"server relay.example iburst\nserver nowhere.invalid\nseccomp kill\n")
        self.lab.sh(HOST, f"{AGENT} run --config {CONFIG} --no-report >/dev/null 2>/tmp/agent.log </dev/null &")
        for text in ("selected relay.example", "nowhere.invalid does not resolve: "):
            eventually(lambda text=text: text in self.log(), f"{text}; log: {self.log()}")


if __name__ == "__main__":
    unittest.main()
