"""`fleetsync push` where time is kept, packets are filtered and packages come in other ways than in push_test.py."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from labs import Lab, eventually  # noqa: E402

# What an administrator has in force beside what fleetsync may add.
LEGACY_RULES = """iptables-legacy -P INPUT DROP
iptables-legacy -A INPUT -i lo -j ACCEPT
iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT
iptables-legacy -A INPUT -m state --state ESTABLISHED -j ACCEPT
mkdir -p /etc/iptables
iptables-legacy-save >/etc/iptables/rules.v4
ip6tables-legacy -A INPUT -p tcp --dport 80 -j DROP
ip6tables-legacy -P INPUT DROP
ip6tables-legacy-save >/etc/iptables/rules.v6
"""


# busybox's crond as Alpine has it, with a line of an administrator's, and a clock tool that tells that it ran.
CROND_OF_ALPINE = """rm -rf /etc/cron.d /var/spool/cron/crontabs
mkdir -p /etc/crontabs /var/spool/cron
ln -s /etc/crontabs /var/spool/cron/crontabs
ln -s /bin/busybox /usr/sbin/crond
ln -s /bin/busybox /usr/bin/crontab
printf '0 1 * * * true\\n0 2 * * * ntpdate relay1\\n' | crontab -
printf '#!/bin/sh\\necho "$*" >>/run/ran\\n' >/usr/local/sbin/hwclock.new
chmod 755 /usr/local/sbin/hwclock.new
mv /usr/local/sbin/hwclock.new /usr/sbin/hwclock
crond -b -l 0 -L /run/crond.log
"""

# A service as Alpine and Gentoo write theirs.
OPENRC_SCRIPT = """cat >/etc/init.d/chrony <<'END'
#!/sbin/openrc-run
command=/usr/sbin/chronyd
command_args="-f /etc/chrony/chrony.conf"
pidfile=/run/chrony/chronyd.pid
END
"""


class PlatformTestCase(unittest.TestCase):
    NAME, SORTS, KIND = "", "", "host"

    @classmethod
    def setUpClass(cls):
        if not cls.NAME:
            raise unittest.SkipTest("the common part of the others")
        cls.lab = Lab(cls.NAME)
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--kind", cls.KIND, "--sort", cls.SORTS)

    def sh(self, host, command):
        return self.lab.sh(host, command)

    def fleetsync(self, host, settings, *arguments):
        """The exit code and what `-o json` said of this host, whose inventory says `settings` of it."""
        lines = []
        for line in self.lab("inventory").stdout.splitlines():
            if line.strip().startswith(f"{host}:"):
                line = f"{line[:-1]}, {json.dumps(settings)[1:-1]}}}"
            lines.append(line)
        self.lab.write_inventory("\n".join(lines) + "\n")
        done = subprocess.run(self.lab.fleetsync("-o", "json", "-l", host, *arguments), capture_output=True, text=True,
                              timeout=180, check=False)
        try:
            return done.returncode, json.loads(done.stdout)["hosts"][0]
        except ValueError:
            raise AssertionError(f"{done.returncode}\n{done.stdout}\n{done.stderr}") from None

    def push(self, host, settings, expected="changed", *arguments):
        code, said = self.fleetsync(host, settings, "push", *arguments)
        self.assertEqual((code, said["outcome"]), (1 if expected == "failed" else 0, expected), said)
        return said

    def daemon(self, host, program):
        """Number and start time of the daemon's first process."""
        return self.sh(host, f"for f in $(grep -lx '{program}' /proc/[0-9]*/comm | sort -V | head -n 1); do "
                             "cut -d' ' -f1,22 ${f%comm}stat; done")

    def assert_second_push_does_nothing(self, host, settings, program):
        before = self.daemon(host, program)
        self.assertTrue(before)
        self.assertEqual(self.push(host, settings, "unchanged")["round_trips"], 1)
        self.assertEqual(self.daemon(host, program), before, "it was not restarted")


