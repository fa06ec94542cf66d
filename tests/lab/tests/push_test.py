"""`fleetsync push` on real hosts: run as root, `python3 -m unittest -v push_test.py`."""

import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from labs import ROOT, Lab, eventually  # noqa: E402

GOLDEN = ROOT / "tests/golden"

# Stands before the real nft; opening a port with it also shuts out whoever comes anew over SSH.
CUTTING_NFT = """#!/bin/sh
/usr/sbin/nft "$@" || exit
case $1 in
  insert|add)
    /usr/sbin/nft 'table inet cut { chain input { type filter hook input priority -10; }; }
      add rule inet cut input tcp dport 22 tcp flags & (syn | ack) == syn drop' ;;
  delete) /usr/sbin/nft delete table inet cut ;;
esac
"""
CONFIG = {"relay": "/etc/chrony/chrony.conf", "chrony": "/etc/chrony/chrony.conf",
          "ntpsec": "/etc/ntpsec/ntp.conf", "ntp": "/etc/ntp.conf"}
# Stands before the real chronyc and holds an apply script that verifies its daemon.
HOLDING_CHRONYC = """#!/bin/sh
if [ -e /tmp/hold ]; then echo $PPID >/tmp/held.new; mv /tmp/held.new /tmp/held; fi
while [ -e /tmp/hold ]; do sleep 0.1; done
exec /usr/bin/chronyc "$@"
"""


def config_of(host):
    return CONFIG[re.match("[a-z]+", host)[0]]


class PushLab(Lab):
    """A lab and a fleetsync that pushes to it."""

    def read(self, host, path):
        return base64.b64decode(self.sh(host, f"base64 {path}"))

    def write(self, host, path, data, mode="644"):
        text = base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
        self.sh(host, f"echo {text} | base64 -d >{path} && chmod {mode} {path}")

    def inventory(self, settings, per_host=None, user="root"):
        """The lab's inventory with these time settings, and further ones for single hosts."""
        lines = []
        for line in self("inventory").stdout.splitlines():
            name = line.strip().split(":")[0]
            if line.startswith("time:"):
                line = f"time: {json.dumps(settings)}"
            elif line.startswith("defaults:"):
                line = line.replace("user: root", f"user: {user}, become: {'none' if user == 'root' else 'sudo'}")
            elif per_host and name in per_host and line.startswith("  ") and line.endswith("}"):
                line = f"{line[:-1]}, time: {json.dumps(per_host[name])}}}"
            lines.append(line)
        self.write_inventory("\n".join(lines) + "\n")

    def command(self, *arguments):
        return self.fleetsync("push", *arguments)

    def push(self, *arguments):
        """The exit code and what `-o json` said, by host."""
        done = subprocess.run(self.command("-o", "json", *arguments), capture_output=True, text=True, timeout=180,
                              check=False)
        try:
            hosts = {host["host"]: host for host in json.loads(done.stdout)["hosts"]}
        except ValueError:
            raise AssertionError(f"{done.returncode}\n{done.stdout}\n{done.stderr}") from None
        return done.returncode, hosts

    def daemon(self, host):
        """Number and start time of each of the time daemon's processes."""
        return self.sh(host, "for f in $(grep -lxE 'chronyd|ntpd' /proc/[0-9]*/comm); do "
                             "cut -d' ' -f1,22 ${f%comm}stat; done")

    def leftovers(self, host):
        return self.sh(host, "ls -d /var/lib/fleetsync/journal /var/lib/fleetsync/committed /etc/.*fleetsync* "
                             "/etc/chrony/.*fleetsync* /etc/ntpsec/.*fleetsync* 2>/dev/null", check=False)


class PushTestCase(unittest.TestCase):
    lab: PushLab
    SETTINGS = {"upstreams": ["198.18.0.1"], "local_stratum": 8, "allow": ["198.18.0.0/16"]}
    turn = 0

    def settings(self, **more):
        """Settings that no push before had, so that every host has something to change."""
        PushTestCase.turn += 1
        extra = [f"# turn {PushTestCase.turn}", *more.pop("extra", [])]
        return {**self.SETTINGS, "extra": extra, **more}

    def assert_outcomes(self, hosts, expected, **others):
        got = {name: host["outcome"] for name, host in hosts.items()}
        self.assertEqual(got, {name: others.get(name, expected) for name in hosts}, json.dumps(hosts, indent=1))

    def assert_second_push_does_nothing(self, names):
        before = {name: (self.lab.daemon(name), self.lab.read(name, config_of(name))) for name in names}
        self.assertTrue(all(daemon for daemon, _ in before.values()), before)
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "unchanged")
        self.assertEqual({host["round_trips"] for host in hosts.values()}, {1})
        after = {name: (self.lab.daemon(name), self.lab.read(name, config_of(name))) for name in names}
        self.assertEqual(after, before, "nothing was written or restarted")


