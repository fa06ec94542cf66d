"""The agent on real hosts whose clocks are known: run as root, `python3 -m unittest -v agent_test.py`.

The truth is the lab's: how far a host's clock is off, read just before and just after what the agent says.
"""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, ROOT, command_of, eventually  # noqa: E402

NAME = "agenttest"
HOST = "plain01"
BUSYBOX = "busybox01"
CONTROLLER = "198.18.0.1"

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}


def lab(*arguments, check=True, stdin=None, timeout=120):
    """Runs a lab command; its standard output as text."""
    done = subprocess.run(command_of(NAME, *arguments), input=stdin, capture_output=True, timeout=timeout,
                          check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def in_host(host, command, **options):
    done = lab("exec", host, "--", "sh", "-c", command, **options)
    return done.stdout.decode()


def put(host, path, content, mode="644"):
    in_host(host, f"mkdir -p {os.path.dirname(path)} && cat > {path} && chmod {mode} {path}", stdin=content)


def true_offset(host):
    """What must be added to the host's clock to be right, in seconds."""
    return -json.loads(lab("clock", host, "-o", "json").stdout)["offset_s"]


def seconds(text):
    number, unit = re.fullmatch(r"([+-]?[\d.]+) (ns|us|ms|s)", text).groups()
    return float(number) * UNITS[unit]


def decode(payload):
    """A report as a dictionary of its numbers, by protoc."""
    text = subprocess.run(["protoc", f"--proto_path={ROOT}", "--decode=fleetsync.v1.Report",
                           "proto/fleetsync/v1/fleet.proto"], input=payload, capture_output=True, check=True,
                          cwd=ROOT).stdout.decode()
    return {name: int(value) for name, value in re.findall(r"^(\w+): (-?\d+)$", text, re.MULTILINE)}


def spool(host):
    """(sequence, payload) of every report that is kept on the host."""
    done = lab("exec", host, "--", "sh", "-c", "cat /var/lib/fleetsync-agent/spool/*.reports", check=False)
    data, records = done.stdout, []
    while len(data) >= 20:
        magic, length, sequence, _ = struct.unpack("<4sIQI", data[:20])
        assert magic == b"FSR1", magic
        records.append((sequence, data[20:20 + length]))
        data = data[20 + length:]
    return records


class AgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--hosts", "3", "--sort", "plain:1,relay:1,busybox:1", "--start-daemons")
        hosts = lab("list").stdout.decode()
        cls.relay = re.search(r"^relay1 .*?(\d+\.\d+\.\d+\.\d+):22", hosts, re.MULTILINE).group(1)
        for host in (HOST, BUSYBOX):
            put(host, "/usr/local/sbin/fleetsync-agent", (BIN / "fleetsync-agent").read_bytes(), "755")
            put(host, "/etc/init.d/fleetsync-agent", (ROOT / "packaging/fleetsync-agent.init").read_bytes(), "755")

    def tearDown(self):
        for host in (HOST, BUSYBOX):
            in_host(host, "/etc/init.d/fleetsync-agent stop; rm -rf /var/lib/fleetsync-agent", check=False)

    def configure(self, host, controller="127.0.0.1:1"):
        put(host, "/etc/fleetsync/agent.conf",
            f"no-clock-control\nhost {host}\nserver {self.relay} iburst minpoll 1\ncontroller {controller}\ninsecure-controller\n"
            "report-interval 1s\n".encode())

    def assert_holds_the_truth(self, offset, bound, before, after, what=""):
        """`before` and `after`: the truth around the moment of the claim."""
        low, high = min(before, after), max(before, after)
        self.assertLessEqual(low - bound, offset, what)
        self.assertLessEqual(offset, high + bound, what)

    def next_report(self, host, synchronised=True):
        """A report that is made after now, with the truth before and after it."""
        seen = max((s for s, _ in spool(host)), default=0)
        before = true_offset(host)

        def newer():
            reports = [decode(payload) for s, payload in spool(host) if s > seen]
            return reports and (not synchronised or reports[-1]["stratum"] < 16) and reports[-1]
        report = eventually(newer, "a new report")
        return report, before, true_offset(host)

    def test_query_tells_the_true_offset_within_its_bound(self):
        for offset, ppm in ((0.03, 0), (-5, 40), (0, -40)):
            lab("clock", HOST, "--set", str(offset), "--ppm", str(ppm))
            before = true_offset(HOST)
            text = in_host(HOST, f"/usr/local/sbin/fleetsync-agent run --query --server {self.relay}")
            after = true_offset(HOST)
            row = next(line for line in text.splitlines() if line.startswith("* "))
            fields = re.split(r"  +", row)
            claimed, bound = seconds(fields[3]), seconds(fields[4])
            # Three digits are printed.
            self.assert_holds_the_truth(claimed, bound + abs(claimed) * 0.005, before, after, text)
            self.assertLess(bound, 0.002, text)

    def test_every_report_of_a_clock_that_is_off_30_ms_holds_the_truth(self):
        lab("clock", HOST, "--set", "0.03", "--ppm", "20")
        self.configure(HOST)
        in_host(HOST, "/etc/init.d/fleetsync-agent start")
        self.next_report(HOST)
        for _ in range(5):
            report, before, after = self.next_report(HOST)
            offset, bound = report.get("offset_ns", 0) / 1e9, report["error_bound_ns"] / 1e9
            self.assert_holds_the_truth(offset, bound, before, after, report)
            self.assertLess(bound, 0.002)
            self.assertLess(offset, -0.029)

    def test_a_step_of_the_clock_is_in_the_reports_within_seconds(self):
        lab("clock", HOST, "--set", "0", "--ppm", "0")
        self.configure(HOST)
        in_host(HOST, "/etc/init.d/fleetsync-agent start")
        self.next_report(HOST)
        for step in (10, -10, 86_400, -1_000_000_000):
            lab("clock", HOST, "--set", str(step))
            eventually(lambda s=step: abs(self.next_report(HOST)[0].get("offset_ns", 0) / 1e9 + s) < 0.01,
                       f"a report of {step} s")

    def test_numbers_go_on_after_kill_and_restart(self):
        self.configure(HOST)
        in_host(HOST, "/etc/init.d/fleetsync-agent start")
        self.next_report(HOST)
        last = spool(HOST)[-1][0]
        in_host(HOST, "kill -9 $(cat /var/run/fleetsync-agent.pid)")
        in_host(HOST, "/etc/init.d/fleetsync-agent start")
        self.next_report(HOST)
        numbers = [s for s, _ in spool(HOST)]
        self.assertGreater(numbers[-1], last)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_the_init_script_starts_tells_and_stops_also_under_busybox(self):
        for host in (HOST, BUSYBOX):
            self.configure(host)
            script = "/etc/init.d/fleetsync-agent"
            self.assertEqual(in_host(host, f"{script} start"), "fleetsync-agent started\n")
            self.assertEqual(in_host(host, f"{script} start"), "fleetsync-agent is running already\n")
            self.assertRegex(in_host(host, f"{script} status"), r"^fleetsync-agent is running, process \d+\n$")
            self.assertEqual(in_host(host, f"{script} restart"), "fleetsync-agent stopped\nfleetsync-agent started\n")
            self.assertEqual(in_host(host, f"{script} stop"), "fleetsync-agent stopped\n")
            self.assertEqual(lab("exec", host, "--", script, "status", check=False).returncode, 3)
            self.assertEqual(in_host(host, "ps | grep '[f]leetsync-agent run' || true"), "")

    def test_a_bad_configuration_is_told_by_the_init_script(self):
        put(HOST, "/etc/fleetsync/agent.conf", b"sever 192.0.2.1\n")
        done = lab("exec", HOST, "--", "/etc/init.d/fleetsync-agent", "start", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('agent.conf:1: unknown directive "sever"; did you mean "server"?', done.stderr.decode())

    @unittest.skipUnless((BIN / "fleetsync").exists(), "the controller is not built")
    def test_reports_reach_the_controller_while_the_clock_is_stepped(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        inventory = pathlib.Path(folder.name) / "fleet.yaml"
        inventory.write_bytes(lab("inventory").stdout)
        port_file, database = inventory.parent / "port", inventory.parent / "fleet.db"
        controller = subprocess.Popen(command_of(NAME, "run", "--", BIN / "fleetsync", "serve", "-i", inventory,
                                                 "--insecure", "--insecure-network", "--listen", f"{CONTROLLER}:7312",
                                                 "--port-file", port_file, "--db", database), stderr=subprocess.DEVNULL)
        self.addCleanup(controller.wait)
        self.addCleanup(controller.terminate)
        eventually(port_file.exists, "the controller listens")
        lab("clock", HOST, "--set", "0", "--ppm", "0")
        self.configure(HOST, f"{CONTROLLER}:7312")
        in_host(HOST, "/etc/init.d/fleetsync-agent start")

        def stored_offset():
            done = subprocess.run(["sqlite3", "-readonly", database,
                                   "SELECT offset_ns FROM reports ORDER BY sequence DESC LIMIT 1"],
                                  capture_output=True, text=True, check=False)
            return float(done.stdout or "nan") / 1e9
        for step in (0.03, 10, -10, 86_400, 0):
            lab("clock", HOST, "--set", str(step))
            eventually(lambda s=step: abs(stored_offset() + s) < 0.01, f"{step} s stored at the controller")


if __name__ == "__main__":
    unittest.main()
