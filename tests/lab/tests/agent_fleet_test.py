"""Agents that keep the clocks of real hosts, and the service they report to, over TLS from end to end.

Run as root, `python3 -m unittest -v agent_fleet_test.py`.
"""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, Lab, command_of, eventually  # noqa: E402

CONTROLLER = "198.18.0.1:7312"
HOSTS = ["plain01", "plain02", "plain03"]
TLS = "/var/lib/fleetsync-agent/tls"
# How long a host stays cut off after its silence is seen; the suite itself has no ten minutes for it.
PARTITION_S = int(os.environ.get("FLEETSYNC_PARTITION_S", "0"))


class AgentFleetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(os.environ.get("FLEETSYNC_LAB", "agentfleet"))
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "plain:3,relay:1", "--start-daemons")
        cls.lab.write_inventory(cls.lab("inventory").stdout)
        cls.start_serve()
        cls.addClassCleanup(lambda: cls.end_serve(signal.SIGTERM))
        cls.fleetsync("agent", "install", "--controller", CONTROLLER, "--keep-clock", "--binary",
                      BIN / "fleetsync-agent", "-l", "plain*")
        for host in HOSTS:
            cls.lab.sh(host, "sed -i '/^report-interval/d' /etc/fleetsync/agent.conf && "
                             "echo 'report-interval 1s' >>/etc/fleetsync/agent.conf && "
                             "/etc/init.d/fleetsync-agent restart")

    @classmethod
    def start_serve(cls):
        port = cls.lab.folder / "port"
        port.unlink(missing_ok=True)
        with open(cls.lab.folder / "serve.log", "ab") as log:
            cls.serve = subprocess.Popen(
                cls.lab.fleetsync("serve", "--listen", CONTROLLER, "--port-file", str(port), "--probe-interval", "10s"),
                stderr=log)
        eventually(port.exists, "the service listens")

    @classmethod
    def end_serve(cls, how):
        # The lab's command becomes the program it runs.
        cls.serve.send_signal(how)
        cls.serve.wait(30)

    @classmethod
    def run_fleetsync(cls, *arguments):
        return subprocess.run(cls.lab.fleetsync(*map(str, arguments)), capture_output=True, text=True, check=False,
                              timeout=120)

    @classmethod
    def fleetsync(cls, *arguments):
        done = cls.run_fleetsync(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"fleetsync {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def states(self, *options):
        said = json.loads(self.run_fleetsync("status", "-o", "json", "-l", "plain*", *options).stdout)
        return {host["host"]: host["state"] for host in said["hosts"]}

    def sync_all(self, *options):
        """What became of two hosts' clocks, by their names."""
        done = self.run_fleetsync("sync-all", "-o", "json", "-l", "plain01,plain02", *options)
        return {host["host"]: host for host in json.loads(done.stdout)["hosts"]}

    def await_within_tolerance(self):
        eventually(lambda: set(self.states().values()) <= {"synced", "converging"}, "all clocks are right")

    def stored(self, host):
        """The sequence numbers that the store has of a host's own reports, in the order of their arrival: before it
        had an agent, the service looked at it over SSH."""
        store = sqlite3.connect(f"file:{self.lab.folder / 'fleet.db'}?mode=ro", uri=True)
        try:
            return [row[0] for row in store.execute(
                "SELECT sequence FROM history WHERE host = ? AND spool != 'ssh' ORDER BY received, sequence",
                (host,))]
        finally:
            store.close()

    def assert_nothing_is_lost(self, host, through):
        eventually(lambda: self.stored(host)[-1:] > [through], f"{host} reports again")
        numbers = self.stored(host)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_an_operator_elsewhere_sees_what_the_store_says(self):
        self.await_within_tolerance()
        folder = self.lab.folder / "operator"
        self.fleetsync("ca", "issue", "--operator", "ada", "--out", folder)
        elsewhere = ["--controller", CONTROLLER, "--identity", folder]
        self.assertEqual(set(self.states(*elsewhere)), set(HOSTS))
        self.assertLessEqual(set(self.states(*elsewhere).values()), {"synced", "converging"})
        eventually(lambda: json.loads(self.fleetsync("history", "plain01", "-o", "json", "--since", "5min",
                                                     *elsewhere))["hosts"][0]["points"], "there is history")
        self.fleetsync("ca", "revoke", "ada")
        refused = self.run_fleetsync("status", *elsewhere)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("was revoked", refused.stderr)

    def test_a_clock_beyond_the_panic_threshold_is_set_by_its_agent_on_command(self):
        self.await_within_tolerance()
        self.lab("clock", "plain01", "--set", "3000")
        eventually(lambda: "panic threshold" in self.lab.sh("plain01", "cat /var/log/fleetsync-agent.log"),
                   "the agent leaves it alone")
        eventually(lambda: self.states()["plain01"] == "off", "the clock is seen to be wrong")
        refused = self.sync_all()
        self.assertEqual({name: host["outcome"] for name, host in refused.items()},
                         {"plain01": "refused", "plain02": "left"})
        done = self.sync_all("--max-step", "2h", "--allow-backward")
        self.assertEqual({name: host["tool"] for name, host in done.items()}, {"plain01": "agent", "plain02": "agent"})
        self.assertEqual(done["plain01"]["outcome"], "set")
        self.assertLess(abs(json.loads(self.lab("clock", "plain01", "-o", "json").stdout)["offset_s"]), 0.001)
        self.await_within_tolerance()

    def test_a_host_without_an_agent_is_looked_at_over_ssh(self):
        def relay():
            said = json.loads(self.run_fleetsync("status", "-o", "json", "-l", "relay1").stdout)
            return said["hosts"][0]["reading"]
        first = eventually(relay, "it was asked")
        self.assertEqual((first["daemon"], first["stratum"]), ("chrony", 8))
        self.assertLess(abs(first["offset_ns"]), 1_000_000)
        eventually(lambda: relay()["at"] > first["at"], "it is asked again")

    def test_a_partition_loses_nothing(self):
        last = eventually(lambda: self.stored("plain02"), "it reports")[-1]
        self.lab("fault", "plain02", "drop")
        self.addCleanup(self.lab, "fault", "plain02", "drop", "--off")
        eventually(lambda: self.states("--stale", "5s")["plain02"] == "stale", "its silence is seen")
        time.sleep(PARTITION_S)
        self.lab("fault", "plain02", "drop", "--off")
        self.assert_nothing_is_lost("plain02", last + PARTITION_S)  # a report a second

    def test_a_service_that_is_killed_loses_nothing(self):
        last = eventually(lambda: self.stored("plain03"), "it reports")[-1]
        self.end_serve(signal.SIGKILL)
        self.start_serve()
        for host in HOSTS:
            self.assert_nothing_is_lost(host, last)

    def test_a_certificate_near_its_end_is_renewed_over_the_stream(self):
        out = self.lab.folder / "short"
        self.fleetsync("ca", "issue", "--host", "plain03", "--valid-for", "1h", "--out", out)
        for name in ("host.pem", "host.key"):
            subprocess.run(command_of(self.lab.name, "exec", "plain03", "--", "sh", "-c", f"cat >{TLS}/{name}"),
                           input=(out / name).read_bytes(), check=True)
        before = self.lab.sh("plain03", f"cat {TLS}/host.pem")
        self.lab.sh("plain03", "/etc/init.d/fleetsync-agent restart")
        eventually(lambda: self.lab.sh("plain03", f"cat {TLS}/host.pem") != before, "there is a new certificate")
        self.lab.sh("plain03", "/etc/init.d/fleetsync-agent restart")
        last = self.stored("plain03")[-1]
        eventually(lambda: self.stored("plain03")[-1] > last, "it reports with its new certificate")


if __name__ == "__main__":
    unittest.main()