class PushTest(PushTestCase):
    HOSTS = ("relay1", "chrony01", "chrony02", "ntpsec01", "ntp01")

    @classmethod
    def setUpClass(cls):
        cls.lab = PushLab("pushtest")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,chrony:2,ntpsec:1,ntp:1", "--start-daemons")

    def tearDown(self):
        for name in ("chrony02", "ntp01"):
            for fault in ("disk-full", "read-only", "no-sudo"):
                self.lab("fault", name, fault, "--off", check=False)
        self.lab("fault", "chrony02", "kill-sshd", "--off", check=False)
        self.lab.sh("chrony02", "rm -f /tmp/hold /tmp/held /usr/local/bin/chronyc")

    def assert_untouched(self, name, before):
        self.assertEqual((self.lab.daemon(name), self.lab.read(name, config_of(name))), before)
        self.assertEqual(self.lab.leftovers(name), "")

    def state(self, name):
        return self.lab.daemon(name), self.lab.read(name, config_of(name))

    def test_every_sort_changes_once_and_the_second_push_costs_one_round_trip(self):
        self.lab.inventory(self.settings())
        before = {name: self.state(name) for name in self.HOSTS}
        code, hosts = self.lab.push("--check", "--diff")
        self.assertEqual(code, 3, hosts)
        self.assert_outcomes(hosts, "pending")
        self.assertIn(f"+# turn {self.turn}\n", hosts["chrony01"]["changes"][0]["diff"])
        for name in self.HOSTS:
            self.assert_untouched(name, before[name])

        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "changed")
        self.assertEqual({host["round_trips"] for host in hosts.values()}, {2})
        for name in self.HOSTS:
            text = self.lab.read(name, config_of(name)).decode()
            self.assertTrue(text.startswith("# Managed by fleetsync from fleet.yaml"), text)
            self.assertEqual("198.18.0.1" in text, name == "relay1", "upstreams are the relays' alone")
            self.assertEqual(self.lab.leftovers(name), "")
            backup = self.lab.sh(name, "cat $(ls -d /var/lib/fleetsync/backup/*/1.before | tail -n 1)")
            self.assertEqual(backup.encode(), before[name][1])
        self.assertIn(b"local stratum 8 orphan\n", self.lab.read("relay1", config_of("relay1")))
        self.assertNotIn(b"allow", self.lab.read("chrony01", config_of("chrony01")))
        self.assert_second_push_does_nothing(self.HOSTS)

    def test_what_changed_since_a_host_was_as_it_should_be_is_seen(self):
        names = ("chrony01", "ntpsec01", "ntp01")
        self.lab.inventory(self.settings())
        for outcome in ("changed", "unchanged", "unchanged"):
            code, hosts = self.lab.push("--limit", ",".join(names))
            self.assertEqual(code, 0, hosts)
            self.assert_outcomes(hosts, outcome)
        changes = {
            "a daemon that was stopped": ("chrony01", "service chrony stop", "service chrony start"),
            "a job": ("ntp01", "echo '1 2 * * * root ntpdate x' >/etc/cron.d/old", "rm /etc/cron.d/old"),
            "a start at boot": ("ntpsec01", "update-rc.d ntpsec disable", "update-rc.d ntpsec enable"),
            "an edit that keeps size and time": (
                "ntp01", "cp -p /etc/ntp.conf /root/; sed -i 's/turn/Turn/' /etc/ntp.conf; "
                         "touch -r /root/ntp.conf /etc/ntp.conf", "cp -p /root/ntp.conf /etc/ntp.conf"),
        }
        for what, (host, change, back) in changes.items():
            with self.subTest(what):
                self.lab.sh(host, change)
                code, hosts = self.lab.push("--check", "--limit", ",".join(names))
                self.assert_outcomes(hosts, "unchanged", **{host: "pending"})
                self.lab.sh(host, back)
                code, hosts = self.lab.push("--limit", host)
                self.assert_outcomes(hosts, "unchanged")

    def assert_refused(self, settings, text, *arguments):
        before = self.state("chrony01")
        self.lab.inventory(self.settings(**settings))
        done = subprocess.run(self.lab.command("--limit", "chrony01", *arguments), capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        self.assert_untouched("chrony01", before)

    def test_a_time_graph_that_is_not_sound_is_refused(self):
        self.assert_refused({"servers": ["198.18.1.1", "198.18.1.9"]}, "chrony01: two time sources")
        self.assert_refused({"servers": ["198.18.1.1", "198.18.1.9"]}, "chrony01: two time sources", "--check")

    def test_a_new_source_that_is_wrong_is_refused(self):
        self.assert_refused({"servers": ["no-such-host.invalid"]}, "new source: no-such-host.invalid has no address")
        # A server of the same lab that lies by 100 s, then one that is not synchronised.
        self.addCleanup(self.lab.sh, "chrony02", "pkill -F /run/liar.pid; service chrony start")
        serve = ("service chrony stop; printf '%s\\n' allow 'pidfile /run/liar.pid' 'bindcmdaddress /' {} >/tmp/c.conf; "
                 "[ ! -e /run/liar.pid ] || pkill -F /run/liar.pid; chronyd -x -f /tmp/c.conf")
        self.lab("clock", "chrony02", "--set", "100")
        self.addCleanup(self.lab, "clock", "chrony02", "--set", "0")
        self.lab.sh("chrony02", serve.format("'local stratum 5'"))
        self.assert_refused({"servers": ["198.18.1.1", "198.18.1.3"], "two_sources": "allow"},
                            "new source: 198.18.1.3 is +1m")
        self.lab.sh("chrony02", serve.format(""))
        self.assert_refused({"servers": ["198.18.1.3"]}, "new source: 198.18.1.3 is not synchronised itself")
        self.lab.inventory(self.settings(servers=["198.18.1.3"]))
        code, hosts = self.lab.push("--limit", "chrony01", "--unchecked-sources")
        self.assertEqual(code, 0, hosts)

    def test_clients_are_waited_for_until_they_have_a_source(self):
        names = ("chrony01", "ntpsec01", "ntp01")
        self.lab.inventory(self.settings())
        code, hosts = self.lab.push("--limit", ",".join(names), "--wait-synced")
        self.assertEqual(code, 0, hosts)
        for name in names:
            tool = "chronyc -n sources | grep '^^\\*'" if name == "chrony01" else "ntpq -pn | grep '^\\*'"
            self.assertIn("198.18.1.1", self.lab.sh(name, tool), "it has been selected by now")

    def test_keys_are_pushed_and_shown_nowhere(self):
        secret = "tr0ub4dor3xyz"
        for name, text in (("key7", secret), ("key8", "HEX:" + "5a" * 16)):
            (self.lab.folder / name).write_text(text + "\n")
            (self.lab.folder / name).chmod(0o600)
        keys = [{"id": 7, "type": "SHA1", "file": str(self.lab.folder / "key7")},
                {"id": 8, "type": "AES128", "file": str(self.lab.folder / "key8")}]
        relay = {"198.18.1.1": "relay1"}
        self.lab.inventory(self.settings(keys=keys, servers=[{"address": address, "key": 8} for address in relay]),
                           {"ntp01": {"servers": ["198.18.1.1 key 7"]}})
        shown = subprocess.run(self.lab.command("--check", "--diff"), capture_output=True, text=True, timeout=60,
                               check=False)
        self.assertIn("2 keys of time.keys (secrets are not shown)", shown.stdout)
        code, hosts = self.lab.push("--diff")
        self.assertEqual(code, 0, hosts)
        digits = secret.encode().hex()
        for text in (shown.stdout, shown.stderr, json.dumps(hosts)):
            self.assertFalse([word for word in (secret, digits, "5a5a5a5a") if word in text], text)
        kept = subprocess.run(["grep", "-rlaE", f"{secret}|{digits}|5a5a5a5a", self.lab.folder], capture_output=True,
                              text=True, check=False).stdout.split()
        self.assertEqual({pathlib.Path(path).name for path in kept}, {"key7", "key8"}, "the database and the records of runs")
        for host, path in (("chrony01", "/etc/chrony/chrony.keys"), ("ntpsec01", "/etc/ntpsec/ntp.keys"),
                           ("ntp01", "/etc/ntp.keys")):
            self.assertRegex(self.lab.sh(host, f"stat -c %a {path}").strip(), "^6[04]0$")
        self.assert_outcomes(self.lab.push()[1], "unchanged")

        eventually(lambda: re.search(r"^\^\* 198\.18\.1\.1 ", self.lab.sh("chrony01", "chronyc -n sources"), re.M),
                   "chronyd has selected the relay, whose answers are signed")
        self.assertRegex(self.lab.sh("chrony01", "chronyc -n authdata"), r"198\.18\.1\.1 +SK +8 ")
        for name in ("ntpsec01", "ntp01"):
            eventually(lambda name=name: re.search(r"yes +(yes|ok)", self.lab.sh(name, "ntpq -n -c as"), re.M),
                       f"{name} hears signed answers")
        # Another secret under the same name is another state.
        (self.lab.folder / "key7").write_text("an0therword\n")
        self.assert_outcomes(self.lab.push("--limit", "ntp01", "--check")[1], "pending")

    def test_clients_take_their_time_from_the_relay_afterwards(self):
        self.lab.inventory(self.settings())
        self.assertEqual(self.lab.push()[0], 0)
        eventually(lambda: re.search(r"^\^\* 198\.18\.1\.1 ", self.lab.sh("chrony01", "chronyc -n sources"), re.M),
                   "chronyd has selected the relay")
        for name in ("ntpsec01", "ntp01"):
            eventually(lambda name=name: re.search(r"^.198\.18\.1\.1 .* [1-7][0-7]* +[\d.]+ ",
                                                   self.lab.sh(name, "ntpq -pn"), re.M), f"{name} hears the relay")

    def test_a_host_for_which_sudo_is_needed_is_changed_too(self):
        self.lab.inventory(self.settings(), user="ops")
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "changed")
        self.assert_second_push_does_nothing(self.HOSTS)

    def test_a_line_that_the_daemon_refuses_leaves_file_and_service_as_they_are(self):
        self.lab.inventory(self.settings())
        self.lab.push()
        lines = {"chrony01": "local stratum lots", "ntpsec01": "restrict 10.0.0.0 mask 255.0.0.0 nonsense",
                 "ntp01": "restrict 10.0.0.0 mask 255.0.0.0 nonsense"}
        before = {name: self.state(name) for name in lines}
        self.lab.inventory(self.settings(), {name: {"extra": [line]} for name, line in lines.items()})
        code, hosts = self.lab.push()
        self.assertEqual(code, 1)
        self.assert_outcomes(hosts, "changed", **dict.fromkeys(lines, "failed"))
        for name, line in lines.items():
            self.assertEqual(hosts[name]["stage"], "validate", hosts[name])
            self.assertIn(f"'{line}'; the old configuration is back in force", hosts[name]["why"])
            self.assertEqual(hosts[name]["undo"], "done")
            self.assert_untouched(name, before[name])

    def test_a_hand_edit_is_left_alone_until_it_may_be_replaced(self):
        self.lab.inventory(self.settings())
        self.lab.push()
        self.lab.sh("chrony01", "echo 'server 198.18.1.99' >>/etc/chrony/chrony.conf")
        before = self.state("chrony01")
        code, hosts = self.lab.push("-l", "chrony01", "--check", "--diff")
        self.assertEqual(code, 3)
        self.assertEqual(hosts["chrony01"]["changes"][0]["because"],
                         "edited by hand since the last push: 1 line removed, 0 added")
        self.assertIn("\n-server 198.18.1.99\n", hosts["chrony01"]["changes"][0]["diff"])
        code, hosts = self.lab.push("-l", "chrony01,chrony02")
        self.assertEqual(code, 1, hosts)
        self.assertEqual(hosts["chrony01"]["stage"], "drift", hosts)
        self.assertIn("--overwrite-drift", hosts["chrony01"]["next_step"])
        self.assert_outcomes(hosts, "unchanged", chrony01="failed")
        self.assert_untouched("chrony01", before)
        code, hosts = self.lab.push("-l", "chrony01", "--overwrite-drift")
        self.assertEqual(code, 0, hosts)
        self.assertNotIn(b"198.18.1.99", self.lab.read("chrony01", config_of("chrony01")))
        self.assertIn("198.18.1.99", self.lab.sh("chrony01", "cat /var/lib/fleetsync/backup/*/1.before"))

    def test_hostile_lines_are_data(self):
        hostile = ["# $(touch /canary) `touch /canary` '; touch /canary; \" \\", "# FLEETSYNC_END", "# 100%s %d \\n"]
        self.lab.inventory(self.settings(extra=hostile))
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        for name in self.HOSTS:
            text = self.lab.read(name, config_of(name)).decode()
            self.assertTrue(text.endswith("\n".join(hostile) + "\n"), text)
            self.assertEqual(self.lab.sh(name, "ls /canary /root/canary 2>/dev/null", check=False), "")

    def test_a_full_disk_keeps_the_old_state_and_harms_no_other_host(self):
        self.lab.inventory(self.settings())
        before = self.state("chrony02")
        self.lab("fault", "chrony02", "disk-full")
        code, hosts = self.lab.push()
        self.assertEqual(code, 1)
        self.assert_outcomes(hosts, "changed", chrony02="failed")
        self.assertIn("No space left on device", hosts["chrony02"]["why"])
        self.assertEqual(hosts["chrony02"]["next_step"], "free some room there, then push again")
        self.assert_untouched("chrony02", before)
        self.lab("fault", "chrony02", "disk-full", "--off")
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "unchanged", chrony02="changed")

    def test_a_read_only_file_system_keeps_the_old_state_and_harms_no_other_host(self):
        self.lab.inventory(self.settings())
        before = self.state("ntp01")
        self.lab("fault", "ntp01", "read-only")
        code, hosts = self.lab.push()
        self.assertEqual(code, 1)
        self.assert_outcomes(hosts, "changed", ntp01="failed")
        self.assertIn("Read-only file system", hosts["ntp01"]["why"])
        self.assertEqual(hosts["ntp01"]["next_step"], "mount it writable, then push again")
        self.assert_untouched("ntp01", before)

    def test_a_host_without_sudo_rights_fails_alone(self):
        self.lab.inventory(self.settings(), user="ops")
        before = self.state("chrony02")
        self.lab("fault", "chrony02", "no-sudo")
        code, hosts = self.lab.push()
        self.assertEqual(code, 1)
        self.assert_outcomes(hosts, "changed", chrony02="failed")
        self.assertEqual(hosts["chrony02"]["stage"], "become", hosts["chrony02"])
        self.assert_untouched("chrony02", before)

    def test_a_daemon_that_does_not_answer_afterwards_gets_its_old_file_back(self):
        self.lab.inventory(self.settings())
        _, old = self.state("chrony02")
        self.lab.write("chrony02", "/usr/local/bin/chronyc",
                       "#!/bin/sh\ngrep -q 'turn' /etc/chrony/chrony.conf && exit 1\nexec /usr/bin/chronyc \"$@\"\n", "755")
        _, hosts = self.lab.push("-l", "chrony02")
        if b"turn" in old:  # then it does not answer with the old file either, and that is said
            self.assertEqual(hosts["chrony02"]["undo"], "failed", hosts)
        else:
            self.assertEqual(hosts["chrony02"]["undo"], "done", hosts)
        self.assertEqual(hosts["chrony02"]["stage"], "verify")
        self.assertEqual(self.lab.read("chrony02", config_of("chrony02")), old)
        self.assertTrue(self.lab.daemon("chrony02"))
        self.assertEqual(self.lab.leftovers("chrony02"), "")

    def held_push(self):
        """A push to chrony02 that has swapped the file, restarted the daemon and now verifies it."""
        self.lab.inventory(self.settings())
        _, old = self.state("chrony02")
        self.lab.write("chrony02", "/usr/local/bin/chronyc", HOLDING_CHRONYC, "755")
        self.lab.sh("chrony02", "rm -f /tmp/held; touch /tmp/hold")
        push = subprocess.Popen(self.lab.command("-o", "json", "-l", "chrony02"), stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.addCleanup(push.stdout.close)
        self.addCleanup(push.wait)
        shell = eventually(lambda: self.lab.sh("chrony02", "cat /tmp/held 2>/dev/null", check=False).strip(),
                           "the apply script verifies")
        self.assertNotEqual(self.lab.read("chrony02", config_of("chrony02")), old, "the new file is in place")
        return push, old, shell

    def assert_goes_back_by_itself(self, old):
        self.lab.sh("chrony02", "rm /tmp/hold")
        eventually(lambda: self.lab.read("chrony02", config_of("chrony02")) == old
                   and self.lab.leftovers("chrony02") == "", "the host has undone it by itself")
        eventually(lambda: self.lab.daemon("chrony02"), "chronyd runs")
        code, hosts = self.lab.push("-l", "chrony02")
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "changed")
        self.assertNotIn("recovered", hosts["chrony02"])

    def test_a_connection_that_breaks_in_the_middle_is_undone_by_the_host(self):
        push, old, _ = self.held_push()
        self.lab("fault", "chrony02", "kill-sshd")
        said = json.loads(push.communicate(timeout=60)[0])["hosts"][0]
        self.assertEqual((said["outcome"], said["stage"], said["undo"]), ("failed", "verify", "unknown"), said)
        self.assert_goes_back_by_itself(old)

    def test_a_controller_that_is_killed_in_the_middle_is_undone_by_the_host(self):
        push, old, _ = self.held_push()
        os.killpg(push.pid, signal.SIGKILL)
        push.wait()
        self.assert_goes_back_by_itself(old)

    def test_a_shell_that_is_killed_on_the_host_is_undone_by_the_next_push(self):
        push, old, shell = self.held_push()
        self.lab.sh("chrony02", f"kill -9 {shell}; rm /tmp/hold")
        said = json.loads(push.communicate(timeout=60)[0])["hosts"][0]
        self.assertEqual(said["outcome"], "failed", said)
        self.assertNotEqual(self.lab.leftovers("chrony02"), "")

        code, hosts = self.lab.push("--check", "-l", "chrony02")
        self.assertEqual(code, 3, hosts)
        code, hosts = self.lab.push("-l", "chrony02")
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "changed")
        self.assertIn("recovered", hosts["chrony02"])
        self.assertEqual(self.lab.leftovers("chrony02"), "")
        self.assertIn(old, [self.lab.read("chrony02", path) for path in
                            self.lab.sh("chrony02", "ls /var/lib/fleetsync/backup/*/1.before").split()])
        code, hosts = self.lab.push("-l", "chrony02")
        self.assert_outcomes(hosts, "unchanged")

    def test_a_client_without_relay_is_an_inventory_error_and_nothing_is_contacted(self):
        self.lab.inventory(self.settings())
        path = self.lab.folder / "fleet.yaml"
        path.write_text(path.read_text().replace("role: relay, ", ""))
        done = subprocess.run(self.lab.command("-l", "chrony01"), capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("chrony01", done.stderr)
        self.assertEqual(done.stdout, "")


class SurroundingsTest(PushTestCase):
    """What a push does beside the daemon's own file, and the way back."""

    @classmethod
    def setUpClass(cls):
        cls.lab = PushLab("pushround")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,chrony:2,ntp:1,plain:1,busybox:1", "--start-daemons")

    def run_fleetsync(self, *arguments):
        command = self.lab.command()
        at = command.index("push")
        done = subprocess.run([*command[:at], *arguments], capture_output=True, text=True, timeout=180, check=False)
        return done.returncode, done.stdout + done.stderr

    def whole(self, host):
        """Everything of a host that a push may change."""
        return self.lab.sh(host, "cat /etc/cron.d/* /etc/crontab /etc/chrony/chrony.conf /etc/ntp.conf /etc/timezone "
                                 "/var/spool/cron/crontabs/root 2>/dev/null; readlink /etc/localtime", check=False)

    def test_where_cron_has_no_folder_for_packages_the_job_is_a_line_of_roots_crontab(self):
        crontab = "/var/spool/cron/crontabs/root"
        self.lab.sh("chrony02", "mv /etc/cron.d /etc/no-cron.d")
        self.addCleanup(self.lab.sh, "chrony02", f"rm -f {crontab}; mv /etc/no-cron.d /etc/cron.d")
        self.lab.sh("chrony02", "echo '0 1 * * * true' | crontab -")
        self.lab.inventory(self.settings(job="rtc"))
        code, hosts = self.lab.push("-l", "chrony02")
        self.assertEqual(code, 0, hosts)
        self.assertRegex(self.lab.sh("chrony02", "crontab -l"),
                         r"0 1 \* \* \* true\n# begin fleetsync\n\d+ \d+ \* \* \* \(PATH=\S+; hwclock --systohc\) 2>&1 \| logger")
        self.assertEqual(self.lab.sh("chrony02", f"stat -c '%a %G' {crontab}"), "600 crontab\n")
        self.assert_outcomes(self.lab.push("-l", "chrony02")[1], "unchanged")
        self.lab.inventory(self.settings())
        self.assertEqual(self.lab.push("-l", "chrony02")[0], 0)
        self.assertNotIn("fleetsync", self.lab.sh("chrony02", "crontab -l"))

    def test_jobs_of_others_are_retired_ours_comes_and_a_rollback_brings_all_back(self):
        self.lab.write("ntp01", "/var/spool/cron/crontabs/root", "* */1 * * * /usr/sbin/ntpdate relay1\n5 5 * * * true\n",
                       "600")
        self.lab.write("chrony01", "/etc/cron.d/ntpdate", "0 12 * * * root ntpdate relay1; hwclock -w\n")
        names = ("chrony01", "ntp01")
        before = {name: self.whole(name) for name in names}
        self.lab.inventory(self.settings(job="rtc", every="6h", timezone="Europe/Berlin"))
        code, hosts = self.lab.push("-l", "relay1,chrony*,ntp01")
        self.assertEqual(code, 0, hosts)
        crontab = self.lab.read("ntp01", "/var/spool/cron/crontabs/root").decode()
        self.assertEqual(crontab, "# retired by fleetsync: * */1 * * * /usr/sbin/ntpdate relay1\n5 5 * * * true\n")
        self.assertEqual(self.lab.sh("ntp01", "stat -c %a /var/spool/cron/crontabs/root").strip(), "600")
        self.assertIn("# retired by fleetsync: 0 12", self.lab.sh("chrony01", "cat /etc/cron.d/ntpdate"))
        self.assertIn("(hwclock --systohc) 2>&1 | logger", self.lab.sh("chrony01", "cat /etc/cron.d/fleetsync"))
        self.assertEqual(self.lab.sh("chrony01", "date +%Z").strip(), "CET")
        code, hosts = self.lab.push("-l", "relay1,chrony*,ntp01")
        self.assert_outcomes(hosts, "unchanged")
        self.assertEqual({host["round_trips"] for host in hosts.values()}, {1})

        code, text = self.run_fleetsync("rollback", "-l", "chrony01,ntp01")
        self.assertEqual(code, 0, text)
        self.assertEqual({name: self.whole(name) for name in names}, before)
        code, text = self.run_fleetsync("rollback", "-l", "chrony01,ntp01")
        self.assertEqual(code, 0, text)
        self.assertIn("# retired by fleetsync", self.lab.sh("chrony01", "cat /etc/cron.d/ntpdate"), "and back again")

    def test_a_rollback_to_a_run_undoes_all_that_came_after_it(self):
        for turn in range(3):
            self.lab.inventory(self.settings(extra=[f"# generation {turn}"]))
            code, hosts = self.lab.push("-l", "relay1,chrony02")
            self.assertEqual(code, 0, hosts)
        code, text = self.run_fleetsync("-o", "json", "runs", "--last", "3")
        runs = [run["run"] for run in json.loads(text)["runs"]]
        code, text = self.run_fleetsync("rollback", "-l", "chrony02", "--to", runs[2])
        self.assertEqual(code, 0, text)
        self.assertIn(b"# generation 0\n", self.lab.read("chrony02", config_of("chrony02")))
        eventually(lambda: self.lab.daemon("chrony02"), "chronyd runs")
        code, text = self.run_fleetsync("rollback", "-l", "chrony02", "--to", "20200101T000000Z-00000000")
        self.assertEqual(code, 1)
        self.assertIn("has changed nothing on this host, or its backup is gone", text)

    def test_hosts_without_a_daemon_are_set_by_a_job(self):
        self.lab.inventory(self.settings())
        self.assertEqual(self.lab.push("-l", "relay1,ntp01")[0], 0)
        self.lab.inventory(self.settings(), {"ntp01": {"daemon": "none", "job": "sync", "every": "1h"}})
        code, hosts = self.lab.push("-l", "ntp01")
        self.assertEqual(code, 0, hosts)
        self.assertEqual(self.lab.daemon("ntp01"), "")
        self.assertIn("(ntpdate -b 198.18.1.1) 2>&1 | logger -t fleetsync",
                      self.lab.sh("ntp01", "cat /etc/cron.d/fleetsync"))
        code, hosts = self.lab.push("-l", "ntp01")
        self.assert_outcomes(hosts, "unchanged")
        code, text = self.run_fleetsync("rollback", "-l", "ntp01")
        self.assertEqual(code, 0, text)
        self.assertTrue(self.lab.daemon("ntp01"))
        self.assertEqual(self.lab.sh("ntp01", "ls /etc/cron.d/fleetsync 2>/dev/null", check=False), "")

    def test_runs_tell_who_did_what(self):
        self.lab.inventory(self.settings())
        self.lab.push("-l", "relay1")
        code, text = self.run_fleetsync("-o", "json", "runs", "--last", "1")
        self.assertEqual(code, 0, text)
        run = json.loads(text)["runs"][0]
        self.assertEqual(run["command"], "push")
        self.assertEqual([host["host"] for host in run["hosts"]], ["relay1"])
        self.assertIn("changed", run["hosts"][0]["outcome"])
        self.assertIsNotNone(run["finished"])

    def test_a_run_that_is_killed_has_left_its_trace(self):
        self.lab.inventory(self.settings())
        self.lab("fault", "chrony02", "hang")
        self.addCleanup(self.lab, "fault", "chrony02", "hang", "--off")
        push = subprocess.Popen(self.lab.command("-l", "chrony02"), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, start_new_session=True)
        folder = self.lab.folder / "runs"
        eventually(lambda: list(folder.glob("*.json")), "the run is recorded from its beginning")
        os.killpg(push.pid, signal.SIGKILL)
        push.wait()
        self.lab("fault", "chrony02", "hang", "--off")
        code, text = self.run_fleetsync("-o", "json", "runs", "--last", "1")
        run = json.loads(text)["runs"][0]
        self.assertIsNone(run["finished"])
        self.assertEqual(run["hosts"][0]["outcome"], "unknown")


NFT_RULES = """#!/usr/sbin/nft -f
flush ruleset
table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiif "lo" accept
\t\tct state established,related accept
\t\ttcp dport 22 accept # ssh
\t\tmeta l4proto { icmp, ipv6-icmp } accept
\t}
}
"""
IPTABLES_RULES = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""


class FirewallTest(PushTestCase):
    """UDP 123 is opened on a relay for its networks, and nothing else of its packet filter changes."""

    @classmethod
    def setUpClass(cls):
        cls.lab = PushLab("pushfire")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,ntp:1", "--start-daemons")

    def setUp(self):
        self.clear()
        self.addCleanup(self.clear)

    def clear(self):
        self.lab.sh("relay1", "nft flush ruleset; rm -rf /etc/iptables; rm -f /etc/nftables.conf")

    def heard(self):
        return "no server suitable" not in self.lab.sh("ntp01", "ntpdate -q -u -p 1 198.18.1.1 2>&1", check=False)

    def rules(self, command):
        return [line for line in self.lab.sh("relay1", command).splitlines() if "fleetsync" not in line]

    def assert_opened_and_closed(self, rules, persisted):
        before, text = self.rules(rules), self.lab.read("relay1", persisted).decode()
        self.assertFalse(self.heard(), "the filter is closed at first")
        self.lab.inventory(self.settings(), {"relay1": {"allow": ["198.18.1.0/24"]}})
        code, hosts = self.lab.push("-l", "relay1", "--check", "--diff")
        self.assertEqual(code, 3, hosts)
        self.assertFalse(self.heard())
        code, hosts = self.lab.push("-l", "relay1")
        self.assertEqual(code, 0, hosts)
        self.assertIn("firewall", [change["kind"] for change in hosts["relay1"]["changes"]])
        eventually(self.heard, "the relay is heard, once it serves again")
        self.assertEqual(self.rules(rules), before, "rules of others stay")
        now = self.lab.read("relay1", persisted).decode()
        self.assertEqual("".join(line for line in now.splitlines(True) if "fleetsync" not in line), text)
        code, hosts = self.lab.push("-l", "relay1")
        self.assert_outcomes(hosts, "unchanged")
        self.assertEqual(hosts["relay1"]["round_trips"], 1)

        self.lab.inventory(self.settings(), {"relay1": {"allow": ["198.18.7.0/24"]}})
        code, hosts = self.lab.push("-l", "relay1")
        self.assertEqual(code, 0, hosts)
        self.assertFalse(self.heard(), "ntp01's network is no longer allowed")

    def test_nftables(self):
        self.lab.write("relay1", "/etc/nftables.conf", NFT_RULES, "755")
        self.lab.sh("relay1", "nft -f /etc/nftables.conf")
        self.assert_opened_and_closed("nft list ruleset", "/etc/nftables.conf")
        self.lab.sh("relay1", "nft -c -f /etc/nftables.conf && nft -f /etc/nftables.conf")
        self.assertEqual(self.lab.sh("relay1", "nft list ruleset | grep -c fleetsync").strip(), "1")

    def test_iptables_with_its_persisted_rules(self):
        self.lab.sh("relay1", "mkdir -p /etc/iptables")
        self.lab.write("relay1", "/etc/iptables/rules.v4", IPTABLES_RULES)
        self.lab.sh("relay1", "iptables-restore /etc/iptables/rules.v4")
        self.assert_opened_and_closed("iptables -S INPUT", "/etc/iptables/rules.v4")
        self.lab.sh("relay1", "iptables-restore --test /etc/iptables/rules.v4")

    def test_a_change_that_fails_later_takes_its_rules_back(self):
        self.lab.write("relay1", "/etc/nftables.conf", NFT_RULES, "755")
        self.lab.sh("relay1", "nft -f /etc/nftables.conf")
        before = self.lab.sh("relay1", "nft list ruleset"), self.lab.read("relay1", "/etc/nftables.conf")
        self.lab.write("relay1", "/usr/local/bin/chronyc",
                       "#!/bin/sh\ngrep -q poisoned /etc/chrony/chrony.conf && exit 1\nexec /usr/bin/chronyc \"$@\"\n", "755")
        self.addCleanup(self.lab.sh, "relay1", "rm -f /usr/local/bin/chronyc")
        self.lab.inventory(self.settings(extra=["# poisoned"]))
        code, hosts = self.lab.push("-l", "relay1")
        self.assertEqual(code, 1, hosts)
        self.assertEqual(hosts["relay1"]["undo"], "done", hosts)
        after = self.lab.sh("relay1", "nft list ruleset"), self.lab.read("relay1", "/etc/nftables.conf")
        self.assertEqual(after, before)


    def test_a_change_that_cuts_the_host_off_is_taken_back_by_the_host(self):
        self.lab.write("relay1", "/etc/nftables.conf", NFT_RULES, "755")
        self.lab.sh("relay1", "nft -f /etc/nftables.conf")
        self.lab.write("relay1", "/usr/local/bin/nft", CUTTING_NFT, "755")
        self.addCleanup(self.lab.sh, "relay1", "rm -f /usr/local/bin/nft")
        self.lab.inventory(self.settings())
        before = (self.lab.sh("relay1", "/usr/sbin/nft list ruleset"), self.lab.read("relay1", "/etc/nftables.conf"),
                  self.lab.read("relay1", config_of("relay1")))
        code, hosts = self.lab.push("-l", "relay1", "--confirm-timeout", "4", "--connect-timeout", "1s")
        self.assertEqual(code, 1, hosts)
        self.assertEqual(hosts["relay1"]["stage"], "confirm", hosts)
        self.assertIn("the host goes back by itself, 4 s after the change", hosts["relay1"]["why"])
        eventually(lambda: self.lab.leftovers("relay1") == "", "the host has gone back")
        after = (self.lab.sh("relay1", "/usr/sbin/nft list ruleset"), self.lab.read("relay1", "/etc/nftables.conf"),
                 self.lab.read("relay1", config_of("relay1")))
        self.assertEqual(after, before)
        self.assertTrue(self.lab.daemon("relay1"), "chronyd runs as before")
        self.lab.sh("relay1", "rm -f /usr/local/bin/nft")
        code, hosts = self.lab.push("-l", "relay1")
        self.assertEqual(code, 0, hosts)
        self.assertEqual(hosts["relay1"]["round_trips"], 3, "probe, change, and a new connection that confirms it")


class GoldenTest(unittest.TestCase):
    """Every rendered file that the unit tests compare with is accepted by the daemon that it is for."""

    @classmethod
    def setUpClass(cls):
        cls.lab = PushLab("pushgolden")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "chrony:1,ntpsec:1,ntp:1")

    def goldens(self, folder):
        paths = sorted((GOLDEN / folder).glob("*.conf"))
        self.assertTrue(paths, folder)
        return paths

    def test_chronyd_reads_every_chrony_conf(self):
        for path in self.goldens("chrony"):
            with self.subTest(path.name):
                self.lab.write("chrony01", "/tmp/golden.conf", path.read_bytes())
                done = self.lab("exec", "chrony01", "--", "chronyd", "-p", "-f", "/tmp/golden.conf", check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_ntpd_starts_with(self, host, path):
        """In the host, with the golden as its file; its log has no complaint and ntpq gets an answer."""
        self.lab.write(host, "/tmp/golden.conf", path.read_bytes())
        self.lab.sh(host, "rm -f /tmp/golden.log; ntpd -c /tmp/golden.conf -l /tmp/golden.log -p /tmp/golden.pid")
        try:
            eventually(lambda: "stratum=" in self.lab.sh(host, "ntpq -n -c rv 127.0.0.1", check=False), "ntpd answers")
            log = self.lab.sh(host, "cat /tmp/golden.log")
            for complaint in ("syntax error", "ignored", "KOD does nothing", "line "):
                self.assertNotIn(complaint, log)
        finally:
            self.lab.sh(host, "p=$(cat /tmp/golden.pid) && kill $p && while [ -d /proc/$p ]; do sleep 0.1; done")

    def test_ntpd_starts_with_every_ntp_conf(self):
        for path in self.goldens("ntp"):
            with self.subTest(path.name):
                self.assert_ntpd_starts_with("ntp01", path)

    def test_ntpsec_starts_with_every_ntp_conf(self):
        for path in self.goldens("ntpsec"):
            with self.subTest(path.name):
                self.assert_ntpd_starts_with("ntpsec01", path)


class SystemdPushTest(PushTestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = PushLab("pushsystemd")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--kind", "systemd", "--sort", "relay:1,chrony:1,ntpsec:1,ntp:1", "--start-daemons")

    def test_every_sort_changes_once_and_the_second_push_costs_one_round_trip(self):
        self.lab.inventory(self.settings())
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "changed")
        self.assert_second_push_does_nothing(hosts)

    def test_where_there_is_no_cron_a_timer_runs_the_job(self):
        self.lab.sh("ntpsec01", "mv /etc/cron.d /etc/no-cron.d; printf '#!/bin/sh\\necho \"$*\" >>/run/ran\\n' "
                                ">/usr/sbin/hwclock; chmod 755 /usr/sbin/hwclock")
        self.addCleanup(self.lab.sh, "ntpsec01", "mv /etc/no-cron.d /etc/cron.d")
        state = "systemctl is-enabled fleetsync-job.timer 2>&1; systemctl is-active fleetsync-job.timer"
        self.lab.inventory(self.settings(job="rtc", every="15m"))
        code, hosts = self.lab.push("--limit", "ntpsec01")
        self.assertEqual(code, 0, hosts)
        self.assertEqual(self.lab.sh("ntpsec01", state, check=False), "enabled\nactive\n")
        self.assertRegex(self.lab.sh("ntpsec01", "systemctl show -P TimersCalendar fleetsync-job.timer"),
                         r"OnCalendar=\*-\*-\* \*:[0-9]{2}/15:00")
        self.lab.sh("ntpsec01", "systemctl start fleetsync-job.service")
        self.assertEqual(self.lab.sh("ntpsec01", "cat /run/ran"), "--systohc\n")
        self.assert_outcomes(self.lab.push("--limit", "ntpsec01")[1], "unchanged")
        self.lab.inventory(self.settings())
        code, hosts = self.lab.push("--limit", "ntpsec01")
        self.assertEqual(code, 0, hosts)
        self.assertEqual(self.lab.sh("ntpsec01", state, check=False), "disabled\ninactive\n")
        done = subprocess.run(self.lab.fleetsync("rollback", "--limit", "ntpsec01"), capture_output=True, text=True, timeout=180,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.lab.sh("ntpsec01", state, check=False), "enabled\nactive\n")

    def test_a_service_that_is_stopped_and_disabled_is_started_and_enabled(self):
        self.lab.inventory(self.settings())
        self.lab.push()
        self.lab.sh("chrony01", "systemctl stop chrony; rm /etc/systemd/system/multi-user.target.wants/chrony.service; "
                                "systemctl daemon-reload")
        code, hosts = self.lab.push()
        self.assertEqual(code, 0, hosts)
        self.assert_outcomes(hosts, "unchanged", chrony01="changed")
        self.assertEqual([change["kind"] for change in hosts["chrony01"]["changes"]], ["service"])
        self.assertEqual(self.lab.sh("chrony01", "systemctl is-enabled chrony 2>&1; systemctl is-active chrony"),
                         "enabled\nactive\n")


if __name__ == "__main__":
    unittest.main()
