"""Mutual TLS between real agents and a real controller, whatever the hosts' clocks say.

Run as root, `python3 -m unittest -v tls_test.py`.
"""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, ROOT, Lab, command_of, eventually  # noqa: E402

CONTROLLER = "198.18.0.1:7312"
HOST = "plain01"
STATIC = "plain02"
INIT = "/etc/init.d/fleetsync-agent"
DAY = 86_400


def until(year):
    """What a clock is off that shows the second of January of this year, in seconds."""
    return time.mktime((year, 1, 2, 0, 0, 0, 0, 0, 0)) - time.time()


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(os.environ.get("FLEETSYNC_LAB", "tlstest"))
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "plain:2,relay:1", "--start-daemons")
        cls.relay = re.search(r"^relay1 .*?(\d+\.\d+\.\d+\.\d+):22", cls.lab("list").stdout, re.MULTILINE).group(1)
        cls.lab.write_inventory(cls.lab("inventory").stdout)
        cls.put(HOST, "/usr/local/sbin/fleetsync-agent", (BIN / "fleetsync-agent").read_bytes(), 0o755)
        cls.put(STATIC, "/usr/local/sbin/fleetsync-agent", (BIN / "fleetsync-agent-static").read_bytes(), 0o755)
        for host in (HOST, STATIC):
            cls.put(host, INIT, (ROOT / "packaging/fleetsync-agent.init").read_bytes(), 0o755)
            cls.lab.sh(host, "useradd -r -M fleetsync")

    @classmethod
    def put(cls, host, path, content, mode=0o644):
        subprocess.run(command_of(cls.lab.name, "exec", host, "--", "sh", "-c",
                                  f"mkdir -p {os.path.dirname(path)} && cat > {path}.new && chmod {mode:o} {path}.new "
                                  f"&& mv {path}.new {path}"), input=content, check=True)

    def setUp(self):
        self.log = open(self.lab.folder / "serve.log", "ab")  # pylint: disable=consider-using-with
        self.addCleanup(self.log.close)
        port = self.lab.folder / "port"
        port.unlink(missing_ok=True)
        controller = subprocess.Popen(
            self.lab.fleetsync("serve", "--listen", CONTROLLER, "--port-file", str(port)), stderr=self.log)
        self.addCleanup(controller.wait)
        self.addCleanup(controller.terminate)
        eventually(port.exists, "the controller listens")
        for host in (HOST, STATIC):
            self.configure(host)

    def tearDown(self):
        for host in (HOST, STATIC):
            self.lab.sh(host, f"{INIT} stop; rm -rf /var/lib/fleetsync-agent /var/log/fleetsync-agent.log", check=False)
        self.lab("clock", HOST, "--set", "0")

    def fleetsync(self, *arguments):
        done = subprocess.run(self.lab.fleetsync(*arguments), capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def configure(self, host):
        self.put(host, "/etc/fleetsync/agent.conf",
                 f"no-clock-control\nhost {host}\nserver {self.relay} iburst minpoll 1\ncontroller {CONTROLLER}\n"
                 "report-interval 1s\n".encode())

    def give_identity(self, host, name=None):
        out = self.lab.folder / "identity"
        self.fleetsync("ca", "issue", "--host", name or host, "--out", str(out))
        for file, mode in (("ca.pem", 0o644), ("host.pem", 0o644), ("host.key", 0o600)):
            self.put(host, f"/var/lib/fleetsync-agent/tls/{file}", (out / file).read_bytes(), mode)
        self.lab.sh(host, "chown -R fleetsync: /var/lib/fleetsync-agent/tls && chmod 700 /var/lib/fleetsync-agent/tls")

    def start(self, host):
        self.lab.sh(host, f"{INIT} start")

    def said(self, host):
        return self.lab.sh(host, "cat /var/log/fleetsync-agent.log")

    def controller_said(self):
        return (self.lab.folder / "serve.log").read_text()

    def stored(self, host):
        """How many reports the controller has of the host, and the last one's time by the host's clock."""
        done = subprocess.run(
            ["sqlite3", "-readonly", self.lab.folder / "fleet.db",
             "SELECT count(*), max(sequence), strftime('%s', host_time) FROM history "
             f"WHERE host = '{host}' AND spool != 'ssh'"], capture_output=True, text=True, check=False)
        count, _, host_time = (done.stdout.strip() or "0||").split("|")
        return int(count), int(host_time or 0)

    def assert_reports_come(self, host, offset=None):
        """New ones, made by a clock that is `offset` off."""
        before, _ = self.stored(host)

        def more():
            count, host_time = self.stored(host)
            near = offset is None or abs(host_time - time.time() - offset) < 120
            return count > before + 1 and near
        eventually(more, f"reports of {host} at {offset}; it said:\n{self.said(host)}")

    def test_an_agent_whose_clock_is_years_off_connects(self):
        self.give_identity(HOST)
        for offset in (until(1970), until(2001), until(2039), until(2105), -DAY, DAY, 0):
            with self.subTest(offset=offset):
                self.lab("clock", HOST, "--set", str(offset))
                self.start(HOST)
                self.assert_reports_come(HOST, offset)
                self.lab.sh(HOST, f"{INIT} stop")

    def test_an_agent_whose_clock_is_stepped_while_it_is_connected_stays(self):
        self.give_identity(HOST)
        self.lab("clock", HOST, "--set", "0")
        self.start(HOST)
        self.assert_reports_come(HOST, 0)
        for offset in (10, 0, -10, DAY, -DAY, until(1970), until(2039), 0):
            with self.subTest(offset=offset):
                self.lab("clock", HOST, "--set", str(offset))
                self.assert_reports_come(HOST, offset)

    def test_the_static_agent_speaks_tls(self):
        self.give_identity(STATIC)
        self.start(STATIC)
        self.assert_reports_come(STATIC, 0)

    def test_refusals_are_told_in_one_line_on_both_sides(self):
        self.give_identity(HOST)
        self.start(HOST)
        self.assert_reports_come(HOST)
        self.lab.sh(HOST, f"{INIT} stop")

        self.assertRegex(self.fleetsync("ca", "revoke", HOST), rf"of host '{HOST}'\n")
        self.start(HOST)
        line = rf"certificate [0-9a-f]{{32}} of host '{HOST}' was revoked at \S+; give it a new one with " \
               rf"`fleetsync agent install --limit {HOST}`"
        eventually(lambda: re.search(rf"controller {CONTROLLER}: {line}; reports are kept", self.said(HOST)),
                   "the agent says that it is revoked")
        eventually(lambda: re.search(rf"refused /fleetsync.v1.FleetService/Stream: {line}", self.controller_said()),
                   "the controller says that it is revoked")

        self.give_identity(HOST, STATIC)  # read without a restart
        line = f"the certificate of host '{STATIC}' does not let it report for host '{HOST}'"
        eventually(lambda: line in self.said(HOST), "the agent says that it is another's")
        eventually(lambda: line in self.controller_said(), "the controller says that it is another's")

        self.give_identity(HOST)
        self.assert_reports_come(HOST)

    def test_an_agent_without_an_identity_says_so_and_reports_once_it_has_one(self):
        self.lab.sh(HOST, "rm -rf /var/lib/fleetsync-agent/tls")
        self.start(HOST)
        eventually(lambda: "/var/lib/fleetsync-agent/tls/ca.pem is missing: `fleetsync agent install`" in self.said(HOST),
                   "the agent says what is missing")
        self.give_identity(HOST)
        self.assert_reports_come(HOST)


if __name__ == "__main__":
    unittest.main()
