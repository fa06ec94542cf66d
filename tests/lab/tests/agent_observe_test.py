"""The agent beside real time daemons whose clocks are known: run as root, `python3 -m unittest -v agent_observe_test.py`.

The truth is the lab's: how far a host's clock is off, read just before and just after what the agent says.
"""

import json
import pathlib
import re
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, ROOT, Lab, command_of, eventually  # noqa: E402

CONTROLLER = "198.18.0.1:7312"
NOBODY = "127.0.0.1:1"
STATE = "/var/lib/fleetsync-agent"
# Debian 11's C library is older than the one that the agent was linked with.
OLD = ("oldchrony01", "ntp01")
# What each daemon is called, and whether it tells reach registers.
DAEMONS = {"chrony01": ("chrony", True), "oldchrony01": ("chrony", True), "ntpsec01": ("ntpsec", True),
           "ntp01": ("ntp", True), "timesyncd01": ("timesyncd", False)}
# It tells no bound of its error, and follows a source only after minutes: the agent measures as well.
UNSURE = "openntpd01"
AWAY = "chrony02"  # its reports stay on its disk


class Truth:
    def __init__(self, lab, host):
        self._lab, self._host, self._seen = lab, host, []
        self.look()

    def look(self):
        """What must be added to the host's clock to be right, in seconds."""
        self._seen.append(-json.loads(self._lab("clock", self._host, "-o", "json").stdout)["offset_s"])

    def range(self):
        self.look()
        return min(self._seen), max(self._seen)


class ObserveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("agentobserve")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,chrony:2,oldchrony:1,ntpsec:1,ntp:1,openntpd:1", "--start-daemons",
                   "--clock-ppm=-30..30", "--seed", "5")
        cls.lab("up", "--sort", "plain:1", "--kind", "systemd", "--name-prefix", "timesyncd")
        listed = cls.lab("list").stdout
        cls.relay = re.search(r"^relay1 .*?(\d+\.\d+\.\d+\.\d+):22", listed, re.MULTILINE).group(1)
        cls.lab.sh("timesyncd01", "mkdir -p /etc/systemd/timesyncd.conf.d; "
                   f"printf '[Time]\\nNTP={cls.relay}\\nPollIntervalMinSec=16\\nPollIntervalMaxSec=32\\n' "
                   "> /etc/systemd/timesyncd.conf.d/lab.conf; systemctl start systemd-timesyncd")
        cls.serve()
        for host in (*DAEMONS, UNSURE, AWAY):
            cls.install(host)

    @classmethod
    def serve(cls):
        inventory, port_file = cls.lab.folder / "fleet.yaml", cls.lab.folder / "port"
        cls.lab.write_inventory(cls.lab("inventory").stdout)
        cls.database = cls.lab.folder / "fleet.db"
        controller = subprocess.Popen(command_of(cls.lab.name, "run", "--", BIN / "fleetsync", "serve", "-i",
                                                 inventory, "--insecure", "--insecure-network", "--listen", CONTROLLER,
                                                 "--port-file", port_file, "--db", cls.database),
                                      stderr=subprocess.DEVNULL)
        cls.addClassCleanup(controller.wait)
        cls.addClassCleanup(controller.terminate)
        eventually(port_file.exists, "the controller listens")

    @classmethod
    def put(cls, host, path, content, mode="644"):
        subprocess.run(command_of(cls.lab.name, "exec", host, "--", "sh", "-c",
                                  f"mkdir -p {path.rsplit('/', 1)[0]} && cat > {path} && chmod {mode} {path}"),
                       input=content, check=True, timeout=60)

    @classmethod
    def configure(cls, host, *lines, controller=CONTROLLER):
        cls.put(host, "/etc/fleetsync/agent.conf",
                "\n".join(("no-clock-control", f"host {host}", f"controller {controller}", "insecure-controller",
                           "report-interval 1s", *lines, "")).encode())

    @classmethod
    def install(cls, host):
        program = "fleetsync-agent-static" if host in OLD else "fleetsync-agent"
        cls.put(host, "/usr/local/sbin/fleetsync-agent", (BIN / program).read_bytes(), "755")
        cls.configure(host, *([f"server {cls.relay} iburst minpoll 1 maxpoll 3"] if host == UNSURE else []),
                      controller=NOBODY if host == AWAY else CONTROLLER)
        if host == "timesyncd01":
            unit = (ROOT / "packaging/fleetsync-agent.service").read_bytes().replace(
                b"@CAPABILITIES@", b"CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL").replace(b"@PURPOSE@", b"observes")
            cls.put(host, "/etc/systemd/system/fleetsync-agent.service", unit)
            cls.lab.sh(host, "systemctl daemon-reload; systemctl start fleetsync-agent")
        else:
            script = (ROOT / "packaging/fleetsync-agent.init").read_bytes()
            cls.put(host, "/etc/init.d/fleetsync-agent", script, "755")
            cls.lab.sh(host, "/etc/init.d/fleetsync-agent start")

    def stored(self, host):
        """The newest report of the host that the controller has on disk; None: there is none."""
        done = subprocess.run(["sqlite3", "-readonly", "-json", self.database,
                               "SELECT sequence, stratum, reach, daemon AS daemon_name, source AS source_name, "
                               "offset_ms * 1e6 AS offset_ns, error_bound_ms * 1e6 AS error_bound_ns FROM history "
                               f"WHERE host = '{host}' AND spool != 'ssh' ORDER BY sequence DESC LIMIT 1"],
                              capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            return None
        report = json.loads(done.stdout)[0]
        return {**report, "reach": int(report["reach"], 8)}

    def stored_sources(self, host):
        """"name|stratum" of each source in the newest report of the host, a line each."""
        return subprocess.run(["sqlite3", "-readonly", self.database, "SELECT sources.name, sources.stratum FROM "
                               f"sources JOIN hosts USING (host_id) WHERE hosts.name = '{host}'"],
                              capture_output=True, text=True, check=True).stdout

    def next_stored(self, host, condition=lambda report: True):
        """A report that is made after now and fulfils the condition, and the truth around it."""
        last = (self.stored(host) or {"sequence": 0})["sequence"]
        truth = Truth(self.lab, host)

        def newer():
            truth.look()
            report = self.stored(host)
            return report if report and report["sequence"] > last + 1 and condition(report) else None
        return eventually(newer, f"another report of {host}; the last: {self.stored(host)}"), truth.range()

    def spooled(self, host=AWAY):
        """The reports that are kept on the host: (sequence, text by protoc)."""
        data = subprocess.run(command_of(self.lab.name, "exec", host, "--", "sh", "-c",
                                         f"cat {STATE}/spool/*.reports"), capture_output=True, check=False).stdout
        reports = []
        while len(data) >= 20:
            _, length, sequence, _ = struct.unpack("<4sIQI", data[:20])
            reports.append((sequence, subprocess.run(
                ["protoc", f"--proto_path={ROOT}", "--decode=fleetsync.v1.Report", "proto/fleetsync/v1/fleet.proto"],
                input=data[20:20 + length], capture_output=True, check=True, cwd=ROOT).stdout.decode()))
            data = data[20 + length:]
        return reports

    def events_after(self, sequence):
        """(kind, amount in seconds, text) of every event in the reports of AWAY after that one."""
        found = []
        for number, text in self.spooled():
            for event in re.findall(r"^events \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL) if number > sequence else ():
                amount = re.search(r"amount_ns: (-?\d+)", event)
                found.append((re.search(r"kind: EVENT_KIND_(\w+)", event).group(1),
                              int(amount.group(1)) / 1e9 if amount else 0,
                              (re.search(r'text: "(.*)"', event) or [0, ""])[1]))
        return found

    def last_spooled(self):
        return max((number for number, _ in self.spooled()), default=0)

    def assert_holds_the_truth(self, report, low, high):
        offset, bound = report["offset_ns"] / 1e9, report["error_bound_ns"] / 1e9
        self.assertLessEqual(low - bound, offset)
        self.assertLessEqual(offset, high + bound)

    def test_every_daemon_is_seen_with_its_source_and_an_offset_that_holds_the_truth(self):
        for host, (daemon, tells_reach) in DAEMONS.items():
            with self.subTest(host):
                report, (low, high) = self.next_stored(
                    host, lambda r: r["stratum"] < 16 and r["source_name"] == self.relay)
                self.assertEqual(report["daemon_name"], daemon)
                self.assertEqual(report["stratum"], 9)
                self.assertEqual(report["reach"] != 0, tells_reach)
                self.assert_holds_the_truth(report, low, high)
                self.assertLess(report["error_bound_ns"], 500_000_000)

    def test_where_the_daemon_tells_no_bound_the_agents_own_measurement_counts(self):
        report, (low, high) = self.next_stored(UNSURE, lambda r: r["stratum"] < 16 and r["daemon_name"] == "openntpd")
        self.assert_holds_the_truth(report, low, high)
        self.assertLess(report["error_bound_ns"], 2_000_000)
        # The daemon may hear the source later than the agent does.
        eventually(lambda: self.stored_sources(UNSURE) == f"{self.relay}|8\n", "the daemon's own source is told")

    def test_a_daemon_that_stops_and_starts_is_seen(self):
        self.next_stored("chrony01", lambda r: r["daemon_name"] == "chrony")
        self.lab.sh("chrony01", "/etc/init.d/chrony stop")
        report, _ = self.next_stored("chrony01", lambda r: r["daemon_name"] == "")
        self.assertEqual(report["stratum"], 16)
        self.assertEqual(report["source_name"], "")
        self.lab.sh("chrony01", "/etc/init.d/chrony start")
        report, _ = self.next_stored("chrony01", lambda r: r["daemon_name"] == "chrony" and r["stratum"] == 9)
        self.assertEqual(report["source_name"], self.relay)

    def test_a_clock_that_somebody_steps_is_reported_at_once_and_no_claim_leaves_out_the_truth(self):
        eventually(lambda: any("LEAP_NONE" in text for _, text in self.spooled()[-1:]), f"{AWAY} is synchronised")
        for step in (5, -3600):
            before = self.last_spooled()
            self.lab("clock", AWAY, "--set", str(step))
            truth = Truth(self.lab, AWAY)  # chronyd moves the clock towards it: it is looked at before and after
            eventually(lambda b=before: any(kind == "STEPPED_BY_OTHER" for kind, _, _ in self.events_after(b)),
                       f"an event of a step to {step} s")
            kind, amount, _ = next(e for e in self.events_after(before) if e[0].startswith("STEPPED"))
            self.assertEqual(kind, "STEPPED_BY_OTHER")
            self.assertLess(abs(amount - (step if step > 0 else step - 5)), 1.5)
            number, text = self.spooled()[-1]
            low, high = truth.range()
            if "LEAP_NONE" in text:
                offset = int((re.search(r"^offset_ns: (-?\d+)", text, re.MULTILINE) or [0, "0"])[1]) / 1e9
                bound = int(re.search(r"^error_bound_ns: (\d+)", text, re.MULTILINE)[1]) / 1e9
                self.assertLessEqual(low - bound - 0.1, offset, f"report {number}")
                self.assertLessEqual(offset, high + bound + 0.1, f"report {number}")

    def test_a_step_that_the_daemon_makes_is_its_own(self):
        eventually(lambda: any("LEAP_NONE" in text for _, text in self.spooled()[-1:]), f"{AWAY} is synchronised")
        self.lab("clock", AWAY, "--set", "3")

        def knows():
            text = self.lab.sh(AWAY, "chronyc -n -c tracking")
            return abs(float(text.split(",")[4]) + 3) < 0.2
        eventually(knows, "chronyd has noticed that it is 3 s off")
        before = self.last_spooled()
        eventually(lambda: self.last_spooled() > before + 1, "a report of it")
        before = self.last_spooled()
        self.lab.sh(AWAY, "chronyc makestep")
        eventually(lambda: any(kind.startswith("STEPPED") for kind, _, _ in self.events_after(before)), "an event")
        steps = [event for event in self.events_after(before) if event[0].startswith("STEPPED")]
        self.assertEqual(steps[0][0], "STEPPED", steps)
        self.assertLess(abs(steps[0][1] + 3), 0.5)

    def test_an_agent_without_any_privilege_asks_chronyd_over_the_network(self):
        self.put(AWAY, "/tmp/agent.conf", "\n".join((
            "no-clock-control", "observe chrony", f"host {AWAY}", f"controller {NOBODY}", "insecure-controller",
            "report-interval 1s", "state-dir /tmp/agent", "")).encode())
        self.addCleanup(self.lab.sh, AWAY, "kill $(cat /tmp/agent.pid)", check=False)
        self.lab.sh(AWAY, "rm -rf /tmp/agent; mkdir -p /tmp/agent; chown nobody /tmp/agent; setpriv "
                    "--reuid=65534 --regid=65534 --clear-groups /usr/local/sbin/fleetsync-agent run "
                    "--config /tmp/agent.conf </dev/null >/tmp/agent.log 2>&1 & echo $! >/tmp/agent.pid")

        def spool():
            return subprocess.run(command_of(self.lab.name, "exec", AWAY, "--", "sh", "-c",
                                             "cat /tmp/agent/spool/*.reports"), capture_output=True, check=False).stdout
        eventually(lambda: b"chrony" in (kept := spool()) and self.relay.encode() in kept,
                   "reports of chronyd and its source are kept")


if __name__ == "__main__":
    unittest.main()
