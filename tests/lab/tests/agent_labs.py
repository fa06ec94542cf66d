"""A lab whose hosts get agents, for the tests that need one."""

import json
import subprocess

from labs import BIN, Lab

DYNAMIC = BIN / "fleetsync-agent"  # which sees the clocks of the lab
AGENT = BIN / "fleetsync-agent-static"
if not AGENT.exists():  # sanitizer builds have none
    AGENT = DYNAMIC
CONTROLLER = "198.18.0.1:8123"

BINARY = "/usr/local/sbin/fleetsync-agent"
STATE = "/var/lib/fleetsync-agent"


class AgentLab(Lab):
    """A lab and a fleetsync that puts agents on it."""

    def __init__(self, name):
        super().__init__(name)
        self.tried = set()  # the hosts, or patterns of hosts, that may have an agent

    def up(self, *arguments):
        super().up(*arguments)
        self.write_inventory(self("inventory").stdout)

    def sh(self, host, command, check=True):
        return super().sh(host, command, check).strip()

    def said(self, *arguments, inventory="fleet.yaml"):
        """The exit code and what `-o json` gave, a host's entry by its name."""
        done = subprocess.run(self.fleetsync("-o", "json", *arguments, inventory=inventory), capture_output=True,
                              text=True, timeout=180, check=False)
        try:
            hosts = {host["host"]: host for host in json.loads(done.stdout)["hosts"]}
        except ValueError:
            hosts = {}
        return done.returncode, hosts, done.stderr

    def install(self, *arguments, binary=AGENT, controller=CONTROLLER, inventory="fleet.yaml", tls=False):
        self.tried.add(arguments[arguments.index("-l") + 1] if "-l" in arguments else "all")
        return self.said("agent", "install", "--controller", controller, *([] if tls else ["--insecure"]),
                         "--binary", str(binary), *arguments, inventory=inventory)

    def remove_all(self):
        if self.tried:
            self.said("agent", "remove", "--purge", "-l", ",".join(self.tried))
        self.tried.clear()

    def offset(self, host):
        return json.loads(self("clock", host, "-o", "json").stdout)["offset_s"]

    def changed_agent(self):
        """The agent with a byte more: another checksum, the same behaviour."""
        path = self.folder / "changed-agent"
        path.write_bytes(AGENT.read_bytes() + b"\0")
        path.chmod(0o755)
        return path

    def identity(self, host):
        """Modes and owners of the identity's folder and files, and their checksums."""
        return self.sh(host, f"cd {STATE} && ls -ldn tls tls/* | awk '{{print $1, $3, $NF}}'; sha256sum tls/*",
                       check=False)

    def agent_pid(self, host):
        """Of the time process; empty when none runs."""
        return self.sh(host, "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | "
                             "grep -q '^/usr/local/sbin/fleetsync-agent run' && echo ${p#/proc/}; done", check=False)

    def snapshot(self, host):
        """What an installation may change on a host."""
        return self.sh(host, "for f in /usr/local/sbin/fleetsync-agent* /etc/fleetsync/* "
                             "/etc/systemd/system/fleetsync* /etc/init.d/fleetsync*; do "
                             "[ -f $f ] && ls -l $f | cut -d' ' -f1 && sha256sum $f; done; "
                             "ls -lR /var/lib/fleetsync-agent/tls; sha256sum /var/lib/fleetsync-agent/tls/*; "
                             "grep -c fleetsync /etc/passwd; ls /etc/rc3.d 2>/dev/null | grep fleetsync", check=False)
