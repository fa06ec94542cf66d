"""Reports of hosts that cannot connect to the controller: run as root, `python3 -m unittest -v tunnel_test.py`.

The controller takes nothing from the hosts but the answers to its own SSH connections, and serves on its loopback alone.
"""

import pathlib
import signal
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, ROOT, Lab, command_of, eventually  # noqa: E402

HOSTS = ["plain01", "plain02"]
BEHIND = "plain03"  # its inventory entry says how it reports
PORT = "7312"
WALL = """
table inet wall {
  chain input {
    type filter hook input priority 0
    iif lo accept
    ip protocol tcp tcp sport 22 accept
    ip protocol tcp drop
  }
}
"""


class TunnelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("tunneltest")
        cls.lab.up("--hosts", "4", "--sort", "plain:3,relay:1", "--start-daemons")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.write_inventory(cls.lab("inventory").stdout.replace(
            f"  {BEHIND}: {{", f"  {BEHIND}: {{report_through: ssh, "))
        cls.in_lab("nft", "-f", "-", stdin=WALL)
        relay = cls.lab("list").stdout.split("relay1 ", 1)[1].split(":22", 1)[0].split()[-1]
        for host in HOSTS:
            cls.put(host, "/usr/local/sbin/fleetsync-agent", (BIN / "fleetsync-agent").read_bytes())
            cls.put(host, "/etc/init.d/fleetsync-agent",
                    (ROOT / "packaging/fleetsync-agent.init").read_bytes())
            cls.put(host, "/etc/fleetsync/agent.conf",
                    f"no-clock-control\nhost {host}\nserver {relay} iburst minpoll 1\ncontroller 127.0.0.1:{PORT}\n"
                    "insecure-controller\nreport-interval 1s\n".encode())

    @classmethod
    def in_lab(cls, *command, stdin=None):
        return subprocess.run(command_of(cls.lab.name, "run", "--", *command), input=stdin, text=True, check=True,
                              capture_output=True)

    @classmethod
    def put(cls, host, path, content):
        subprocess.run(command_of(cls.lab.name, "exec", host, "--", "sh", "-c",
                                  f"mkdir -p $(dirname {path}) && cat >{path} && chmod 755 {path}"),
                       input=content, check=True, capture_output=True)

    def start(self, *arguments):
        with open(self.lab.folder / f"{arguments[0]}.log", "ab") as log:
            process = subprocess.Popen(self.lab.fleetsync(*arguments), stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def log(self, name):
        path = self.lab.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def stored(self, host):
        """The sequence numbers of the host's reports at the controller."""
        query = f"SELECT sequence FROM history WHERE host = '{host}' AND spool != 'ssh' ORDER BY sequence"
        done = subprocess.run(["sqlite3", "-readonly", self.lab.folder / "fleet.db", query], capture_output=True,
                              text=True, check=False)
        return [int(line) for line in done.stdout.split()]

    def made(self, host):
        """The sequence number of the newest report that is kept on the host; 0: none."""
        done = subprocess.run(command_of(self.lab.name, "exec", host, "--", "sh", "-c",
                                         "cat /var/lib/fleetsync-agent/spool/*.reports"),
                              capture_output=True, check=False)
        data, newest = done.stdout, 0
        while len(data) >= 20:
            magic, length, newest, _ = struct.unpack("<4sIQI", data[:20])
            assert magic == b"FSR1", magic
            data = data[20 + length:]
        return newest

    def listens(self, host):
        port = f"{int(PORT):04X}"
        return self.lab.sh(host, f"grep ' 0100007F:{port} 00000000:0000 0A ' /proc/net/tcp", check=False)

    def start_tunnel(self):
        before = self.log("tunnel").count("2 of 2 hosts lead to 127.0.0.1:7312")
        tunnel = self.start("tunnel", "-l", ",".join(HOSTS), "--port", PORT)
        eventually(lambda: self.log("tunnel").count("2 of 2 hosts lead to 127.0.0.1:7312") > before,
                   "the tunnel stands")
        return tunnel

    def assert_complete(self, host, at_least):
        eventually(lambda: len(self.stored(host)) >= at_least, f"{at_least} reports of {host}")
        numbers = self.stored(host)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_agents_report_through_the_tunnel_also_after_it_was_killed(self):
        self.start("serve", "--insecure", "--listen", f"127.0.0.1:{PORT}", "--port-file", self.lab.folder / "port")
        eventually((self.lab.folder / "port").exists, "the controller listens")
        for host in HOSTS:
            self.lab.sh(host, "/etc/init.d/fleetsync-agent start")
        for host in HOSTS:
            eventually(lambda h=host: self.made(h) >= 3, f"{host} makes reports")
            self.assertEqual(self.stored(host), [], "the host reaches the controller without a tunnel")

        tunnel = self.start_tunnel()
        for host in HOSTS:
            self.assert_complete(host, 5)

        tunnel.kill()
        tunnel.wait()
        for host in HOSTS:
            # What was under way at the kill may still be committed.
            eventually(lambda h=host: self.made(h) >= len(self.stored(h)) + 4, f"{host} keeps reports")
        kept = {host: self.made(host) for host in HOSTS}
        tunnel = self.start_tunnel()
        for host in HOSTS:
            self.assert_complete(host, kept[host])

        for host in HOSTS:
            self.assertTrue(self.listens(host))
        tunnel.terminate()
        self.assertEqual(tunnel.wait(timeout=10), 0)
        self.assertIn("stopping", self.log("tunnel"))
        for host in HOSTS:
            eventually(lambda h=host: not self.listens(h), f"{host} does not listen any more")

    def test_what_the_inventory_says_is_behind_a_wall_reports_to_serve_by_itself(self):
        said = subprocess.run(self.lab.fleetsync("agent", "install", "-l", "plain01"), capture_output=True, text=True,
                              check=False)
        self.assertEqual(said.returncode, 2)
        self.assertIn("'plain01' reaches `fleetsync serve`", said.stderr)

        subprocess.run(self.lab.fleetsync("agent", "install", "-l", BEHIND, "--observe", "--binary",
                                          BIN / "fleetsync-agent"), capture_output=True, text=True, check=True)
        self.assertIn(f"controller 127.0.0.1:{PORT}\n", self.lab.sh(BEHIND, "cat /etc/fleetsync/agent.conf"))
        serve = self.start("serve", "--listen", "127.0.0.1:0")
        eventually(lambda: self.stored(BEHIND), f"{BEHIND} reports through the service's own connection")
        self.assertTrue(self.listens(BEHIND))
        serve.send_signal(signal.SIGHUP)
        eventually(lambda: self.log("serve").count(f"{BEHIND}: 127.0.0.1:{PORT} there leads to ") >= 2,
                   "the connection is made again")
        before = len(self.stored(BEHIND))
        self.assert_complete(BEHIND, before + 1)
        serve.terminate()
        self.assertEqual(serve.wait(timeout=20), 0)
        eventually(lambda: not self.listens(BEHIND), f"{BEHIND} does not listen any more")


if __name__ == "__main__":
    unittest.main()
