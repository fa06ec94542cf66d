"""`fleetsync exec` on real hosts, well and broken: run as root, `python3 -m unittest -v exec_test.py`."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from labs import BIN, command_of, eventually  # noqa: E402

FLEETSYNC = BIN / "fleetsync"
NAME = "exectest"
PASSWORD = "lab-password"


def lab(*arguments):
    done = subprocess.run(command_of(NAME, *arguments), capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def in_host(host, command):
    return lab("exec", host, "--", "sh", "-c", command)


class Result:
    """What one run of fleetsync gave."""

    def __init__(self, returncode, stdout, stderr, took):
        self.returncode, self.stdout, self.stderr, self.took = returncode, stdout, stderr, took

    def hosts(self):
        return {entry["host"]: entry for entry in json.loads(self.stdout)["hosts"]}


class ExecCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab("down")
        cls.addClassCleanup(lab, "down")
        lab("up", "--sort", "chrony:6,busybox:1")
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.key, cls.known_hosts = lab("key").strip(), lab("known-hosts").strip()
        cls.addresses = {entry["name"]: entry["address"] for entry in json.loads(lab("list", "-o", "json"))}
        cls.inventory = cls.write("fleet.yaml", lab("inventory"))

    @classmethod
    def write(cls, name, text, mode=0o600):
        path = cls.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def hosts_as(self, user, settings="", names=("chrony01",)):
        """An inventory in which `names` are logged in to as `user`."""
        lines = [f"defaults: {{user: {user}, known_hosts: {self.known_hosts}{settings}}}", "hosts:"]
        lines += [f"  {name}: {{address: {self.addresses[name]}}}" for name in names]
        return self.write(f"{self.id().rsplit('.', 1)[1]}.yaml", "\n".join(lines) + "\n")

    def command(self, *arguments, inventory=None):
        return command_of(NAME, "run", "--", FLEETSYNC, "-i", inventory or self.inventory, "--db",
                          self.folder / "fleet.db", *arguments)

    def run_exec(self, *arguments, inventory=None, timeout=100):
        begin = time.monotonic()
        done = subprocess.run(self.command(*arguments, inventory=inventory), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)

    def failure(self, result, host):
        return result.hosts()[host]["failure"]

    def fault(self, host, *words):
        lab("fault", host, *words)
        self.addCleanup(lab, "fault", host, words[0], "--off")


class Commands(ExecCase):
    def test_hosts_that_say_the_same_are_shown_together(self):
        result = self.run_exec("exec", "--", "echo", "hello")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, "busybox01,chrony[01-06] (7 hosts): ok\nhello\n")

    def test_the_exit_code_of_one_host_is_told_and_makes_the_run_fail(self):
        result = self.run_exec("exec", "--", "[ $(hostname) != chrony02 ] || exit 3")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "busybox01,chrony[01,03-06] (6 hosts): ok\nchrony02: exit code 3\n")

    def test_json_has_both_streams_and_the_exit_code(self):
        result = self.run_exec("-o", "json", "-l", "chrony01", "exec", "--", "echo out; echo err >&2; exit 4")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout),
                         {"command": "echo out; echo err >&2; exit 4",
                          "hosts": [{"host": "chrony01", "exit_code": 4, "stdout": "out\n", "stderr": "err\n"}]})

    def test_a_signal_is_told(self):
        result = self.run_exec("-o", "json", "-l", "chrony01", "exec", "--", "kill -TERM $$")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.hosts()["chrony01"]["signal"], "TERM")

    def test_lines_come_with_their_hosts_name_and_cannot_steer_the_terminal(self):
        result = self.run_exec("-l", "chrony01", "exec", "--lines", "--", r"printf 'one\n\033]0;evil\007\ntwo'")
        self.assertEqual(result.stdout, "chrony01: one\nchrony01: \\x1b]0;evil\\x07\nchrony01: two\n")

    def test_a_file_is_every_commands_input(self):
        payload = self.write("payload", "x" * 100_000)
        result = self.run_exec("exec", "--input", payload, "--", "cat >/tmp/payload; wc -c </tmp/payload")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("(7 hosts): ok\n100000\n", result.stdout)

    def test_brackets_are_the_commands_own(self):
        self.assertEqual(self.run_exec("-l", "chrony01", "exec", "--", "[ -f /etc/passwd ]").returncode, 0)

    def test_a_command_without_dashes_before_it_is_not_guessed_at(self):
        result = self.run_exec("exec", "uptime")
        self.assertEqual(result.returncode, 2)
        self.assertIn("write the command after --, such as: fleetsync exec -- uptime", result.stderr)

    def test_a_wrong_inventory_contacts_nobody(self):
        result = self.run_exec("exec", "--", "true", inventory=self.write("bad.yaml", "hosts: [web01\n"))
        self.assertEqual(result.returncode, 2)


class FailedOfTheLastRun(ExecCase):
    ON_TWO = "[ $(hostname) != chrony02 ] && [ $(hostname) != busybox01 ]"

    def test_they_alone_are_chosen_until_they_do_well(self):
        self.assertEqual(self.run_exec("exec", "--", self.ON_TWO).returncode, 1)
        again = self.run_exec("-o", "json", "--failed", "exec", "--", "true")
        self.assertEqual(set(again.hosts()), {"busybox01", "chrony02"}, again.stderr)
        none = self.run_exec("--failed", "exec", "--", "true")
        self.assertEqual(none.returncode, 2)
        self.assertIn("no host failed in the last run", none.stderr)

    def test_a_limit_narrows_them(self):
        self.assertEqual(self.run_exec("exec", "--", self.ON_TWO).returncode, 1)
        again = self.run_exec("-o", "json", "--failed", "-l", "chrony*", "exec", "--", "true")
        self.assertEqual(set(again.hosts()), {"chrony02"})

    def test_hosts_that_could_not_be_asked_are_remembered_by_facts_as_well(self):
        self.fault("chrony03", "drop")
        self.assertEqual(self.run_exec("--connect-timeout", "1s", "facts").returncode, 1)
        lab("fault", "chrony03", "drop", "--off")
        again = self.run_exec("-o", "json", "--failed", "exec", "--", "true")
        self.assertEqual(set(again.hosts()), {"chrony03"})


class Become(ExecCase):
    def exec_as(self, user, settings, *arguments, names=("chrony01",)):
        return self.run_exec("-o", "json", "exec", "--become", *arguments,
                             inventory=self.hosts_as(user, settings, names))

    def test_root_needs_no_sudo(self):
        result = self.exec_as("root", f", identity: {self.key}, become: sudo", "--", "id -un")
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "root\n", result.stderr)

    def test_sudo_without_a_password(self):
        result = self.exec_as("ops", f", identity: {self.key}, become: sudo", "--", "id -un; echo err >&2")
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "root\n", result.stderr)
        self.assertEqual(result.hosts()["chrony01"]["stderr"], "err\n")

    def test_without_become_the_login_user_runs_the_command(self):
        result = self.run_exec("-o", "json", "exec", "--", "id -un",
                               inventory=self.hosts_as("ops", f", identity: {self.key}, become: sudo"))
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "ops\n", result.stderr)

    def test_a_password_that_sudo_does_not_ask_for_never_becomes_the_commands_input(self):
        secret = self.write("secret", PASSWORD + "\n")
        result = self.exec_as("ops", f", identity: {self.key}, become: sudo, become_password_file: {secret}",
                              "--", "cat; id -un")
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "root\n", result.stderr)

    def test_sudo_with_a_password_and_the_commands_input_after_it(self):
        secret, payload = self.write("secret", PASSWORD + "\n"), self.write("payload", "payload\n")
        result = self.exec_as("pw", f", become: sudo, password_file: {secret}, become_password_file: {secret}",
                              "--input", payload, "--", "id -un; cat")
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "root\npayload\n", result.stderr)
        self.assertEqual(result.hosts()["chrony01"]["stderr"], "")

    def test_a_wrong_sudo_password_is_told_and_not_shown(self):
        secret, wrong = self.write("secret", PASSWORD), self.write("wrong", "Tr0ub4dor&3")
        result = self.exec_as("pw", f", become: sudo, password_file: {secret}, become_password_file: {wrong}",
                              "--", "id -un")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.failure(result, "chrony01"),
                         {"stage": "become", "fault": "denied",
                          "detail": "sudo did not take the password of pw",
                          "next_step": "correct the password that the host's become_password_file (or _env, "
                                       "_command) gives"})
        self.assertNotIn("Tr0ub4dor", result.stdout + result.stderr)

    def test_sudo_that_wants_a_password_nobody_gave(self):
        in_host("chrony01", "echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/zz")
        self.addCleanup(in_host, "chrony01", "rm /etc/sudoers.d/zz")
        result = self.exec_as("ops", f", identity: {self.key}, become: sudo", "--", "id -un")
        self.assertEqual(self.failure(result, "chrony01")["detail"], "sudo: a password is required")

    def test_a_user_without_sudo_rights(self):
        in_host("chrony01", "mv /etc/sudoers.d/lab /root/lab")
        self.addCleanup(in_host, "chrony01", "mv /root/lab /etc/sudoers.d/lab")
        secret = self.write("secret", PASSWORD)
        result = self.exec_as("pw", f", become: sudo, password_file: {secret}", "--", "id -un")
        failure = self.failure(result, "chrony01")
        self.assertEqual(failure["stage"], "become")
        self.assertIn("not in the sudoers file", failure["detail"])
        self.assertIn("let sudoers say 'pw ALL=(ALL) ALL'", failure["next_step"])

    def test_no_sudo_on_the_host(self):
        self.fault("chrony02", "no-sudo")
        result = self.exec_as("ops", f", identity: {self.key}, become: sudo", "--", "id -un",
                              names=("chrony01", "chrony02"))
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "root\n")
        failure = self.failure(result, "chrony02")
        self.assertEqual(failure["stage"], "become")
        self.assertIn("install sudo", failure["next_step"])

    def test_requiretty_is_told(self):
        in_host("chrony01", "echo 'Defaults:ops requiretty' >/etc/sudoers.d/zz")
        self.addCleanup(in_host, "chrony01", "rm /etc/sudoers.d/zz")
        result = self.exec_as("ops", f", identity: {self.key}, become: sudo", "--", "id -un")
        self.assertIn("!requiretty", self.failure(result, "chrony01")["next_step"])

    def test_doas_that_is_not_there(self):
        result = self.exec_as("ops", f", identity: {self.key}, become: doas", "--", "id -un")
        self.assertIn("install doas", self.failure(result, "chrony01")["next_step"])


class Passwords(ExecCase):
    def log_in(self, password, *arguments):
        secret = self.write("secret", password)
        return self.run_exec("-o", "json", "exec", "--", "id -un",
                             inventory=self.hosts_as("pw", f", password_file: {secret}"))

    def test_a_password_logs_in(self):
        self.assertEqual(self.log_in(PASSWORD).hosts()["chrony01"]["stdout"], "pw\n")

    def test_keyboard_interactive_logs_in_where_passwords_are_off(self):
        in_host("chrony01", "echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/0.conf")
        self.addCleanup(in_host, "chrony01", "rm /etc/ssh/sshd_config.d/0.conf; kill -HUP $(cat /run/sshd.pid)")
        in_host("chrony01", "kill -HUP $(cat /run/sshd.pid)")
        result = eventually(lambda: (done := self.log_in(PASSWORD)).returncode == 0 and done, "sshd has started anew")
        self.assertEqual(result.hosts()["chrony01"]["stdout"], "pw\n", result.stdout)

    def test_a_wrong_password_is_denied_and_not_shown(self):
        result = self.log_in("Tr0ub4dor&3")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.failure(result, "chrony01"),
                         {"stage": "authenticate", "fault": "denied",
                          "detail": "permission denied for pw (publickey,password,keyboard-interactive)",
                          "next_step": "correct the user or the password in the inventory"})
        self.assertNotIn("Tr0ub4dor", result.stdout + result.stderr)

    def test_servers_txt_with_a_password_works_and_warns(self):
        inventory = self.write("servers.txt", f"pw {PASSWORD} {self.addresses['chrony01']}\n")
        known = pathlib.Path(self.known_hosts).read_text()
        config = self.write("ssh_config", f"Host *\n  UserKnownHostsFile {self.write('known', known)}\n")
        result = self.run_exec("--ssh-config", config, "exec", "--become", "--", "id -un", inventory=inventory)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)

    def test_a_password_is_never_in_the_process_list(self):
        secret = self.write("secret", PASSWORD)
        with subprocess.Popen(self.command("exec", "--", "sleep 2", inventory=self.hosts_as(
                "pw", f", become: sudo, password_file: {secret}, become_password_file: {secret}")),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        self.assertNotIn(PASSWORD.encode(), path.read_bytes())
                    except OSError:
                        pass


class Faults(ExecCase):
    def check_others(self, result, broken):
        for name, entry in result.hosts().items():
            if name != broken:
                self.assertEqual(entry.get("exit_code"), 0, entry)

    def test_a_host_that_hangs_fails_at_its_deadline_and_the_others_at_once(self):
        self.fault("chrony02", "hang")
        begin = time.monotonic()
        with subprocess.Popen(self.command("--connect-timeout", "6s", "-f", "1", "exec", "--lines", "--", "echo up"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            lines = [process.stdout.readline() for _ in range(6)]
            first_six = time.monotonic() - begin
            _, errors = process.communicate(timeout=60)
        self.assertEqual(sorted(lines), [f"{name}: up\n" for name in sorted(self.addresses) if name != "chrony02"])
        self.assertLess(first_six, 5.5)
        self.assertGreaterEqual(time.monotonic() - begin, 6)
        self.assertIn("chrony02: connect: no answer within 6.00 s", errors)
        self.assertEqual(process.returncode, 1)

    def test_folded_results_do_not_wait_for_a_host_that_hangs(self):
        self.fault("chrony02", "hang")
        begin = time.monotonic()
        with subprocess.Popen(self.command("--connect-timeout", "8s", "exec", "--", "echo up"),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            self.assertEqual(process.stdout.readline(), "busybox01,chrony[01,03-06] (6 hosts): ok\n")
            self.assertLess(time.monotonic() - begin, 7)
            rest = list(process.stdout)
        self.assertEqual(rest[0], "up\n")
        self.assertIn("chrony02: connect: no answer within 8.00 s", rest[1])

    def test_packets_that_vanish(self):
        self.fault("chrony03", "drop")
        result = self.run_exec("-o", "json", "--connect-timeout", "2s", "exec", "--", "true")
        failure = self.failure(result, "chrony03")
        self.assertEqual((failure["stage"], failure["fault"]), ("connect", "timed_out"))
        self.check_others(result, "chrony03")
        self.assertLess(result.took, 20)

    def test_packets_that_vanish_while_a_command_runs(self):
        with subprocess.Popen(self.command("-o", "json", "--timeout", "6s", "exec", "--",
                                           "touch /tmp/running; [ $(hostname) = chrony03 ] && sleep 60; true"),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            eventually(lambda: "yes" in in_host("chrony03", "[ -e /tmp/running ] && echo yes; true"), "it runs")
            self.fault("chrony03", "drop")
            output, _ = process.communicate(timeout=60)
        result = Result(process.returncode, output, "", 0)
        self.assertEqual(self.failure(result, "chrony03")["fault"], "timed_out")
        self.check_others(result, "chrony03")

    def test_a_slow_host_is_waited_for(self):
        self.fault("chrony04", "slow")
        result = self.run_exec("-o", "json", "exec", "--", "true")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_sshd_killed_while_a_command_runs(self):
        self.fault("chrony05", "kill-sshd", "--after", "1")
        result = self.run_exec("-o", "json", "exec", "--", "sleep 4")
        failure = self.failure(result, "chrony05")
        self.assertEqual((failure["stage"], failure["fault"]), ("command", "disconnected"))
        self.assertEqual(failure["next_step"], "what the command did is not known")
        self.check_others(result, "chrony05")

    def test_a_shell_that_prints_a_banner(self):
        self.fault("chrony06", "banner-shell")
        result = self.run_exec("-o", "json", "exec", "--", "echo up")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertTrue(result.hosts()["chrony06"]["stdout"].endswith("up\n"))

    def test_a_flood_of_100_megabytes_is_cut_off(self):
        result = self.run_exec("-o", "json", "exec", "--", "[ $(hostname) != chrony01 ] || yes | head -c 100000000")
        self.assertEqual(self.failure(result, "chrony01")["fault"], "output_too_long")
        self.check_others(result, "chrony01")
        self.assertLess(len(result.stdout), 2_000_000)

    def test_a_refused_connection(self):
        inventory = self.write("refused.yaml", lab("inventory").replace(
            f"{self.addresses['chrony01']}, port: 22", f"{self.addresses['chrony01']}, port: 2022"))
        result = self.run_exec("-o", "json", "exec", "--", "true", inventory=inventory)
        self.assertEqual(self.failure(result, "chrony01")["fault"], "refused")
        self.check_others(result, "chrony01")

    def fleetsync_of(self, pid):
        """The fleetsync that `lab run` started as process `pid`, or became."""
        if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(bytes(FLEETSYNC)):
            return pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return self.fleetsync_of(int(children[0]))

    def test_ctrl_c_says_what_was_and_was_not_done(self):
        with subprocess.Popen(self.command("-o", "json", "exec", "--", "sleep 30"), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            eventually(lambda: in_host("chrony06", "pgrep -fx 'sleep 30' || true").strip(), "the command has started")
            os.kill(self.fleetsync_of(process.pid), signal.SIGINT)
            output, _ = process.communicate(timeout=20)
        result = Result(process.returncode, output, "", 0)
        self.assertEqual(result.returncode, 130)
        self.assertEqual({entry["failure"]["fault"] for entry in result.hosts().values()}, {"interrupted"})


class Passphrases(ExecCase):
    def setUp(self):
        self.encrypted = self.write("encrypted", pathlib.Path(self.key).read_text())
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", self.encrypted], check=True,
                       stdout=subprocess.DEVNULL)
        self.of_all = self.hosts_as("root", f", identity: {self.encrypted}", names=("chrony01", "chrony02"))

    def type_in(self, *answers):
        """Runs exec on a terminal and types an answer for each question."""
        ours, theirs = os.openpty()
        command = self.command("-o", "json", "exec", "--", "true", inventory=self.of_all)
        with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"},
                              start_new_session=True) as process:
            os.close(theirs)
            for answer in answers:
                question = ""
                while not question.endswith(": "):
                    question += process.stderr.read(1)
                self.assertEqual(question.strip(), f"passphrase of {self.encrypted}:")
                os.write(ours, answer.encode() + b"\n")
            output, errors = process.communicate(timeout=60)
        os.close(ours)
        self.assertNotIn("sesame", output + errors)
        return Result(process.returncode, output, errors, 0)

    def test_it_is_asked_once_for_all_hosts(self):
        result = self.type_in("open sesame")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_slip_of_the_hand_can_be_mended(self):
        self.assertEqual(self.type_in("wrong", "open sesame").returncode, 0)

    def test_without_a_terminal_nobody_is_asked(self):
        result = self.run_exec("-o", "json", "exec", "--", "true", inventory=self.of_all)
        self.assertEqual(self.failure(result, "chrony01")["next_step"], f"ssh-add {self.encrypted}")


class HostKeys(ExecCase):
    def test_a_changed_key_fails_that_host_alone_and_an_unknown_one_can_be_accepted(self):
        lines = pathlib.Path(self.known_hosts).read_text().splitlines()
        address, other = self.addresses["chrony01"], self.addresses["chrony02"]
        key_of = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if " ssh-ed25519 " in line}
        mine = next(name for name in key_of if address in name.split(","))
        theirs = next(name for name in key_of if other in name.split(","))
        kept = [line for line in lines if line.split()[0] not in (mine, theirs)]
        known = self.write("known_hosts", "\n".join([*kept, f"{mine} {key_of[theirs]}"]) + "\n")
        inventory = self.write("known.yaml", lab("inventory").replace(self.known_hosts, str(known)))
        result = self.run_exec("-o", "json", "exec", "--", "true", inventory=inventory)
        self.assertEqual(self.failure(result, "chrony01")["fault"], "host_key_changed")
        self.assertEqual(self.failure(result, "chrony02")["fault"], "host_key_unknown")
        result = self.run_exec("-o", "json", "exec", "--accept-new", "--", "true", inventory=inventory)
        self.assertEqual(self.failure(result, "chrony01")["fault"], "host_key_changed")
        self.assertEqual(result.hosts()["chrony02"]["exit_code"], 0)
        self.assertIn(f"{other} ssh-ed25519 ", known.read_text())


class Jumps(ExecCase):
    def through(self, jump):
        settings = f", identity: {self.key}, proxy_jump: '{jump}'"
        return self.run_exec("-o", "json", "exec", "--", "echo $SSH_CONNECTION",
                             inventory=self.hosts_as("root", settings, names=("chrony03", "chrony04")))

    def test_one_hop(self):
        result = self.through(f"ops@{self.addresses['chrony01']}")
        self.assertEqual(result.returncode, 0, result.stdout)
        for entry in result.hosts().values():
            self.assertEqual(entry["stdout"].split()[0], self.addresses["chrony01"])

    def test_two_hops_in_their_order(self):
        result = self.through(f"ops@{self.addresses['chrony01']}:22,root@{self.addresses['chrony02']}")
        self.assertEqual(result.returncode, 0, result.stdout)
        for entry in result.hosts().values():
            self.assertEqual(entry["stdout"].split()[0], self.addresses["chrony02"])

    def test_a_bastion_that_denies_is_told(self):
        result = self.through(f"nobody@{self.addresses['chrony01']}")
        failure = self.failure(result, "chrony03")
        self.assertEqual(failure["stage"], "connect")
        self.assertTrue(re.search("Permission denied", failure["detail"]), failure)

    def test_ssh_config_with_an_alias_and_a_jump(self):
        config = self.write("ssh_config", f"""Host inner
  HostName {self.addresses['chrony03']}
  User root
  ProxyJump bastion
Host bastion
  HostName {self.addresses['chrony01']}
  User ops
Host *
  IdentityFile {self.key}
  UserKnownHostsFile {self.known_hosts}
""")
        inventory = self.write("alias.yaml", "hosts:\n  inner: {}\n")
        result = self.run_exec("--ssh-config", config, "-o", "json", "exec", "--", "echo $SSH_CONNECTION",
                               inventory=inventory)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.hosts()["inner"]["stdout"].split()[0], self.addresses["chrony01"])


if __name__ == "__main__":
    unittest.main()
