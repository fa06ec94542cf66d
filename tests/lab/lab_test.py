"""Tests of the lab itself, with real hosts: run as root, `python3 -m unittest -v lab_test.py`.

The labs have names of their own, so that others may be up at the same time.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import timex

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "tests"))
from labs import eventually  # noqa: E402

LAB = pathlib.Path(__file__).resolve().parent / "lab"
SYNCHRONISED_S = 0.001
CAP_SYS_TIME = 25


def lab(name, *arguments, check=True, stdin=None, timeout=120):
    """Runs a lab command and returns the finished process."""
    done = subprocess.run([LAB, "--lab", name, *arguments], input=stdin, text=True, capture_output=True,
                          timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def in_host(name, host, command, **options):
    return lab(name, "exec", host, "--", "sh", "-c", command, **options)


def ssh(name, login, command, *options, timeout=20):
    """Runs a command by way of SSH from the controller's side, as fleetsync does."""
    return lab(name, "run", "--", "ssh", "-i", lab(name, "key").stdout.strip(), "-o", "BatchMode=yes",
               "-o", f"UserKnownHostsFile={lab(name, 'known-hosts').stdout.strip()}", *options, login, command,
               check=False, timeout=timeout)


def clock(name, host):
    return json.loads(lab(name, "clock", host, "-o", "json").stdout)


def machine_clock():
    """The machine's real time less its raw monotonic time: changes by a step of the clock, hardly otherwise."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


def traces(name):
    """Everything on the machine that belongs to a lab: processes, namespaces, mounts, folders, control groups."""
    found = []
    netns = pathlib.Path("/run/netns")
    namespaces = [entry for entry in netns.glob(f"fsl-{name}*")] if netns.is_dir() else []
    found += map(str, namespaces)
    found += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
              if f"fleetsync-lab/{name}" in line or f"fsl-{name}" in line]
    found += [str(path) for path in pathlib.Path("/run/fleetsync-lab").glob(f"*{name}*")]
    found += [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/fleetsync-lab/{name}")]
    return found + _processes(name, {entry.stat().st_ino for entry in namespaces})


def _processes(name, namespaces):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if f"/run/fleetsync-lab/{name}/" in command or os.stat(f"/proc/{pid}/ns/net").st_ino in namespaces:
                found.append(f"process {pid}: {command}")
        except OSError:
            continue
    return found


class LabCase(unittest.TestCase):
    """A lab for the whole class; the machine's clock must be untouched by all its tests together."""

    NAME = ""
    UP = []

    @classmethod
    def setUpClass(cls):
        cls.machine_clock = machine_clock()
        lab(cls.NAME, "down")
        cls.addClassCleanup(cls.finish)
        lab(cls.NAME, "up", *cls.UP)

    @classmethod
    def finish(cls):
        lab(cls.NAME, "down")
        left = traces(cls.NAME)
        moved = machine_clock() - cls.machine_clock
        if left or abs(moved) > 0.1:
            raise AssertionError(f"left behind: {left}; machine's clock moved by {moved} s")


