"""What takes time from `fleetsync relay run` and from an agent on a real host: run as root, `python3 -m unittest -v
relay_test.py`.

The relay's host has a clock that is wrong and drifts; what it serves must be right all the same. Whatever asks must end
near the truth, which is the lab's. $FLEETSYNC_BUSYBOX_NTPD: a busybox that has ntpd (Debian's has not), tried as well.
"""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from agent_labs import BINARY as AGENT, DYNAMIC, AgentLab  # noqa: E402
from labs import BIN, Lab, command_of, eventually  # noqa: E402

RELAY = "plain01"
CLIENTS = ["chrony01", "ntp01", "ntpsec01", "openntpd01"]
NEAR_S = 0.02
FLEETSYNC = "LD_LIBRARY_PATH=/opt/fleetsync /opt/fleetsync/fleetsync"
# How each daemon is pointed at a server and started so that it takes a clock that is seconds off to the truth at once.
START = {
    "chrony01": "printf 'server {0} iburst minpoll 1 maxpoll 2\\nmakestep 0.1 -1\\n{1}' >/tmp/c && chronyd -f /tmp/c",
    "ntp01": "printf 'server {0} iburst minpoll 3\\n{1}' >/tmp/c && ntpd -g -c /tmp/c",
    "ntpsec01": "printf 'server {0} iburst minpoll 3\\ntos minclock 1 minsane 1\\n{1}' >/tmp/c && ntpd -g -c /tmp/c",
    "openntpd01": "mkdir -p /run/openntpd && printf 'server {0}\\n' >/tmp/c && ntpd -s -f /tmp/c",
}
STOP = "while pkill -x 'chronyd|ntpd|openntpd'; do sleep 0.05; done"


class RelayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("relaytest")
        cls.lab.up("--sort", "relay:1,plain:1,chrony:1,ntp:1,ntpsec:1,openntpd:1,busybox:1")
        cls.addClassCleanup(cls.lab.down)
        addresses = {h["name"]: h["address"] for h in json.loads(cls.lab("list", "-o", "json").stdout)}
        cls.source, cls.address = addresses["relay1"], addresses[RELAY]
        cls.addresses = addresses
        for host in (RELAY, "chrony01"):
            cls.install(host)
        cls.put("busybox01", "/usr/local/sbin/fleetsync-agent", BIN / "fleetsync-agent")

    @classmethod
    def send(cls, host, archive):
        subprocess.run(command_of(cls.lab.name, "exec", host, "--", "tar", "-C", "/", "-xf", "-"), check=True,
                       input=archive.getvalue(), capture_output=True)

    @classmethod
    def put(cls, host, path, file):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
            tar.add(file, path.lstrip("/"))
        cls.send(host, archive)

    @classmethod
    def install(cls, host):
        """The controller's program and those of its libraries that the host has not."""
        program = BIN / "fleetsync"
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        present = set(cls.lab.sh(host, "ls /usr/lib/x86_64-linux-gnu").split())
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
            tar.add(program, "opt/fleetsync/fleetsync")
            for library in re.findall(r"=> (/\S+)", linked):
                if os.path.basename(library) not in present:
                    tar.add(library, "opt/fleetsync/" + os.path.basename(library))
        cls.send(host, archive)

    def setUp(self):
        self.addCleanup(self.stop_all)

    def stop_all(self):
        for host in CLIENTS:
            self.lab.sh(host, STOP)
        self.stop_relay(RELAY)

    def stop_relay(self, host):
        self.lab.sh(host, "p=$(cat /tmp/relay.pid 2>/dev/null) || exit 0; rm -f /tmp/relay.pid; "
                          "while kill $p 2>/dev/null; do sleep 0.05; done", check=False)

    def set_clock(self, host, offset, ppm=0):
        self.lab("clock", host, f"--set={offset}", f"--ppm={ppm}")

    def true_offset(self, host):
        """How far the host's clock is ahead of the truth, in seconds."""
        return json.loads(self.lab("clock", host, "-o", "json").stdout)["offset_s"]

    def serve(self, *arguments, until=r"time from \d"):
        words = " ".join(arguments)
        self.lab.sh(RELAY, f"{FLEETSYNC} relay run {words} </dev/null >/tmp/relay.log 2>&1 & echo $! >/tmp/relay.pid")
        eventually(lambda: re.search(until, self.log()), "the relay serves")

    def log(self):
        return self.lab.sh(RELAY, "cat /tmp/relay.log")

    def status(self):
        return json.loads(self.lab.sh(RELAY, f"{FLEETSYNC} relay status -o json"))

    def start_client(self, host, more=""):
        self.lab.sh(host, STOP)
        self.lab.sh(host, START[host].format(self.address, more) + " </dev/null >/tmp/log 2>&1")

    def query(self, check=True):
        done = self.lab("exec", "busybox01", "--", "/usr/local/sbin/fleetsync-agent", "run", "--query", "--server",
                        self.address, check=check)
        return done.returncode, done.stdout

    def test_every_daemon_takes_the_time_of_a_relay_whose_own_clock_is_wrong(self):
        self.set_clock(RELAY, 2.5, 30)
        self.serve("--upstream", self.source)
        for host in CLIENTS:
            self.set_clock(host, 3)
            self.start_client(host)
        for host in CLIENTS:
            eventually(lambda host=host: abs(self.true_offset(host)) < NEAR_S, f"{host} has the relay's time")
        counted = {c["client"] for c in self.status()["top_clients"]}
        self.assertLessEqual({self.addresses[host] for host in CLIENTS}, counted)
        self.assertGreater(self.true_offset(RELAY), 2.4)

    def test_ntpdate_of_both_kinds_sets_the_clock(self):
        self.serve("--upstream", self.source)
        for host, command in (("ntp01", "ntpdate -b"), ("ntpsec01", "ntpdig -S")):
            self.set_clock(host, -4)
            self.lab.sh(host, f"{command} {self.address}")
            self.assertLess(abs(self.true_offset(host)), NEAR_S, command)

    def test_the_agent_measures_by_it(self):
        self.set_clock(RELAY, -1)
        self.serve("--upstream", self.source)
        self.set_clock("busybox01", 0.2)
        code, text = self.query()
        self.assertEqual(code, 0)
        self.assertRegex(text, rf"(?m)^\* {self.address} +{self.address} +9 +-(199|20[01])(\.\d)? ms ")

    def test_without_time_it_says_so_and_is_not_followed(self):
        self.serve("--upstream", "198.18.255.254", until="time from nowhere")
        self.set_clock("chrony01", 3)
        self.start_client("chrony01")
        code, text = self.query(check=False)
        self.assertEqual(code, 4, text)
        self.assertIn("the server is not synchronised", text)
        self.assertGreater(self.true_offset("chrony01"), 2.9)
        self.assertGreater(self.status()["counts"]["unsynchronised"], 0)

    def test_at_a_local_stratum_it_serves_its_own_clock(self):
        self.set_clock(RELAY, 5)
        self.serve("--upstream", "198.18.255.254", "--local-stratum", "10", "--local-after", "3s",
                   until="time from this machine's own clock")
        self.assertIn("time from nowhere", self.log())
        self.assertEqual(self.status()["time"]["stratum"], 10)
        self.start_client("chrony01")
        eventually(lambda: abs(self.true_offset("chrony01") - 5) < NEAR_S, "chronyd has the relay's own time")

    def test_when_the_upstream_goes_the_time_that_was_served_goes_on(self):
        self.set_clock(RELAY, 7)
        self.serve("--upstream", self.source, "--local-stratum", "10", until=f"time from {self.source}")
        self.lab("fault", "relay1", "drop")
        self.addCleanup(self.lab, "fault", "relay1", "drop", "--off")
        self.set_clock(RELAY, -20)  # and somebody steps its clock
        eventually(lambda: "lost " + self.source in self.log(), "the relay is on its own")
        self.set_clock("chrony01", 1)
        self.start_client("chrony01")
        eventually(lambda: abs(self.true_offset("chrony01")) < NEAR_S, "chronyd has the time that was served before")

    def test_two_relays_that_have_but_each_other_agree(self):
        other = self.addresses["chrony01"]
        self.set_clock(RELAY, 5)
        self.set_clock("chrony01", -3)
        dead = "--upstream 198.18.255.254 --local-stratum 10 --local-after 5s --upstream"
        self.serve(dead, other, until="time from this machine's own clock")
        self.lab.sh("chrony01", STOP + f"; {FLEETSYNC} relay run {dead} {self.address} </dev/null >/tmp/relay.log 2>&1 & "
                    "echo $! >/tmp/relay.pid")
        self.addCleanup(self.stop_relay, "chrony01")

        def served():
            json_text = self.lab.sh("chrony01", f"{FLEETSYNC} relay status -o json", check=False)
            return json.loads(json_text or '{"time": {"stratum": 0}}')["time"]
        time = eventually(lambda: (now := served())["stratum"] == 11 and now,
                          "the relay with the higher address follows the other")
        self.assertAlmostEqual(time["offset_s"], 8, delta=NEAR_S)
        self.assertEqual(self.status()["time"]["stratum"], 10)

    def test_a_client_that_authenticates(self):
        chrony_key, ntp_key, wrong_key = "17 SHA256 HEX:" + "5a" * 32, "18 SHA1 " + "5a" * 20, "18 SHA1 " + "5b" * 20
        self.lab.sh(RELAY, f"printf '{chrony_key}\\n{ntp_key.replace('SHA1 ', 'SHA1 HEX:')}\\n' >/tmp/keys; chmod 600 /tmp/keys")
        self.lab.sh("chrony01", f"echo '{chrony_key}' >/tmp/keys")
        self.lab.sh("ntp01", f"echo '{ntp_key}' >/tmp/keys")
        self.serve("--upstream", self.source, "--keys", "/tmp/keys")
        self.set_clock("chrony01", 3)
        self.lab.sh("chrony01", STOP + f"; printf 'server {self.address} iburst key 17\\nkeyfile /tmp/keys\\n"
                    "makestep 0.1 -1\\n' >/tmp/c && chronyd -f /tmp/c </dev/null >/tmp/log 2>&1")
        eventually(lambda: abs(self.true_offset("chrony01")) < NEAR_S, "chronyd has authenticated time")
        self.set_clock("ntp01", 3)
        self.lab.sh("ntp01", STOP + f"; printf 'server {self.address} iburst key 18\\nkeys /tmp/keys\\ntrustedkey 18\\n'"
                    " >/tmp/c && ntpd -g -c /tmp/c </dev/null >/tmp/log 2>&1")
        eventually(lambda: abs(self.true_offset("ntp01")) < NEAR_S, "ntpd has authenticated time")
        self.assertEqual(self.status()["counts"]["bad_mac"], 0)
        self.lab.sh("ntp01", f"echo '{wrong_key}' >/tmp/keys; " + STOP + "; "
                    "ntpd -g -c /tmp/c </dev/null >/tmp/log 2>&1")
        eventually(lambda: self.status()["counts"]["bad_mac"] > 0, "a wrong key is noticed")

    def test_a_client_that_asks_too_often_is_kissed(self):
        self.serve("--upstream", self.source, "--rate-limit", "60s", "--rate-burst", "2")
        for _ in range(3):
            self.lab.sh("ntp01", f"ntpdate -q -p 1 {self.address}", check=False)
        counts = self.status()["counts"]
        self.assertEqual((counts["answered"], counts["kissed"]), (2, 1))

    def test_who_is_denied_hears_nothing(self):
        self.serve("--upstream", self.source, "--allow", "198.18.0.0/15", "--deny", self.addresses["ntp01"])
        self.assertIn("no server suitable", self.lab(
            "exec", "ntp01", "--", "sh", "-c", f"ntpdate -q -p 1 {self.address} 2>&1", check=False).stdout)
        self.lab.sh("ntpsec01", f"ntpdig {self.address}")
        counts = self.status()["counts"]
        self.assertGreater(counts["denied"], 0)
        self.assertGreater(counts["answered"], 0)

    def test_the_system_clock_kept_by_another_daemon(self):
        self.set_clock("chrony01", 3)
        self.lab.sh("chrony01", STOP + f"; printf 'server {self.source} iburst\\nmakestep 0.1 -1\\nrtcsync\\n"
                    "bindaddress 127.0.0.1\\nallow 127.0.0.1\\n' >/tmp/c && chronyd -f /tmp/c </dev/null >/tmp/log 2>&1")
        eventually(lambda: abs(self.true_offset("chrony01")) < NEAR_S, "chronyd keeps the relay's clock")
        address = self.addresses["chrony01"]
        self.lab.sh("chrony01", f"{FLEETSYNC} relay run --listen {address} </dev/null >/tmp/relay.log 2>&1 & "
                    "echo $! >/tmp/relay.pid")
        self.addCleanup(self.stop_relay, "chrony01")

        def answer():
            return self.lab.sh("ntp01", f"ntpdate -q -p 1 {address} 2>&1", check=False)
        eventually(lambda: "stratum 9," in answer(), "the stratum is that of the local chronyd")

    def test_a_port_that_is_taken_is_told_with_its_owner(self):
        self.lab.sh("chrony01", STOP + "; printf 'allow all\\n' >/tmp/c && chronyd -f /tmp/c </dev/null >/tmp/log 2>&1")
        done = self.lab("exec", "chrony01", "--", "sh", "-c", f"{FLEETSYNC} relay run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"0\.0\.0\.0 port 123 is taken by chronyd \(process \d+\); stop it, or choose")

    @unittest.skipUnless(os.environ.get("FLEETSYNC_BUSYBOX_NTPD"), "FLEETSYNC_BUSYBOX_NTPD names no busybox with ntpd")
    def test_busyboxs_ntpd(self):
        self.put("chrony01", "/tmp/busybox", pathlib.Path(os.environ["FLEETSYNC_BUSYBOX_NTPD"]))
        self.serve("--upstream", self.source)
        self.set_clock("chrony01", 3)
        self.lab.sh("chrony01", STOP + f"; timeout 30 /tmp/busybox ntpd -n -q -p {self.address}")
        self.assertLess(abs(self.true_offset("chrony01")), NEAR_S)


class AgentRelayTest(unittest.TestCase):
    """A host with the role relay whose clock the agent keeps, in the sandbox of its unit."""

    RELAY, CLIENT = "chrony01", "chrony02"

    @classmethod
    def setUpClass(cls):
        cls.lab = AgentLab("relayagent")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--kind", "systemd", "--sort", "relay:1,chrony:2", "--start-daemons")
        addresses = {h["name"]: h["address"] for h in json.loads(cls.lab("list", "-o", "json").stdout)}
        cls.source, cls.address = addresses["relay1"], addresses[cls.RELAY]
        cls.plain_inventory = cls.lab("inventory").stdout
        cls.write_inventory(burst=32)
        code, hosts, errors = cls.lab.install("-l", cls.RELAY, binary=DYNAMIC)
        assert code == 0, f"{hosts}{errors}"
        cls.lab.sh(cls.CLIENT, "systemctl stop chrony")

    @classmethod
    def write_inventory(cls, burst):
        relay = (f"role: relay, time: {{daemon: agent, upstreams: [{cls.source} minpoll 1 maxpoll 2], "
                 f"local_stratum: 11, ratelimit: {{interval: -2, burst: {burst}}}, extra: [seccomp kill, workers 2]}}")
        cls.lab.write_inventory(cls.plain_inventory.replace(f"{cls.RELAY}: {{", f"{cls.RELAY}: {{{relay}, "))

    def setUp(self):
        eventually(lambda: self.check_serving() == 0, f"it serves; log: {self.log()}")

    def check_serving(self):
        return self.lab("exec", self.RELAY, "--", AGENT, "check", "--serving", check=False).returncode

    def log(self):
        return self.lab.sh(self.RELAY, "journalctl -u fleetsync-agent -o cat --no-pager")

    def offset(self, host):
        return json.loads(self.lab("clock", host, "-o", "json").stdout)["offset_s"]

    def assert_chronyd_takes_its_time(self, off, stratum):
        self.lab.sh(self.CLIENT, "pkill -x chronyd; while pgrep -x chronyd; do sleep .1; done")
        self.lab("clock", self.CLIENT, f"--set={off}")
        self.lab.sh(self.CLIENT, START["chrony01"].format(self.address, "") + " </dev/null >/tmp/log 2>&1")
        eventually(lambda: abs(self.offset(self.CLIENT)) < NEAR_S, "chronyd has the relay's time")
        self.assertRegex(self.lab.sh(self.CLIENT, "chronyc -n tracking"),
                         rf"\({self.address}\)\nStratum *: {stratum}\n")

    def test_a_push_waits_until_it_serves_and_chronyd_takes_its_time(self):
        self.assert_chronyd_takes_its_time(off=3, stratum=10)
        self.write_inventory(burst=64)
        self.lab("fault", "relay1", "drop")
        self.addCleanup(self.lab, "fault", "relay1", "drop", "--off")
        push = subprocess.Popen(self.lab.fleetsync("-o", "json", "push", "--unchecked-sources", "-l", self.RELAY),
                                stdout=subprocess.PIPE, text=True)
        eventually(lambda: self.check_serving() == 4, "it has been restarted and has no time to give")
        self.lab("fault", "relay1", "drop", "--off")
        said = push.communicate(timeout=120)[0]
        self.assertEqual(self.check_serving(), 0, "when the push is over")
        self.assertEqual((push.returncode, json.loads(said)["hosts"][0]["outcome"]), (0, "changed"), said)
        self.assertNotIn("gives no time", said)
        code, hosts, errors = self.lab.said("push", "--unchecked-sources", "-l", self.RELAY)
        self.assertEqual((code, hosts[self.RELAY]["outcome"]), (0, "unchanged"), errors)

    def test_when_the_upstream_goes_it_serves_on_at_the_local_stratum(self):
        self.lab("fault", "relay1", "drop")
        self.addCleanup(self.lab, "fault", "relay1", "drop", "--off")
        self.addCleanup(self.lab, "clock", self.RELAY, "--set=0")
        self.lab("clock", self.RELAY, "--set=-20")  # and somebody steps its clock
        self.assert_chronyd_takes_its_time(off=1, stratum=12)


if __name__ == "__main__":
    unittest.main()