class HostsTest(PlatformTestCase):
    NAME, SORTS = "platforms", "relay:1,openntpd:1,bare:1,chrony:1,oldchrony:1,openrc:2,crond:1"

    def test_an_older_chrony_with_every_setting_that_it_can_do(self):
        settings = {"time": {
            "servers": [{"address": "198.18.1.1", "minpoll": 2, "maxpoll": 4, "xleave": True, "maxdelay": "1s",
                         "offset": "1us", "filter": 2, "trust": True, "prefer": True}],
            "step": {"threshold": "100ms", "limit": 3}, "panic": "1000s", "max_distance": "2s", "min_sources": 1,
            "leap": "slew", "dhcp_servers": "yes", "log": ["tracking", "statistics"], "log_folder": "/var/log/chrony"}}
        self.push("oldchrony01", settings, "changed", "--wait-synced")
        self.assertIn("version 4.0", self.sh("oldchrony01", "chronyd -v"))
        self.assertIn("198.18.1.1", self.sh("oldchrony01", "chronyc -n sources | grep '^^[*]'"))
        self.assert_second_push_does_nothing("oldchrony01", settings, "chronyd")
        code, said = self.fleetsync("oldchrony01", {"time": {"family": "ipv4"}}, "push")
        self.assertEqual((code, said["stage"]), (1, "plan"), said)
        self.assertIn("chrony 4.0 cannot do time.family (ipv4): it can from 4.6 on", said["why"])

    def test_openntpd(self):
        before = self.sh("openntpd01", "cat /etc/openntpd/ntpd.conf")
        self.push("openntpd01", {})
        self.assertIn("\nserver 198.18.1.1\n", self.sh("openntpd01", "ntpd -n -f /etc/openntpd/ntpd.conf 2>&1; "
                                                                     "cat /etc/openntpd/ntpd.conf"))
        self.assert_second_push_does_nothing("openntpd01", {}, "ntpd")
        eventually(lambda: "1/1 peers valid" in self.sh("openntpd01", "ntpctl -s status"), "it hears the relay")
        said = self.push("openntpd01", {"time": {"extra": ["nonsense here"]}}, "failed")
        self.assertEqual((said["stage"], said["undo"]), ("validate", "done"), said)
        code, said = self.fleetsync("openntpd01", {}, "rollback")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.sh("openntpd01", "cat /etc/openntpd/ntpd.conf"), before)

    def test_a_package_is_installed_and_goes_again_when_what_follows_fails(self):
        install = {"time": {"packages": "install"}}
        said = self.push("bare01", {"time": {**install["time"], "extra": ["nonsense here"]}}, "failed")
        self.assertEqual(said["stage"], "validate", said)
        self.assertIn("the package that was installed has been removed again", said["why"])
        self.assertEqual(self.sh("bare01", "dpkg-query -W -f '${db:Status-Status}' chrony 2>/dev/null | grep -vx not-installed; ls -d /etc/chrony "
                                           "2>/dev/null || echo; pidof chronyd || true").strip(), "")
        said = self.push("bare01", install)
        self.assertEqual([change["kind"] for change in said["changes"]], ["package", "file", "service"])
        eventually(lambda: "198.18.1.1" in self.sh("bare01", "chronyc -n sources | grep '^^[*]' || true"),
                        "chronyd has selected the relay")
        self.assert_second_push_does_nothing("bare01", install, "chronyd")

    def test_iptables_of_the_legacy_kind_with_rules_for_both_families(self):
        self.sh("chrony01", "update-alternatives --set iptables /usr/sbin/iptables-legacy; "
                            "update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy; " + LEGACY_RULES)
        listing = "iptables-legacy -S INPUT; ip6tables-legacy -S INPUT"
        before, files = self.sh("chrony01", listing), self.sh("chrony01", "grep -h ^-A /etc/iptables/rules.v?")
        relay = {"role": "relay", "time": {"local_stratum": 9, "allow": ["198.18.0.0/16", "fd00:7::/64"]}}
        self.push("chrony01", relay)
        ours = [line for line in self.sh("chrony01", listing).splitlines() if "fleetsync" in line]
        self.assertEqual(len(ours), 2, ours)
        self.assertIn("198.18.0.0/16", ours[0])
        self.assertIn("fd00:7::/64", ours[1])
        strip = lambda text: [line for line in text.splitlines() if "fleetsync" not in line]
        self.assertEqual(strip(self.sh("chrony01", listing)), before.splitlines())
        persisted = self.sh("chrony01", "grep -h ^-A /etc/iptables/rules.v?")
        self.assertEqual(strip(persisted), files.splitlines())
        self.assertEqual(persisted.count("fleetsync"), 2)
        self.sh("chrony01", "iptables-legacy-restore --test </etc/iptables/rules.v4; "
                            "ip6tables-legacy-restore --test </etc/iptables/rules.v6")
        self.assert_second_push_does_nothing("chrony01", relay, "chronyd")
        self.push("chrony01", {"role": "relay", "time": {"local_stratum": 9, "allow": ["198.18.7.0/24"]}})
        self.assertNotIn("fd00:7::", self.sh("chrony01", listing))

    def assert_openrc_keeps_time(self, host):
        self.sh(host, "rc-update del chrony default; openrc default")
        state = ("ls /etc/runlevels/default; rc-service chrony status >/dev/null 2>&1 && echo runs; "
                 "cat /etc/chrony/chrony.conf")
        before = self.sh(host, state)
        self.push(host, {}, "changed", "--wait-synced")
        self.assertEqual(self.sh(host, state).splitlines()[:5], ["chrony", "cron", "ssh", "sudo", "runs"])
        self.assert_second_push_does_nothing(host, {}, "chronyd")
        code, said = self.fleetsync(host, {}, "rollback")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.sh(host, state), before)
        self.push(host, {})
        running = self.daemon(host, "chronyd")
        self.push(host, {"time": {"panic": "500s"}})
        self.assertNotEqual(self.daemon(host, "chronyd"), running, "it was restarted")
        said = self.push(host, {"time": {"extra": ["nonsense here"]}}, "failed")
        self.assertEqual((said["stage"], said["undo"]), ("validate", "done"), said)

    def test_openrc_with_an_init_script_of_debian(self):
        self.assert_openrc_keeps_time("openrc01")

    def test_openrc_with_a_script_of_its_own(self):
        self.sh("openrc02", OPENRC_SCRIPT)
        self.assert_openrc_keeps_time("openrc02")
        self.assertRegex(self.sh("openrc02", "rc-status --all"), r"cron +\[ +started +\]")

    def test_busybox_crond_runs_our_job_and_drops_it(self):
        crontab = "/etc/crontabs/root"
        self.sh("crond01", CROND_OF_ALPINE)
        settings = {"time": {"daemon": "none", "job": "rtc", "every": "1m"}}
        self.push("crond01", settings)
        text = self.sh("crond01", f"cat {crontab}")
        self.assertIn("0 1 * * * true\n# retired by fleetsync: 0 2 * * * ntpdate relay1\n# begin fleetsync\n", text)
        self.assertEqual(self.sh("crond01", f"stat -c '%a %U' {crontab}"), "600 root\n")
        self.assertEqual(self.push("crond01", settings, "unchanged")["round_trips"], 1)
        eventually(lambda: self.sh("crond01", "cat /run/ran 2>/dev/null || true"), "crond has read the new line and runs it")
        self.push("crond01", {"time": {"daemon": "none"}})
        self.assertNotIn("fleetsync", self.sh("crond01", f"grep -v retired {crontab}"))