class ClockTest(LabCase):
    NAME = "test_clock"
    UP = ["--sort", "relay:1,chrony:3,ntpsec:2,ntp:1,busybox:1,plain:2", "--clock-offset", "30", "--clock-ppm", "20"]

    def assert_synchronised(self, host):
        eventually(lambda: abs(clock(self.NAME, host)["offset_s"]) < SYNCHRONISED_S, f"{host} synchronised")

    def assert_sets(self, host, command):
        """The command measures but once; on a machine that is busy that may be off by more."""
        def sets():
            in_host(self.NAME, host, command)
            return abs(clock(self.NAME, host)["offset_s"]) < SYNCHRONISED_S
        self.assertGreater(clock(self.NAME, host)["offset_s"], 29)
        eventually(sets, f"{command} sets the clock of {host}")

    def test_clocks_start_as_asked_for(self):
        self.assertAlmostEqual(clock(self.NAME, "plain01")["offset_s"], 30, delta=0.1)
        self.assertEqual(clock(self.NAME, "plain01")["ppm"], 20)
        self.assertAlmostEqual(clock(self.NAME, "relay1")["offset_s"], 0, delta=1e-4)

    def test_date_sets_the_clock_of_its_host_only(self):
        others = {host: clock(self.NAME, host)["steps"] for host in ("plain01", "relay1", "chrony03")}
        for host in ("plain02", "busybox01"):
            in_host(self.NAME, host, "date -u -s '2030-01-01 00:00:00'")
            self.assertIn("2030", in_host(self.NAME, host, "date -u +%Y").stdout)
            self.assertEqual(clock(self.NAME, host)["steps"], 1)
        self.assertEqual(others, {host: clock(self.NAME, host)["steps"] for host in others})
        self.assertLess(time.gmtime().tm_year, 2030)

    def test_only_root_sets_the_clock(self):
        done = in_host(self.NAME, "chrony03", "su ops -c 'date -s @1000000000'", check=False)
        self.assertIn("Operation not permitted", done.stderr)
        self.assertEqual(clock(self.NAME, "chrony03")["steps"], 0)

    def test_the_kernel_refuses_the_call_that_sets_the_machines_clock(self):
        # A raw system call, past the preloaded library; to the machine's time, in case the kernel did not refuse.
        script = ("$! = 0; my ($s, $n) = (time() - 30, 0); my $t = pack('qq', $s, $n); "
                  "print syscall(227, 0, $t), ' ', $! + 0")
        for done in (in_host(self.NAME, "plain01", f'perl -e "{script}"'.replace("$", "\\$")),
                     ssh(self.NAME, "root@198.18.1.9", f"perl -e \"{script}\"".replace("$", "\\$"))):
            self.assertEqual(done.stdout, "-1 1", done.stderr)  # EPERM

    def test_no_process_of_a_host_holds_cap_sys_time(self):
        for command in ("cat /proc/1/status", "cat /proc/self/status"):
            for line in in_host(self.NAME, "plain01", command).stdout.splitlines():
                if line.startswith("Cap"):
                    self.assertEqual(int(line.split()[1], 16) >> CAP_SYS_TIME & 1, 0, line)

    def test_chronyd_steps_and_keeps_the_time(self):
        lab(self.NAME, "clock", "chrony02", "--set", "-3600")
        for host in ("chrony01", "chrony02"):
            in_host(self.NAME, host, "service chrony start")
        for host, step in (("chrony01", -30), ("chrony02", 3600)):
            self.assert_synchronised(host)
            self.assertAlmostEqual(clock(self.NAME, host)["last_step_s"], step, delta=0.1)
            eventually(lambda host=host: abs(clock(self.NAME, host)["rate_ppm"]) < 5, f"{host}'s rate corrected")
            self.assert_synchronised(host)

    def test_ntpdate_steps(self):
        self.assert_sets("ntp01", "ntpdate 198.18.1.1")

    def test_ntpsec_sets_the_clock(self):
        for host, command in (("ntpsec01", "ntpdig -S 198.18.1.1"), ("ntpsec02", "ntpd -gq")):
            self.assert_sets(host, command)

    def test_kernel_interface(self):
        """The rate set by the lab is what the host's clock runs at; adjtimex reads what it wrote."""
        self.assertEqual(clock(self.NAME, "plain01")["rate_ppm"], 20)
        in_host(self.NAME, "busybox01", "adjtimex -f 655360 -q")
        reading = clock(self.NAME, "busybox01")
        self.assertEqual(reading["freq_ppm"], 10)
        self.assertAlmostEqual(reading["rate_ppm"], 30, delta=0.01)


