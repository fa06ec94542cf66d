"""`fleetsync doctor`, `sources` and `tracking` on real hosts: run as root, `python3 -m unittest -v doctor_test.py`."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, command_of, eventually  # noqa: E402

FLEETSYNC = BIN / "fleetsync"
NAME = "doctortest"
CONTROLLER = "198.18.0.1"
SILENT = "198.18.9.9"  # nobody has it
# Answers every question, with a clock that it calls not synchronised: leap 3, stratum 16.
UNSYNCHRONISED_SERVER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("%s", 123))
print("serving", flush=True)
while True:
    question, client = server.recvfrom(1024)
    server.sendto(bytes([0xe4, 16, 6, 0xe8]) + bytes(20) + 3 * question[40:48], client)
""" % CONTROLLER


def lab(*arguments, check=True):
    done = subprocess.run(command_of(NAME, *arguments), capture_output=True, text=True, timeout=200, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_host(host, command, check=True):
    return lab("exec", host, "--", "sh", "-c", command, check=check)


class Reads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--sort", "relay:1,chrony:1,ntpsec:1,ntp:2,plain:1", "--start-daemons")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.inventory = cls.folder / "fleet.yaml"
        cls.inventory.write_text(lab("inventory"))
        for host in ("chrony01", "ntpsec01", "ntp01"):
            eventually(lambda host=host: cls.run_on(host, "tracking")[0] == 0, f"{host} is synchronised")

    @classmethod
    def run_on(cls, hosts, *command):
        done = subprocess.run(command_of(NAME, "run", "--", FLEETSYNC, "-i", cls.inventory, "--db",
                                         cls.folder / "fleet.db", "-l", hosts, *command),
                              capture_output=True, text=True, timeout=100, check=False)
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

    def add_source(self, address):
        in_host("chrony01", f"chronyc add server {address} minpoll 0 maxpoll 0")
        self.addCleanup(in_host, "chrony01", f"chronyc delete {address}")

    def test_a_name_that_does_not_resolve(self):
        in_host("ntpsec01", "cp -p /etc/ntpsec/ntp.conf /tmp; echo 'server nosuch.invalid iburst' >>/etc/ntpsec/ntp.conf")
        self.addCleanup(in_host, "ntpsec01", "cp -p /tmp/ntp.conf /etc/ntpsec/ntp.conf")
        ids = self.ids("ntpsec01")
        self.assertIn("unresolved-name", ids)
        self.assertNotIn("resolver-silent", ids)
        in_host("ntpsec01", "sed -i s/nosuch.invalid/relay1/ /etc/ntpsec/ntp.conf")
        self.assertNotIn("unresolved-name", self.ids("ntpsec01"))

    def test_a_silent_source(self):
        self.add_source(SILENT)
        ids = self.ids("chrony01")
        self.assertIn("silent-source", ids)
        self.assertNotIn("unsynchronised-source", ids)

    def test_an_unsynchronised_source(self):
        server = subprocess.Popen(command_of(NAME, "run", "--", "timeout", "20", "/usr/bin/python3", "-c",
                                             UNSYNCHRONISED_SERVER), stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.assertEqual(server.stdout.readline(), "serving\n")
        self.add_source(CONTROLLER)
        eventually(lambda: "unsynchronised-source" in self.ids("chrony01"), "its answer is seen")
        self.assertNotIn("silent-source", self.ids("chrony01"))

    def test_an_offset_beyond_panic(self):
        self.assertFalse({"beyond-panic", "far-off"} & self.ids("ntp02"))
        lab("clock", "ntp02", "--set", "5000")
        ids = self.ids("ntp02")
        self.assertIn("far-off", ids, "-g allows it")
        self.assertNotIn("beyond-panic", ids)
        in_host("ntp02", "service ntp stop; sed -i s/-g// /etc/default/ntp")
        ids = self.ids("ntp02")
        self.assertIn("beyond-panic", ids)
        self.assertNotIn("far-off", ids)

    def test_what_the_tutorials_leave_on_a_host(self):
        in_host("plain01", """
            cp -p /etc/services /tmp/services; sed -i 's,^ntp.*,ntp 123/tcp,' /etc/services
            echo 'export TZ=Asia/Shanghai' >/etc/profile.d/tz.sh
            printf 'root s3cret web01\nroot s3cret web02' >/tmp/my_servers.txt; chmod 644 /tmp/my_servers.txt
            printf '#!/bin/sh\nwhile read u h; do\n  ssh $u@$h date\ndone </tmp/list\n' >/etc/cron.daily/sync
            nft 'add table inet t; add chain inet t i { type filter hook input priority 0; }; add rule inet t i tcp dport 123 accept'
            """)
        self.addCleanup(in_host, "plain01", "cp -p /tmp/services /etc; rm -f /etc/profile.d/tz.sh /tmp/my_servers.txt "
                                            "/etc/cron.daily/sync; nft delete table inet t")
        _, output, errors = self.run_on("plain01", "-o", "json", "doctor")
        found = {finding["id"] for finding in json.loads(output)["hosts"][0]["findings"]}
        self.assertEqual(found, {"no-daemon", "services-tcp-only", "tz-overrides", "password-list", "ssh-eats-list",
                                 "firewall-tcp-123"})
        self.assertNotIn("s3cret", output + errors)
        in_host("plain01", "chmod 600 /tmp/my_servers.txt; sed -i 's/ssh/ssh -n/' /etc/cron.daily/sync")
        self.assertFalse({"password-list", "ssh-eats-list"} & self.ids("plain01"))

    def test_a_relay_that_drops_its_clients(self):
        self.assertFalse({"firewall-drops-ntp", "firewall-closed"} & self.ids("relay1"))
        in_host("relay1", "nft 'add table inet t; add chain inet t i { type filter hook input priority 0; }; "
                          "add rule inet t i udp dport 123 drop'")
        self.addCleanup(in_host, "relay1", "nft delete table inet t", check=False)
        self.assertIn("firewall-drops-ntp", self.ids("relay1"))
        in_host("relay1", "nft delete table inet t")

    def test_two_daemons_on_one_clock(self):
        in_host("chrony01", "cp /bin/sleep /tmp/ntpd; /tmp/ntpd 100 >/dev/null 2>&1 & echo $! >/tmp/ntpd.pid")
        self.addCleanup(in_host, "chrony01", "kill $(cat /tmp/ntpd.pid)")
        self.assertNotIn("two-daemons", self.ids("chrony01"), "a name alone makes no daemon")


if __name__ == "__main__":
    unittest.main()
