"""What fleetsync finds out about real hosts: run as root, `python3 -m unittest -v facts_test.py`."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, command_of  # noqa: E402

FLEETSYNC = BIN / "fleetsync"
NAME = "factstest"


def lab(*arguments):
    done = subprocess.run(command_of(NAME, *arguments), capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_host(host, command):
    return lab("exec", host, "--", "sh", "-c", command)


class FactsCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--kind", cls.kind, "--sort", cls.sorts, "--start-daemons")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.inventory = pathlib.Path(folder.name) / "fleet.yaml"
        cls.inventory.write_text(lab("inventory"))

    def run_facts(self, *arguments):
        return subprocess.run(command_of(NAME, "run", "--", FLEETSYNC, "-i", self.inventory, "facts", *arguments),
                              capture_output=True, text=True, timeout=100, check=False)

    def facts(self, *hosts):
        done = self.run_facts("-o", "json", *hosts)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {entry["host"]: entry["facts"] for entry in json.loads(done.stdout)["hosts"]}

    def daemon(self, facts, name):
        return next(daemon for daemon in facts["daemons"] if daemon["daemon"] == name)


class OfHosts(FactsCase):
    kind = "host"
    sorts = "relay:1,chrony:1,ntpsec:1,ntp:1,plain:1,busybox:1"

    def test_every_sort_is_recognised(self):
        facts = self.facts()
        self.assertEqual({host: [daemon["daemon"] for daemon in fact["daemons"] if daemon["running"]]
                          for host, fact in facts.items()},
                         {"relay1": ["chrony"], "chrony01": ["chrony"], "ntpsec01": ["ntpsec"], "ntp01": ["ntp"],
                          "plain01": [], "busybox01": []})
        self.assertEqual(self.daemon(facts["ntp01"], "ntp")["config"], "/etc/ntp.conf")
        self.assertEqual(facts["ntp01"]["os"]["version"], "11")
        self.assertTrue(facts["busybox01"]["busybox"])
        self.assertTrue(all(fact["root"] and fact["can_set_clock"] for fact in facts.values()))

    def test_a_pid_is_the_daemons_and_the_port_is_its(self):
        fact = self.facts("ntp01")["ntp01"]
        pid = self.daemon(fact, "ntp")["pid"]
        self.assertEqual(in_host("ntp01", f"cat /proc/{pid}/comm").strip(), "ntpd")
        self.assertEqual(fact["udp123"]["holder"], f"ntpd ({pid})")

    def test_a_stopped_daemon_is_told(self):
        in_host("chrony01", "service chrony stop")
        try:
            self.assertFalse(self.daemon(self.facts("chrony01")["chrony01"], "chrony")["running"])
        finally:
            in_host("chrony01", "service chrony start")

    def test_firewalls_are_told_apart(self):
        self.assertEqual(self.facts("plain01")["plain01"]["firewall"], "")
        in_host("plain01", "nft add table inet mine && nft 'add chain inet mine in "
                           "{ type filter hook input priority 0; policy accept; }'")
        self.assertEqual(self.facts("plain01")["plain01"]["firewall"], "nftables")
        in_host("plain01", "nft flush ruleset && iptables -A INPUT -p udp --dport 123 -j ACCEPT")
        self.assertEqual(self.facts("plain01")["plain01"]["firewall"], "iptables")
        in_host("plain01", "iptables -F && nft flush ruleset")
        self.assertEqual(self.facts("plain01")["plain01"]["firewall"], "")

    def test_the_jobs_of_the_tutorials_are_found(self):
        in_host("ntp01", "printf '# ntpdate in a comment\\n* */1 * * * root /usr/sbin/ntpdate relay1\\n"
                         "30 8 * * * root /sbin/hwclock -w\\n' > /etc/cron.d/time; "
                         "echo '0 12 * * * /usr/sbin/ntpdate relay1' > /var/spool/cron/crontabs/root")
        self.assertEqual(self.facts("ntp01")["ntp01"]["time_jobs"],
                         ["/etc/cron.d/time: * */1 * * * root /usr/sbin/ntpdate relay1",
                          "/etc/cron.d/time: 30 8 * * * root /sbin/hwclock -w",
                          "/var/spool/cron/crontabs/root: 0 12 * * * /usr/sbin/ntpdate relay1"])

    def test_a_banner_before_the_answer_does_not_matter(self):
        lab("fault", "plain01", "banner-shell")
        try:
            self.assertEqual(self.facts("plain01")["plain01"]["hostname"], "plain01")
        finally:
            lab("fault", "plain01", "banner-shell", "--off")

    def test_the_probe_writes_nothing(self):
        in_host("plain01", "touch /run/before")
        self.facts("plain01")
        changed = in_host("plain01", "find / -xdev -newer /run/before -type f -not -path '/proc/*' -not -path '/var/log/*'"
                                     " -not -path '/run/*'")
        self.assertEqual(changed, "")

    def test_one_host_is_listed_and_several_are_a_table(self):
        self.assertIn("time daemons    ntp 4.2.8p15 running\n", self.run_facts("ntp01").stdout)
        table = self.run_facts().stdout.splitlines()
        self.assertTrue(table[0].startswith("HOST "), table[0])
        self.assertEqual(len(table), 7)

    def test_a_host_that_fails_leaves_the_others_their_rows(self):
        lab("fault", "chrony01", "drop")
        try:
            done = self.run_facts("--connect-timeout", "2s")
        finally:
            lab("fault", "chrony01", "drop", "--off")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 6)
        self.assertIn("chrony01: connect: ", done.stderr)


class OfBootedHosts(FactsCase):
    kind = "systemd"
    sorts = "chrony:1,ntpsec:1,plain:1"

    def test_systemd_and_its_services_are_recognised(self):
        facts = self.facts()
        self.assertEqual({fact["init"] for fact in facts.values()}, {"systemd"})
        self.assertEqual(self.daemon(facts["chrony01"], "chrony")["service"], "chrony")
        self.assertEqual(self.daemon(facts["ntpsec01"], "ntpsec")["service"], "ntpsec")
        self.assertEqual(self.daemon(facts["plain01"], "timesyncd")["service"], "systemd-timesyncd")
        self.assertEqual({fact["container"] for fact in facts.values()}, {"systemd-nspawn"})


del FactsCase

if __name__ == "__main__":
    unittest.main()
