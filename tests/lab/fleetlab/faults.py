"""Breaking a host on purpose, and mending it.

What concerns the network is done in the lab's outer namespace, at the host's cable, where nothing that a host does
to its own firewall can undo it.
"""

import contextlib
import dataclasses
import errno
import os
import pathlib
import signal
import subprocess
import sys

from . import folders, hosts, native, network, processes
from .errors import LabError
from .shell import run

FIRST_PROXY_PORT = 20000
BYPASS_MARK = 0x51
FILLER = ".fleetsync-lab-full"
HIDDEN_SUDO = "usr/bin/.sudo-hidden-by-lab"
BANNER = "#!/bin/sh\necho '*** Authorised use only. This host is watched. ***'\n"
FLOOD = ("#!/bin/sh\ni=0\n"
         "while [ $i -lt 20000 ]; do echo 'Authorised use only. This host is watched.'; i=$((i + 1)); done\n")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What can be said about a fault beyond its name."""

    after: float | None = None
    latency_ms: float = 200
    bytes_per_s: float = 8000


def change(lab, host, name, *, off, settings):
    """Brings a fault about, or undoes it. Doing either twice is the same as doing it once."""
    if host.kind == "sshd" and name not in ("hang", "kill-sshd"):
        raise LabError(f"fault {name} needs a host of kind host or systemd")
    FAULTS[name](lab, host, off, settings)


def _in_lab(lab, *command, stdin=None):
    join = [native.program("labhost"), "join", str(network.NETNS_FOLDER / lab.netns), "--"]
    return run([*join, *command], stdin=stdin)


def _replace_table(lab, family, name, chains, off):
    """Puts an nft table in place, or removes it; adding first makes the deletion harmless when there is none."""
    script = f"add table {family} {name}\ndelete table {family} {name}\n"
    if not off:
        script += f"table {family} {name} {{\n{chains}\n}}\n"
    _in_lab(lab, "nft", "-f", "-", stdin=script)


def _root_of(host):
    """The host's root folder as seen from the machine, through the host's own mounts."""
    return pathlib.Path(f"/proc/{hosts.init_pid(host)}/root")


# ---- network


def _drop(lab, host, off, _settings):
    """No IP packet passes; ARP does, so that the other side waits instead of hearing that nobody is there."""
    hooks = (("in", "ingress"), ("out", "egress"))
    chains = "\n".join(
        f"chain {name} {{ type filter hook {hook} device {network.interface(host)} priority 0; "
        f"meta protocol {{ ip, ip6 }} drop; }}" for name, hook in hooks)
    _replace_table(lab, "netdev", f"drop_{host.index}", chains, off)


def _slow(lab, host, off, settings):
    """SSH from the controller goes through a proxy that delays it."""
    table, port = f"slow_{host.index}", FIRST_PROXY_PORT + host.index
    _replace_table(lab, "ip", table, "", off=True)
    _stop_helper(lab, host, "slow")
    if off:
        return
    _start_helper(lab, host, "slow", lab.netns, "slow_proxy", port, host.address, host.port,
                  settings.latency_ms / 1000, settings.bytes_per_s, BYPASS_MARK)
    _replace_table(lab, "ip", table,
                   f"chain output {{ type nat hook output priority -100; meta mark != {BYPASS_MARK} "
                   f"ip daddr {host.address} tcp dport {host.port} redirect to :{port}; }}", off=False)


# ---- helpers: programs of the lab that keep a fault up


def _pid_file(lab, host, name):
    return lab.host_folder(host) / f"{name}.pid"


def _start_helper(lab, host, name, netns, module, *arguments):
    """Starts a module of this package in a namespace, where `lab down` finds it, and waits for its first line."""
    command = [sys.executable, "-m", f"fleetlab.{module}", *map(str, arguments)]
    if netns:
        command = [native.program("labhost"), "join", str(network.NETNS_FOLDER / netns), "--", *command]
    log = open(lab.host_folder(host) / f"{name}.log", "w", encoding="utf-8")
    with log:
        process = subprocess.Popen(command, cwd=folders.SOURCE, start_new_session=True, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
    if not process.stdout.readline():
        raise LabError(f"the helper of fault {name} did not start: see {log.name}")
    _pid_file(lab, host, name).write_text(str(process.pid))


def _stop_helper(lab, host, name):
    with contextlib.suppress(FileNotFoundError):
        pid = int(_pid_file(lab, host, name).read_text())
        # The helper may have ended and its number belong to somebody else.
        if b"fleetlab." in _command_line(pid):
            processes.send([pid], signal.SIGKILL)
        _pid_file(lab, host, name).unlink()


def _command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# ---- sshd


def _sshds(host):
    """The sshd processes of a host."""
    if host.kind == "sshd":
        members = processes.descendants([host.pid])
    else:
        members = processes.in_namespaces([network.NETNS_FOLDER / host.netns])
    return {pid for pid in members if processes.command_name(pid) == "sshd"}


def _hang(_lab, host, off, _settings):
    """The kernel goes on accepting connections, as far as the backlog reaches, but nobody answers."""
    processes.send(_sshds(host), signal.SIGCONT if off else signal.SIGSTOP)


def _kill_sshd(lab, host, off, settings):
    _stop_helper(lab, host, "kill-sshd")
    if off:
        return
    sshds = _sshds(host)
    listeners = sshds - set().union(*map(processes.children, sshds))
    if settings.after is None:
        processes.send(sshds - listeners, signal.SIGKILL)
    else:
        _start_helper(lab, host, "kill-sshd", host.netns, "session_killer", settings.after, *listeners)


# ---- file system


def _disk_full(_lab, host, off, _settings):
    filler = _root_of(host) / FILLER
    if off:
        filler.unlink(missing_ok=True)
        return
    with open(filler, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            _write_until_full(file, bytes(size))


def _write_until_full(file, block):
    try:
        while True:
            file.write(block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _read_only(_lab, host, off, _settings):
    run(hosts.enter_command(host, ["mount", "-o", f"remount,{'rw' if off else 'ro'}", "/"]))


# ---- what people find on real hosts


def _no_sudo(_lab, host, off, _settings):
    here, hidden = _root_of(host) / "usr/bin/sudo", _root_of(host) / HIDDEN_SUDO
    with contextlib.suppress(FileNotFoundError):
        os.rename(*((hidden, here) if off else (here, hidden)))


def _login_script(host, off, text):
    """sshd runs /etc/ssh/sshrc before every command, whatever the user's shell is; its output comes first."""
    script = _root_of(host) / "etc/ssh/sshrc"
    if off:
        script.unlink(missing_ok=True)
    else:
        script.write_text(text)


def _banner_shell(_lab, host, off, _settings):
    _login_script(host, off, BANNER)


def _flood_banner(_lab, host, off, _settings):
    _login_script(host, off, FLOOD)


FAULTS = {
    "banner-shell": _banner_shell,
    "disk-full": _disk_full,
    "drop": _drop,
    "flood-banner": _flood_banner,
    "hang": _hang,
    "kill-sshd": _kill_sshd,
    "no-sudo": _no_sudo,
    "read-only": _read_only,
    "slow": _slow,
}