class KernelClockTest(LabCase):
    """What adjtimex() does on a host is what Linux does (kernel/time/ntp.c)."""

    NAME = "test_kernel"
    UP = ["--sort", "python:1", "--clock-ppm", "20"]
    HOST = "python01"
    HELD = timex.STA_PLL | timex.STA_FREQHOLD

    def adjust(self, *requests):
        """What each request, a dictionary of timex fields, brought back."""
        source = pathlib.Path(timex.__file__).read_text()
        return json.loads(lab(self.NAME, "exec", self.HOST, "--", "python3", "-", json.dumps(requests),
                              stdin=source).stdout)

    def setUp(self):
        self.adjust({"modes": timex.ADJ_SETOFFSET},  # ends what the last test left to slew
                    {"modes": timex.ADJ_FREQUENCY | timex.ADJ_TICK | timex.ADJ_STATUS | timex.ADJ_NANO, "tick": 10000,
                     "status": timex.STA_UNSYNC})

    def test_an_offset_goes_a_quarter_each_second_and_the_frequency_is_held(self):
        before = clock(self.NAME, self.HOST)
        modes = timex.ADJ_OFFSET | timex.ADJ_STATUS | timex.ADJ_NANO | timex.ADJ_TIMECONST
        self.adjust({"modes": modes, "offset": 100_000_000, "status": self.HELD})
        readings = self.adjust(*[{"wait": 0.5}] * 12)
        left = sorted({reading["offset"] for reading in readings}, reverse=True)
        self.assertGreaterEqual(len(left), 6)
        for more, less in zip(left, left[1:]):
            self.assertAlmostEqual(less / more, 0.75, delta=1e-6)
        self.assertEqual({reading["freq"] for reading in readings}, {0})
        after = clock(self.NAME, self.HOST)
        left_later = self.adjust({})[0]["offset"]
        moved = after["offset_s"] - before["offset_s"]
        # The quarter of the present second is under way, and the crystal did its part.
        self.assertGreater(moved, 0.1 - left[-1] / 0.75 * 1e-9 - 1e-3)
        self.assertLess(moved, 0.1 - left_later * 1e-9 + 1e-3)

    def test_without_hold_the_loop_learns_the_frequency(self):
        modes = timex.ADJ_OFFSET | timex.ADJ_STATUS | timex.ADJ_NANO | timex.ADJ_TIMECONST
        request = {"modes": modes, "offset": 1_000_000, "status": timex.STA_PLL}
        self.assertGreater(self.adjust(request, {"wait": 2}, request)[-1]["freq"], 0)

    def test_tick_and_frequency_add_up_and_the_raw_clock_knows_neither(self):
        reading = self.adjust({"modes": timex.ADJ_FREQUENCY | timex.ADJ_TICK, "freq": -50 * 65536, "tick": 11000},
                              {"wait": 1}, {"wait": 1})
        self.assertEqual([r["tick"] for r in reading], [11000] * 3)
        self.assertAlmostEqual(clock(self.NAME, self.HOST)["rate_ppm"], 1.00002 * 99950 + 20, delta=0.01)
        first, last = reading[1:]
        real, raw, mono = (last[name] - first[name] for name in ("real_s", "raw_s", "mono_s"))
        self.assertAlmostEqual(raw / mono, 1.00002, delta=2e-5)  # two readings are microseconds apart
        self.assertAlmostEqual(real / raw, 1.09995, delta=2e-5)

    def test_maxerror_grows_500_us_a_second_to_where_the_clock_is_unsynchronised(self):
        modes = timex.ADJ_MAXERROR | timex.ADJ_ESTERROR | timex.ADJ_STATUS
        readings = self.adjust({"modes": modes, "maxerror": 1000, "esterror": 10, "status": self.HELD}, {"wait": 3})
        self.assertIn(readings[1]["maxerror"], (2500, 3000))
        self.assertEqual(readings[1]["esterror"], 10)
        self.assertEqual(readings[1]["state"], timex.TIME_OK)
        readings = self.adjust({"modes": modes, "maxerror": 15_999_800, "status": self.HELD}, {"wait": 1.1})
        self.assertEqual(readings[1]["maxerror"], 16_000_000)
        self.assertEqual(readings[1]["state"], timex.TIME_ERROR)
        self.assertTrue(readings[1]["status"] & timex.STA_UNSYNC)

    def test_a_step_ends_the_slew_and_the_synchronisation(self):
        modes = timex.ADJ_OFFSET | timex.ADJ_STATUS | timex.ADJ_NANO | timex.ADJ_MAXERROR
        step = {"modes": timex.ADJ_SETOFFSET | timex.ADJ_NANO, "time": [-2, 750_000_000]}
        before = clock(self.NAME, self.HOST)["offset_s"]
        last = self.adjust({"modes": modes, "offset": 400_000_000, "status": self.HELD}, step)[-1]
        self.assertEqual((last["offset"], last["maxerror"], last["esterror"]), (0, 16_000_000, 16_000_000))
        self.assertTrue(last["status"] & timex.STA_UNSYNC)
        self.assertAlmostEqual(clock(self.NAME, self.HOST)["offset_s"] - before, -1.25, delta=0.13)

    def test_what_the_kernel_refuses_is_refused(self):
        for request in ({"modes": timex.ADJ_TICK, "tick": 8999}, {"modes": timex.ADJ_TICK, "tick": 11001},
                        {"modes": timex.ADJ_SETOFFSET | timex.ADJ_NANO, "time": [0, -1]},
                        {"modes": timex.ADJ_SETOFFSET | timex.ADJ_NANO, "time": [0, 1_000_000_000]},
                        {"modes": timex.ADJ_SETOFFSET, "time": [0, 1_000_000]}):
            self.assertEqual(self.adjust(request), [{"error": "Invalid argument"}], request)

    def test_leap_flags_and_the_offset_of_tai_are_read_as_written(self):
        self.assertEqual(self.adjust({"modes": timex.ADJ_TAI, "constant": 37})[-1]["tai"], 37)
        for flag, state in ((timex.STA_INS, timex.TIME_INS), (timex.STA_DEL, timex.TIME_DEL)):
            last = self.adjust({"modes": timex.ADJ_STATUS, "status": self.HELD | flag})[-1]
            self.assertEqual((last["status"] & flag, last["state"]), (flag, state))