class SystemdTest(PlatformTestCase):
    NAME, SORTS, KIND = "platformsd", "relay:1,plain:1,walled:2", "systemd"

    def test_timesyncd(self):
        self.push("plain01", {}, "changed", "--wait-synced")
        self.assertIn("SystemNTPServers=198.18.1.1", self.sh("plain01", "timedatectl show-timesync"))
        self.assert_second_push_does_nothing("plain01", {}, "systemd-timesyn")
        code, said = self.fleetsync("plain01", {}, "rollback")
        self.assertEqual(code, 0, said)
        self.assertNotIn("198.18.1.1", self.sh("plain01", "ls /etc/systemd/timesyncd.conf.d 2>/dev/null; "
                                                          "timedatectl show-timesync 2>/dev/null || true"))

    def assert_opened_and_closed(self, host, rules):
        relay = lambda *allow: {"role": "relay", "time": {"local_stratum": 9, "allow": list(allow)}}
        others = lambda: [line for line in self.sh(host, rules).splitlines() if "123" not in line]
        before = others()
        self.push(host, relay("198.18.1.0/24", "fd00:7::/64"))
        opened = [line for line in self.sh(host, rules).splitlines() if "123" in line]
        self.assertEqual(len(opened), 2, opened)
        self.assertTrue(any("198.18.1.0/24" in line for line in opened), opened)
        self.assertEqual(others(), before)
        self.assert_second_push_does_nothing(host, relay("198.18.1.0/24", "fd00:7::/64"), "chronyd")
        self.push(host, relay("198.18.9.0/24"))
        opened = [line for line in self.sh(host, rules).splitlines() if "123" in line]
        self.assertEqual(len(opened), 1, opened)
        self.assertIn("198.18.9.0/24", opened[0])
        self.assertEqual(others(), before)

    def test_ufw(self):
        self.sh("walled01", "ufw allow 22/tcp; ufw allow proto tcp from 198.18.0.1 to any port 8080; ufw --force enable")
        self.assert_opened_and_closed("walled01", "ufw show added")

    def test_firewalld(self):
        self.sh("walled02", "systemctl start firewalld; firewall-cmd --permanent --add-rich-rule="
                            "'rule family=ipv4 source address=198.18.0.1 port port=8080 protocol=tcp accept'; "
                            "firewall-cmd --reload")
        self.assert_opened_and_closed("walled02", "firewall-cmd --list-ports; firewall-cmd --list-services; firewall-cmd --list-rich-rules")


if __name__ == "__main__":
    unittest.main()
