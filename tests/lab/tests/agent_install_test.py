"""`fleetsync agent` on real hosts of every sort: run as root, `python3 -m unittest -v agent_install_test.py`."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_labs import AGENT, BINARY, DYNAMIC, STATE, AgentLab  # noqa: E402
from labs import BIN, eventually  # noqa: E402

EVERYTHING = ["user", "binary", "config", "unit", "enabled", "started"]


class AgentCase(unittest.TestCase):
    lab: AgentLab

    def fault(self, kind, *arguments):
        """Breaks plain01 for the rest of the test."""
        self.addCleanup(self.lab, "fault", "plain01", kind, "--off")
        self.lab("fault", "plain01", kind, *arguments)

    def set_clock(self, host, offset):
        self.addCleanup(self.lab, "clock", host, "--set", "0")
        self.lab("clock", host, "--set", offset)


class AgentInstallTest(AgentCase):
    HOSTS = ("relay1", "chrony01", "ntpsec01", "ntp01", "plain01", "busybox01")

    @classmethod
    def setUpClass(cls):
        cls.lab = AgentLab("aginstall")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,chrony:1,ntpsec:1,ntp:1,plain:1,busybox:1", "--start-daemons")

    def setUp(self):
        self.addCleanup(self.lab.remove_all)

    def test_every_sort_of_host_gets_an_agent_once_and_loses_it_again(self):
        before = {name: self.lab.snapshot(name) for name in self.HOSTS}
        code, hosts, errors = self.lab.install()
        self.assertEqual(code, 0, f"{hosts}{errors}")
        for name in self.HOSTS:
            self.assertEqual(hosts[name]["outcome"], "installed", hosts[name])
            wanted = [c for c in EVERYTHING if name != "busybox01" or c != "enabled"]
            self.assertEqual(hosts[name]["changes"], wanted, name)
        self.assertIn("no known way to start a service at boot", hosts["busybox01"]["warnings"][0])
        pids = {name: self.lab.agent_pid(name) for name in self.HOSTS}
        self.assertTrue(all(pids.values()), pids)

        code, hosts, errors = self.lab.install()
        self.assertEqual(code, 0, errors)
        self.assertEqual({h["outcome"] for h in hosts.values()}, {"unchanged"})
        self.assertEqual({name: self.lab.agent_pid(name) for name in self.HOSTS}, pids, "nothing was restarted")
        self.assert_files_have_their_modes_and_nothing_is_left_over()
        self.assert_the_reporter_runs_as_its_own_user()

        code, hosts, errors = self.lab.said("agent", "remove", "--purge")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertEqual({h["outcome"] for h in hosts.values()}, {"removed"})
        for name in self.HOSTS:
            self.assertEqual(self.lab.snapshot(name), before[name], name)
            self.assertEqual(self.lab.agent_pid(name), "")
        code, hosts, _ = self.lab.said("agent", "remove")
        self.assertEqual({h["outcome"] for h in hosts.values()}, {"unchanged"})

    def assert_files_have_their_modes_and_nothing_is_left_over(self):
        for name in ("plain01", "busybox01"):
            listing = self.lab.sh(name, "ls -l /usr/local/sbin /etc/fleetsync /etc/init.d/fleetsync-agent")
            self.assertRegex(listing, r"-rwxr-xr-x +1 root +root .* fleetsync-agent(\n|$)")
            self.assertRegex(listing, r"-rw-r----- +1 root +fleetsyn\w* .* agent.conf")
            self.assertNotIn(".new", listing)
            self.assertNotIn(".old", listing)
            self.assertEqual(self.lab.sh(name, "ls -A /var/lib/fleetsync-install"), "service.out")

    def assert_the_reporter_runs_as_its_own_user(self):
        for name in ("plain01", "busybox01", "ntp01"):
            uid = self.lab.sh(name, "id -u fleetsync")
            users = self.lab.sh(name, "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q "
                                      "'^fleetsync-agent reporter' && grep Uid: $p/status; done", check=False)
            self.assertRegex(users, rf"^Uid:\s+{uid}\s+{uid}\s+{uid}", name)

    def test_what_differs_alone_is_changed_and_status_tells_what_is_there(self):
        self.lab.install("-l", "chrony01")
        pid = self.lab.agent_pid("chrony01")
        code, hosts, errors = self.lab.install("-l", "chrony01", controller="198.18.0.1:9000")
        self.assertEqual(code, 0, errors)
        self.assertEqual(hosts["chrony01"]["outcome"], "updated")
        self.assertEqual(hosts["chrony01"]["changes"], ["config", "started"])
        self.assertNotEqual(self.lab.agent_pid("chrony01"), pid)
        self.assertIn("controller 198.18.0.1:9000", self.lab.sh("chrony01", "cat /etc/fleetsync/agent.conf"))

        self.lab.sh("chrony01", "/etc/init.d/fleetsync-agent stop; echo '# mine' >>/etc/init.d/fleetsync-agent")
        code, hosts, errors = self.lab.install("-l", "chrony01", controller="198.18.0.1:9000")
        self.assertEqual(code, 0, errors)
        self.assertEqual(hosts["chrony01"]["changes"], ["unit", "started"])
        self.assertTrue(self.lab.agent_pid("chrony01"))

        code, hosts, _ = self.lab.said("agent", "status", "-l", "chrony01,plain01")
        self.assertEqual(code, 1, "one of them has no agent")
        self.assertEqual(hosts["chrony01"]["agent"], "running")
        self.assertRegex(hosts["chrony01"]["version"], r"^\d+\.\d+\.\d+$")
        self.assertTrue(hosts["chrony01"]["enabled"])
        self.assertEqual(hosts["plain01"]["agent"], "not installed")

    def test_check_touches_nothing_and_says_what_would_change(self):
        before = self.lab.snapshot("plain01")
        code, hosts, _ = self.lab.install("--check", "-l", "plain01")
        self.assertEqual(code, 3)
        self.assertEqual(hosts["plain01"]["outcome"], "would change")
        self.assertEqual(hosts["plain01"]["changes"], EVERYTHING)
        self.assertEqual(self.lab.snapshot("plain01"), before)

    def test_sudo_with_and_without_a_password_gets_the_same_agent(self):
        text = self.lab("inventory").stdout
        (self.lab.folder / "password").write_text("lab-password\n")
        (self.lab.folder / "password").chmod(0o600)
        text = text.replace("user: root", "user: ops, become: sudo")
        text = re.sub(r"(  ntp01: \{)", rf"\1user: pw, password_file: {self.lab.folder}/password, "
                                        rf"become_password_file: {self.lab.folder}/password, ", text)
        self.lab.write_inventory(text, "sudo.yaml")
        code, hosts, errors = self.lab.install("-l", "plain01,ntp01", inventory="sudo.yaml")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        for name in ("plain01", "ntp01"):
            self.assertEqual(hosts[name]["outcome"], "installed", hosts[name])
        digest = subprocess.run(["sha256sum", AGENT], capture_output=True, text=True, check=True).stdout.split()[0]
        self.assertIn(digest, self.lab.sh("ntp01", "sha256sum /usr/local/sbin/fleetsync-agent"))

    def test_without_root_the_host_fails_and_says_what_to_do(self):
        self.lab.write_inventory(self.lab("inventory").stdout.replace("user: root", "user: ops"), "ops.yaml")
        code, hosts, _ = self.lab.install("-l", "plain01", inventory="ops.yaml")
        self.assertEqual(code, 1)
        self.assertEqual(hosts["plain01"]["failure"],
                         "installing needs root; log in as root or give the host become: sudo")

    def test_a_full_disk_fails_that_host_alone_and_leaves_it_as_it_was(self):
        before = self.lab.snapshot("plain01")
        self.fault("disk-full")
        code, hosts, _ = self.lab.install("-l", "plain01,chrony01")
        self.lab("fault", "plain01", "disk-full", "--off")
        self.assertEqual(code, 1)
        self.assertIn("No space left on device", hosts["plain01"]["failure"])
        self.assertEqual(self.lab.snapshot("plain01"), before)
        self.assertEqual(hosts["chrony01"]["outcome"], "installed")

    def test_a_read_only_root_fails_with_its_reason(self):
        self.fault("read-only")
        code, hosts, _ = self.lab.install("-l", "plain01")
        self.assertEqual(code, 1)
        self.assertIn("Read-only file system", hosts["plain01"]["failure"])

    def test_a_program_that_cannot_run_here_is_found_out_before_anything_is_replaced(self):
        code, hosts, _ = self.lab.install("-l", "busybox01", binary="/bin/false")
        self.assertEqual(code, 1)
        self.assertRegex(hosts["busybox01"]["failure"], "^starting the new binary: ")
        self.assertEqual(self.lab.sh("busybox01", "ls /usr/local/sbin /etc/fleetsync 2>/dev/null", check=False)
                         .replace("/usr/local/sbin:", "").replace("/etc/fleetsync:", "").strip(), "")

    # ---- who keeps the clock

    def test_an_agent_that_keeps_the_clock_takes_it_from_chronyd_and_gives_it_back(self):
        before = self.lab.snapshot("chrony01")
        self.lab.sh("chrony01", "update-rc.d -f chrony remove; update-rc.d chrony defaults")
        links = self.lab.sh("chrony01", "ls /etc/rc3.d")
        self.assertRegex(links, "S..chrony")
        self.set_clock("chrony01", "3")
        code, hosts, errors = self.lab.install("-l", "chrony01", "--keep-clock", binary=DYNAMIC)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        for change in ("clock user", "retired chrony"):
            self.assertIn(change, hosts["chrony01"]["changes"])
        self.assertEqual(self.lab.sh("chrony01", "pgrep -x chronyd; ls /etc/rc3.d | grep S..chrony", check=False), "")
        eventually(lambda: abs(self.lab.offset("chrony01")) < 0.001, "the clock is set")
        uid = self.lab.sh("chrony01", "id -u _fleetsync")
        pid = self.lab.agent_pid("chrony01").split()[0]
        self.assertRegex(self.lab.sh("chrony01", f"grep Uid: /proc/{pid}/status"), rf"^Uid:\s+{uid}\s")
        _, hosts, _ = self.lab.said("agent", "status", "-l", "chrony01")
        self.assertEqual(hosts["chrony01"]["clock"], "keeps the clock")
        # It stays so without being told again.
        code, hosts, errors = self.lab.install("-l", "chrony01", binary=DYNAMIC)
        self.assertEqual(hosts["chrony01"]["outcome"], "unchanged", errors)

        code, hosts, errors = self.lab.said("agent", "remove", "--purge", "-l", "chrony01")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertIn("gave the clock back to chrony", hosts["chrony01"]["changes"])
        self.assertEqual(self.lab.snapshot("chrony01"), before)
        self.assertTrue(self.lab.sh("chrony01", "pgrep -x chronyd"))
        self.assertEqual(self.lab.sh("chrony01", "ls /etc/rc3.d"), links)

    def test_an_agent_that_does_not_start_leaves_the_clock_with_chronyd(self):
        before = self.lab.snapshot("chrony01")
        code, hosts, _ = self.lab.install("-l", "chrony01", "--keep-clock", binary="/bin/sleep")
        self.assertEqual(code, 1)
        self.assertTrue(hosts["chrony01"]["restored"], hosts)
        self.assertEqual(self.lab.snapshot("chrony01"), before)
        self.assertTrue(self.lab.sh("chrony01", "pgrep -x chronyd"))

    def test_a_push_with_the_agent_as_daemon(self):
        text = self.lab("inventory").stdout
        text = re.sub(r"(  chrony01: \{)", r"\1time: {daemon: agent, step: {threshold: 250ms, limit: -1}}, ", text)
        self.lab.write_inventory(text, "agent.yaml")

        def push(*arguments):
            return self.lab.said("push", "--unchecked-sources", "-l", "chrony01", *arguments, inventory="agent.yaml")
        code, hosts, _ = push()
        self.assertEqual(code, 1)
        self.assertIn("run: fleetsync agent install --keep-clock --controller HOST:PORT --limit chrony01",
                      json.dumps(hosts["chrony01"]))
        code, hosts, errors = self.lab.install("-l", "chrony01", binary=DYNAMIC, inventory="agent.yaml")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertIn("step 0.25s", self.lab.sh("chrony01", "cat /etc/fleetsync/agent.conf"))
        code, hosts, errors = push()
        self.assertEqual((code, hosts["chrony01"]["outcome"]), (0, "unchanged"), errors)

        self.lab.write_inventory(text.replace("250ms", "300ms"), "agent.yaml")
        self.set_clock("chrony01", "0.02")
        pid = self.lab.agent_pid("chrony01")
        code, hosts, errors = push("--wait-synced")
        self.assertEqual((code, hosts["chrony01"]["outcome"]), (0, "changed"), f"{hosts}{errors}")
        self.assertNotEqual(self.lab.agent_pid("chrony01"), pid)
        self.assertIn("step 0.3s", self.lab.sh("chrony01", "cat /etc/fleetsync/agent.conf"))
        self.lab.sh("chrony01", f"{BINARY} check --clock")

        self.lab.write_inventory(text.replace("limit: -1}", "limit: -1}, extra: [nonsense 1]"), "agent.yaml")
        code, hosts, _ = push()
        self.assertEqual(code, 1)
        self.assertIn("the agent refuses the file", json.dumps(hosts["chrony01"]))


class AgentUpdateTest(AgentCase):
    """What becomes of an agent that runs already, on plain01 with an identity."""

    @classmethod
    def setUpClass(cls):
        cls.lab = AgentLab("agupdate")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--sort", "relay:1,chrony:1,plain:1,busybox:1")
        code, hosts, errors = cls.lab.install("-l", "plain01", tls=True)
        if code != 0 or "identity" not in hosts["plain01"]["changes"]:
            raise AssertionError(f"{code}\n{hosts}\n{errors}")

    def setUp(self):
        code, hosts, errors = self.lab.install("-l", "plain01", tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")

    def test_a_disk_that_is_full_at_an_update_keeps_the_old_agent_running(self):
        before, pid = self.lab.snapshot("plain01"), self.lab.agent_pid("plain01")
        self.fault("disk-full")
        code, hosts, _ = self.lab.install("-l", "plain01", binary=self.lab.changed_agent(), tls=True)
        self.lab("fault", "plain01", "disk-full", "--off")
        self.assertEqual(code, 1, hosts)
        self.assertEqual(self.lab.snapshot("plain01"), before)
        self.assertEqual(self.lab.agent_pid("plain01"), pid, "it was never stopped")

    def test_a_program_that_does_not_stay_up_is_taken_back_and_the_old_one_runs(self):
        before = self.lab.snapshot("plain01")
        # sleep(1) knows --version and ends at once when it is told to run a configuration.
        code, hosts, _ = self.lab.install("-l", "plain01", binary="/bin/sleep", tls=True)
        self.assertEqual(code, 1)
        self.assertRegex(hosts["plain01"]["failure"], "^(starting the agent|the agent does not stay up): ")
        self.assertTrue(hosts["plain01"]["restored"], hosts)
        self.assertEqual(self.lab.snapshot("plain01"), before)
        self.assertTrue(self.lab.agent_pid("plain01"))

    def test_a_connection_that_breaks_during_the_transfer_leaves_the_old_agent_and_the_next_run_succeeds(self):
        before, pid = self.lab.snapshot("plain01"), self.lab.agent_pid("plain01")
        self.fault("slow", "--bytes-per-s", "1000000")
        self.fault("kill-sshd", "--after", "2")
        code, hosts, _ = self.lab.install("-l", "plain01", binary=self.lab.changed_agent(), tls=True)
        self.lab("fault", "plain01", "kill-sshd", "--off")
        self.lab("fault", "plain01", "slow", "--off")
        self.assertEqual(code, 1, hosts)
        self.assertTrue(hosts["plain01"]["failure"])
        eventually(lambda: self.lab.snapshot("plain01") == before, "the host is as it was")
        self.assertEqual(self.lab.agent_pid("plain01"), pid)
        code, hosts, errors = self.lab.install("-l", "plain01", binary=self.lab.changed_agent(), tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertEqual(hosts["plain01"]["changes"], ["binary", "started"])

    def test_the_identity_is_the_reporters_alone_and_stays_while_it_is_good(self):
        code, hosts, errors = self.lab.install("-l", "plain01,busybox01", tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        identities = {}
        self.assertIn("identity", hosts["busybox01"]["changes"])
        for name in ("plain01", "busybox01"):
            identities[name] = self.lab.identity(name)
            uid = self.lab.sh(name, "id -u fleetsync")
            self.assertRegex(identities[name], rf"^drwx------\S? {uid} tls\n"
                                               rf"-rw-------\S? {uid} tls/ca.pem\n"
                                               rf"-rw-------\S? {uid} tls/host.key\n"
                                               rf"-rw-------\S? {uid} tls/host.pem\n")
            self.assertIn(f"tls-dir {STATE}/tls", self.lab.sh(name, "cat /etc/fleetsync/agent.conf"))
        code, hosts, _ = self.lab.install("-l", "plain01,busybox01", tls=True)
        self.assertEqual({h["outcome"] for h in hosts.values()}, {"unchanged"})
        code, hosts, _ = self.lab.install("-l", "plain01", "--renew-identity", tls=True)
        self.assertEqual(hosts["plain01"]["changes"], ["identity", "started"])
        self.assertNotEqual(self.lab.identity("plain01"), identities["plain01"])
        # Once somebody else could read the key it is worth nothing.
        self.lab.sh("busybox01", f"chmod 644 {STATE}/tls/host.key")
        code, hosts, _ = self.lab.install("-l", "busybox01", tls=True)
        self.assertEqual(hosts["busybox01"]["changes"], ["identity", "started"])
        code, hosts, _ = self.lab.said("agent", "status", "-l", "plain01")
        self.assertRegex(hosts["plain01"]["certificate_until"], r"^\d{4}-\d\d-\d\dT")

    def test_a_certificate_that_was_revoked_is_replaced(self):
        before = self.lab.identity("plain01")
        subprocess.run(self.lab.fleetsync("ca", "revoke", "plain01"), capture_output=True, check=True)
        code, hosts, errors = self.lab.install("-l", "plain01", tls=True)
        self.assertEqual(hosts["plain01"]["changes"], ["identity", "started"], errors)
        self.assertNotEqual(self.lab.identity("plain01"), before)

    def test_a_renewed_certificate_with_its_key_in_the_same_file_is_read_without_the_key(self):
        self.lab.sh("plain01", f"cd {STATE}/tls && cat host.key host.pem >both && cat both >host.pem && rm both")
        code, hosts, errors = self.lab.install("-l", "plain01", tls=True)
        self.assertEqual(hosts["plain01"]["outcome"], "unchanged", errors)

    def test_the_key_is_on_no_command_line_and_in_no_environment(self):
        self.fault("slow")
        watch = ("while [ ! -e /tmp/stop ]; do for p in /proc/[0-9]*; do "
                 "cat $p/cmdline $p/environ 2>/dev/null; done | tr '\\0' '\\n'; done >/tmp/seen")
        self.lab.sh("plain01", f"rm -f /tmp/stop /tmp/seen; ({watch}) </dev/null >/dev/null 2>&1 &")
        code, hosts, errors = self.lab.install("-l", "plain01", "--renew-identity", tls=True)
        self.lab.sh("plain01", "touch /tmp/stop")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        key = self.lab.sh("plain01", f"cat {STATE}/tls/host.key").splitlines()
        seen = self.lab.sh("plain01", "cat /tmp/seen; rm -f /tmp/seen /tmp/stop")
        self.assertIn("eval", seen, "the installation was watched")
        for line in key:
            self.assertNotIn(line, seen)

    def test_a_failed_installation_leaves_the_old_identity(self):
        before, identity = self.lab.snapshot("plain01"), self.lab.identity("plain01")
        code, hosts, _ = self.lab.install("-l", "plain01", "--renew-identity", binary="/bin/sleep", tls=True)
        self.assertEqual(code, 1)
        self.assertTrue(hosts["plain01"]["restored"], hosts)
        self.assertEqual(self.lab.snapshot("plain01"), before)
        self.assertEqual(self.lab.identity("plain01"), identity)
        self.assertTrue(self.lab.agent_pid("plain01"))

    def test_an_upgrade_is_the_program_alone(self):
        self.lab.sh("plain01", f"echo '# mine' >>/etc/fleetsync/agent.conf; echo 1.5 0.1 >{STATE}/drift")
        report = eventually(lambda: self.lab.sh("plain01", f"ls {STATE}/spool/*.reports | head -n 1", check=False),
                            "an unsent report")
        before = self.lab.sh("plain01", f"sha256sum /etc/fleetsync/agent.conf {STATE}/drift {STATE}/tls/*")
        code, hosts, errors = self.lab.said("agent", "upgrade", "--serial", "1", "--binary",
                                            str(self.lab.changed_agent()), "-l", "plain01,chrony01")
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertEqual(hosts["plain01"]["changes"], ["binary", "started"])
        self.assertEqual(hosts["chrony01"]["outcome"], "no agent")
        self.assertEqual(self.lab.sh("plain01", f"sha256sum /etc/fleetsync/agent.conf {STATE}/drift {STATE}/tls/*"),
                         before)
        self.lab.sh("plain01", f"ls {report}")


class AgentInstallSystemdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = AgentLab("aginstallsd")
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up("--kind", "systemd", "--sort", "relay:1,chrony:1,plain:1,ntp:1", "--start-daemons")

    def test_the_unit_is_enabled_runs_and_survives_a_second_run(self):
        code, hosts, errors = self.lab.install()
        self.assertEqual(code, 0, f"{hosts}{errors}")
        for name, host in hosts.items():
            self.assertEqual(host["changes"], EVERYTHING, name)
            self.assertEqual(self.lab.sh(name, "systemctl is-active fleetsync-agent; "
                                               "systemctl is-enabled fleetsync-agent"), "active\nenabled")
        pid = self.lab.sh("plain01", "systemctl show -p MainPID fleetsync-agent")
        _, hosts, _ = self.lab.install()
        self.assertEqual({h["outcome"] for h in hosts.values()}, {"unchanged"})
        self.assertEqual(self.lab.sh("plain01", "systemctl show -p MainPID fleetsync-agent"), pid)

        code, hosts, _ = self.lab.install("-l", "plain01", binary="/bin/sleep")
        self.assertEqual(code, 1)
        self.assertTrue(hosts["plain01"]["restored"], hosts)
        self.assertEqual(self.lab.sh("plain01", "systemctl is-active fleetsync-agent"), "active")

        code, hosts, _ = self.lab.said("agent", "remove")
        self.assertEqual(code, 0, hosts)
        self.assertEqual(self.lab.sh("plain01", "systemctl is-active fleetsync-agent", check=False), "inactive")
        self.assertEqual(self.lab.sh("plain01", "ls /etc/systemd/system | grep fleetsync", check=False), "")

    def test_a_unit_that_keeps_the_clock_runs_with_what_that_takes_and_no_more(self):
        self.lab("clock", "chrony01", "--set", "3")
        self.addCleanup(self.lab.said, "agent", "remove", "--purge")
        code, hosts, errors = self.lab.install("-l", "chrony01", "--keep-clock", binary=DYNAMIC, tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertIn("retired chrony", hosts["chrony01"]["changes"])
        states = "systemctl is-active {0}; systemctl is-enabled {0}"
        self.assertEqual(self.lab.sh("chrony01", states.format("chrony"), check=False), "inactive\ndisabled")

        def offset():
            return json.loads(self.lab("clock", "chrony01", "-o", "json").stdout)["offset_s"]
        eventually(lambda: abs(offset()) < 0.001, "the clock is set")
        pids = self.lab.sh("chrony01", "systemctl show -p MainPID --value fleetsync-agent; pgrep -x fleetsync-start; "
                                       "pgrep -f '[f]leetsync-agent reporter'").split()
        main, launcher, reporter = (self.lab.sh("chrony01", f"cat /proc/{pid}/status") for pid in pids)
        uids = {user: self.lab.sh("chrony01", f"id -u {user}") for user in ("_fleetsync", "fleetsync")}
        self.assertRegex(main, rf"Uid:\t{uids['_fleetsync']}\t")
        self.assertRegex(main, r"Seccomp:\t2\n")
        self.assertRegex(launcher, r"CapEff:\t00000000000001e0\n")
        self.assertRegex(reporter, rf"Uid:\t{uids['fleetsync']}\t")
        self.assertRegex(reporter, r"CapEff:\t0000000000000000\n")

        code, hosts, errors = self.lab.install("-l", "chrony01", "--observe", binary=DYNAMIC, tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertIn("gave the clock back to chrony", hosts["chrony01"]["changes"])
        self.assertEqual(self.lab.sh("chrony01", states.format("chrony")), "active\nenabled")
        self.assertEqual(self.lab.sh("chrony01", f"stat -c %U {STATE} {STATE}/tls"), "root\nfleetsync")
        self.assertEqual(self.lab.sh("chrony01", "systemctl is-active fleetsync-agent"), "active")
        exposure = self.lab.sh("chrony01", "systemd-analyze security --no-pager fleetsync-agent | tail -n 1")
        self.assertLess(float(re.search(r"level for \S+: ([\d.]+)", exposure).group(1)), 3.5, exposure)

    def test_the_static_program_runs_in_the_unit_that_keeps_the_clock_on_debian_11(self):
        """What it may not do there is to set the machine's clock; it says so and measures."""
        self.addCleanup(self.lab.said, "agent", "remove", "--purge")
        code, hosts, errors = self.lab.install("-l", "ntp01", "--keep-clock", tls=True)
        self.assertEqual(code, 0, f"{hosts}{errors}")
        self.assertIn("retired ntp", hosts["ntp01"]["changes"])
        eventually(lambda: "or with --no-clock-control here; only measuring" in
                   self.lab.sh("ntp01", "journalctl -u fleetsync-agent -o cat --no-pager"), "it says so")
        code, hosts, errors = self.lab.said("agent", "remove", "-l", "ntp01")
        self.assertIn("gave the clock back to ntp", hosts["ntp01"]["changes"], errors)
        self.assertEqual(self.lab.sh("ntp01", "systemctl is-active ntp"), "active")


class AgentUsageTest(unittest.TestCase):
    """What is wrong before any host is contacted: exit code 2."""

    def run_with(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            inventory = pathlib.Path(folder) / "servers.txt"
            inventory.write_text("root 192.0.2.1\n")
            done = subprocess.run([BIN / "fleetsync", "-i", inventory, "agent", "install", *arguments],
                                  capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def test_the_agent_cannot_keep_the_clock_and_leave_it(self):
        code, errors = self.run_with("--controller", "198.18.0.1:8123", "--insecure", "--keep-clock", "--observe")
        self.assertEqual(code, 2)
        self.assertIn("--keep-clock excludes --observe", errors)

    def test_a_controller_without_a_port_is_refused(self):
        code, errors = self.run_with("--controller", "198.18.0.1", "--insecure")
        self.assertEqual(code, 2)
        self.assertIn("--controller 198.18.0.1: write HOST:PORT", errors)

    def test_a_script_is_no_agent(self):
        code, errors = self.run_with("--controller", "a:1", "--insecure", "--binary", __file__)
        self.assertEqual(code, 2)
        self.assertIn("no ELF program for Linux; name the agent's program with --binary", errors)


if __name__ == "__main__":
    unittest.main()