class HostTest(LabCase):
    NAME = "test_host"
    UP = ["--sort", "chrony:2,busybox:1,ntp:1"]
    CHRONY, BUSYBOX, NTP = "198.18.1.1", "198.18.1.3", "198.18.1.4"

    def reaches(self, timeout=2, command="echo here"):
        """What SSH to chrony01 prints, empty when it fails."""
        return ssh(self.NAME, f"root@{self.CHRONY}", command, "-o", f"ConnectTimeout={timeout}").stdout

    def fault(self, kind, *options, host="chrony01"):
        """Brings a fault about for the rest of the test."""
        self.addCleanup(lab, self.NAME, "fault", host, kind, "--off")
        lab(self.NAME, "fault", host, kind, *options)

    def mend(self, kind, host="chrony01"):
        lab(self.NAME, "fault", host, kind, "--off")

    def test_exec_passes_input_output_and_exit_code(self):
        done = lab(self.NAME, "exec", "chrony01", "--", "sh", "-c", "cat; hostname; exit 7", stdin="in ", check=False)
        self.assertEqual((done.stdout, done.returncode), ("in chrony01\n", 7))

    def test_run_passes_exit_code_and_sees_the_labs_network(self):
        done = lab(self.NAME, "run", "--", "sh", "-c", "ip -br addr show br0; exit 5", check=False)
        self.assertIn("198.18.0.1/16", done.stdout)
        self.assertEqual(done.returncode, 5)

    def test_logins_and_sudo(self):
        for address in (self.CHRONY, self.NTP):
            self.assertEqual(ssh(self.NAME, f"root@{address}", "id -un").stdout, "root\n")
            self.assertEqual(ssh(self.NAME, f"ops@{address}", "sudo -n id -un").stdout, "root\n")
        self.assertEqual(ssh(self.NAME, f"ops@{self.BUSYBOX}", "id -un").stdout, "ops\n")
        self.assertEqual(self.password_login(self.CHRONY, "echo lab-password | sudo -S -p '' id -un"), "root\n")
        self.assertEqual(self.password_login(self.CHRONY, "sudo -n id -un"), "")
        self.assertEqual(self.password_login(self.BUSYBOX, "id -un"), "pw\n")

    def password_login(self, address, command):
        askpass = pathlib.Path(lab(self.NAME, "key").stdout.strip()).parent / "askpass"
        askpass.write_text("#!/bin/sh\necho lab-password\n")
        askpass.chmod(0o755)
        return lab(self.NAME, "run", "--", "env", f"SSH_ASKPASS={askpass}", "SSH_ASKPASS_REQUIRE=force", "ssh",
                   "-o", "PubkeyAuthentication=no", "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", f"pw@{address}", command, check=False).stdout

    def test_there_is_no_way_out(self):
        for done in (lab(self.NAME, "run", "--", "ip", "route", "get", "192.0.2.1", check=False),
                     lab(self.NAME, "exec", "chrony01", "--", "ip", "route", "get", "192.0.2.1", check=False)):
            self.assertIn("Network is unreachable", done.stderr)

    def test_kernel_settings_of_the_machine_are_read_only(self):
        done = in_host(self.NAME, "chrony01", "cd /proc/sys/kernel && cat pid_max > pid_max", check=False)
        self.assertIn("Read-only file system", done.stderr)

    def test_services_start_and_stop(self):
        in_host(self.NAME, "ntp01", "service ntp start && service ntp status")
        in_host(self.NAME, "ntp01", "service ntp stop")
        self.assertNotEqual(in_host(self.NAME, "ntp01", "service ntp status", check=False).returncode, 0)
        in_host(self.NAME, "chrony02", "service ssh restart")
        self.assertEqual(in_host(self.NAME, "chrony02", "pgrep -x cron | wc -l").stdout, "1\n")

    def test_more_hosts_join(self):
        lab(self.NAME, "up", "--sort", "plain:1", "--name-prefix", "web")
        inventory = lab(self.NAME, "inventory").stdout
        self.assertIn("  web: {hosts: [web01]}", inventory)
        self.assertIn("  web01: {address: 198.18.1.5, port: 22}", inventory)
        self.assertIn("web01", in_host(self.NAME, "chrony01", "cat /etc/hosts").stdout)

    def test_fault_drop(self):
        self.fault("drop")
        self.assertEqual(self.reaches(timeout=1), "")
        in_host(self.NAME, "chrony01", "nft flush ruleset")
        self.assertEqual(self.reaches(timeout=1), "", "a host's own firewall must not mend it")
        self.mend("drop")
        self.assertEqual(self.reaches(), "here\n")

    def test_fault_hang(self):
        self.fault("hang")
        done = ssh(self.NAME, f"root@{self.CHRONY}", "true", "-o", "ConnectTimeout=1")
        self.assertIn("banner exchange", done.stderr)  # so it was connected
        self.mend("hang")
        self.assertEqual(self.reaches(), "here\n")

    def test_fault_slow(self):
        self.fault("slow", "--latency-ms", "300", "--bytes-per-s", "50000")
        started = time.monotonic()
        self.assertEqual(self.reaches(timeout=15), "here\n")
        self.assertGreater(time.monotonic() - started, 4)
        self.mend("slow")
        started = time.monotonic()
        self.assertEqual(self.reaches(), "here\n")
        self.assertLess(time.monotonic() - started, 4)

    def test_fault_kill_sshd(self):
        self.fault("kill-sshd", "--after", "0.5")
        started = time.monotonic()
        done = ssh(self.NAME, f"root@{self.CHRONY}", "sleep 20")
        self.assertEqual(done.returncode, 255)
        self.assertTrue(0.4 < time.monotonic() - started < 5)
        self.mend("kill-sshd")
        self.assertEqual(self.reaches(command="sleep 1; echo alive"), "alive\n")

    def test_fault_kill_sshd_now(self):
        with subprocess.Popen([LAB, "--lab", self.NAME, "run", "--", "ssh", "-i",
                               lab(self.NAME, "key").stdout.strip(), "-o", "StrictHostKeyChecking=no",
                               "-o", "UserKnownHostsFile=/dev/null", f"root@{self.CHRONY}", "echo begun; sleep 20"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as session:
            self.assertEqual(session.stdout.readline(), "begun\n")
            lab(self.NAME, "fault", "chrony01", "kill-sshd")
            self.assertEqual(session.wait(timeout=5), 255)
        self.assertEqual(self.reaches(), "here\n")

    def test_fault_disk_full(self):
        self.fault("disk-full")
        self.assertIn("No space left", in_host(self.NAME, "chrony01", "head -c 99999 /dev/zero > /root/new",
                                               check=False).stderr)
        self.mend("disk-full")
        in_host(self.NAME, "chrony01", "head -c 99999 /dev/zero > /root/new && rm /root/new")

    def test_fault_read_only(self):
        self.fault("read-only")
        done = in_host(self.NAME, "chrony01", "touch /root/new", check=False)
        self.assertIn("Read-only file system", done.stderr)
        in_host(self.NAME, "chrony01", "date -u -s '2031-01-01'")  # the clock is no file of the root's
        self.mend("read-only")
        in_host(self.NAME, "chrony01", "touch /root/new && rm /root/new")

    def test_fault_no_sudo(self):
        self.fault("no-sudo", host="ntp01")
        self.assertIn("not found", ssh(self.NAME, f"ops@{self.NTP}", "sudo -n true").stderr)
        self.mend("no-sudo", host="ntp01")
        self.assertEqual(ssh(self.NAME, f"ops@{self.NTP}", "sudo -n true").returncode, 0)

    def test_fault_banners(self):
        for kind, at_least in (("banner-shell", 20), ("flood-banner", 500_000)):
            self.fault(kind)
            output = self.reaches()
            self.assertGreater(len(output), at_least)
            self.assertTrue(output.endswith("\nhere\n"))
            self.mend(kind)
            self.assertEqual(self.reaches(), "here\n")


class DownTest(unittest.TestCase):
    NAME = "test_down"

    def setUp(self):
        lab(self.NAME, "down")
        self.addCleanup(lab, self.NAME, "down")

    def test_down_leaves_nothing(self):
        lab(self.NAME, "up", "--sort", "relay:1,chrony:2,busybox:1", "--start-daemons")
        lab(self.NAME, "fault", "chrony01", "slow")
        in_host(self.NAME, "chrony02", "setsid sleep 1000 > /dev/null 2>&1 &")
        self.assertTrue(traces(self.NAME))
        lab(self.NAME, "down")
        self.assertEqual(traces(self.NAME), [])
        lab(self.NAME, "down")

    def test_down_after_up_was_killed(self):
        folder = pathlib.Path("/run/fleetsync-lab") / self.NAME
        moments = {
            "the hosts are planned": lambda: (folder / "state.json").exists(),
            "the network is made": lambda: pathlib.Path(f"/run/netns/fsl-{self.NAME}-host40").exists(),
            "the first host runs": lambda: (folder / "hosts/chrony01/log").exists(),
            "many hosts run": lambda: (folder / "hosts/chrony33/log").exists(),
        }
        for moment, reached in moments.items():
            with self.subTest(killed_when=moment):
                with subprocess.Popen([LAB, "--lab", self.NAME, "up", "--sort", "chrony:40"]) as process:
                    eventually(reached, moment)
                    process.send_signal(signal.SIGKILL)
                lab(self.NAME, "down")
                self.assertEqual(traces(self.NAME), [])
        lab(self.NAME, "up", "--sort", "chrony:1")

    def test_a_lost_run_folder_does_not_hide_a_lab(self):
        lab(self.NAME, "up", "--sort", "chrony:1")
        (pathlib.Path("/run/fleetsync-lab") / self.NAME / "state.json").unlink()
        lab(self.NAME, "down")
        self.assertEqual(traces(self.NAME), [])

    def test_errors_are_sentences(self):
        for arguments, said in ((["list"], "is not up"), (["up", "--sort", "vax"], "--sort vax"),
                                (["up", "--hosts", "3", "--sort", "chrony:2"], "contradicts")):
            done = lab(self.NAME, *arguments, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


class SystemdTest(LabCase):
    NAME = "test_systemd"
    UP = ["--kind", "systemd", "--sort", "relay:1,chrony:1,plain:1", "--clock-offset", "30"]

    def test_systemd_runs_the_services(self):
        in_host(self.NAME, "chrony01", "systemctl is-system-running --wait")
        self.assertEqual(in_host(self.NAME, "chrony01", "systemctl is-active chrony", check=False).stdout, "inactive\n")
        in_host(self.NAME, "chrony01", "systemctl start chrony")
        eventually(lambda: abs(clock(self.NAME, "chrony01")["offset_s"]) < SYNCHRONISED_S, "chrony01 synchronised")
        in_host(self.NAME, "plain01", "timedatectl set-time '2030-01-01 00:00:00'")
        self.assertEqual(in_host(self.NAME, "plain01", "date +%Y").stdout, "2030\n")
        self.assertEqual(ssh(self.NAME, "ops@198.18.1.3", "sudo -n id -un").stdout, "root\n")

    def test_root_becomes_read_only(self):
        self.addCleanup(lab, self.NAME, "fault", "relay1", "read-only", "--off")
        lab(self.NAME, "fault", "relay1", "read-only")
        self.assertIn("Read-only", in_host(self.NAME, "relay1", "touch /root/new", check=False).stderr)

    def test_firewall_rules_can_be_set(self):
        in_host(self.NAME, "plain01", "nft add table inet mine && nft list table inet mine")

    def test_no_process_of_a_host_holds_cap_sys_time(self):
        for command in ("grep CapBnd /proc/1/status", "grep CapBnd /proc/self/status"):
            bounding = in_host(self.NAME, "plain01", command).stdout.split()[1]
            self.assertEqual(int(bounding, 16) >> CAP_SYS_TIME & 1, 0)


class SshdTest(LabCase):
    NAME = "test_sshd"
    UP = ["--kind", "sshd", "--hosts", "3"]

    def test_sessions_cannot_touch_the_machines_clock(self):
        done = ssh(self.NAME, "root@127.0.1.2", "grep CapBnd /proc/self/status", "-p", "2202")
        self.assertEqual(int(done.stdout.split()[1], 16) >> CAP_SYS_TIME & 1, 0)
        bounding = in_host(self.NAME, "chrony01", "grep CapBnd /proc/self/status").stdout.split()[1]
        self.assertEqual(int(bounding, 16) >> CAP_SYS_TIME & 1, 0)

    def test_servers_txt(self):
        self.assertEqual(lab(self.NAME, "inventory", "--format", "servers.txt").stdout,
                         "root@127.0.1.1:2201\nroot@127.0.1.2:2202\nroot@127.0.1.3:2203\n")


if __name__ == "__main__":
    unittest.main()
