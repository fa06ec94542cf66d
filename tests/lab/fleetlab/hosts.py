"""Bringing hosts up: planning names and addresses, and starting each kind."""

import os
import pathlib
import pwd
import shutil
import subprocess
import time

from . import cgroups, clocks, folders, layers, native, network, processes, state
from .errors import LabError

KINDS = ("host", "systemd", "sshd")
ROOT_SIZE = {"host": "64m", "systemd": "128m"}
STARTS_AT_ONCE = 16
START_TIMEOUT_S = 60
FIRST_SSHD_PORT = 2200
PRIVSEP_FOLDER = pathlib.Path("/run/sshd")


def plan(lab, sorts, kind, prefix):
    """The new hosts of a lab, one for each of `sorts`: names count on from the hosts there are."""
    if any((host.kind == "sshd") != (kind == "sshd") for host in lab.hosts.values()):
        raise LabError("hosts of kind sshd have no network of their own: they cannot share a lab with other kinds")
    planned = []
    taken = set(lab.hosts)
    for sort in sorts:
        index = len(lab.hosts) + len(planned) + 1
        group = prefix if prefix and sort != "relay" else sort
        name = _free_name(taken, group)
        taken.add(name)
        if kind == "sshd":
            address, port, netns = state.subnet_address("127.0", index), FIRST_SSHD_PORT + index, ""
        else:
            address, port, netns = state.subnet_address("198.18", index), 22, f"{lab.netns}-host{index}"
        planned.append(state.Host(name, index, sort, kind, group, address, port, netns))
    return planned


def _free_name(taken, group):
    number = 1
    width = 1 if group == "relay" else 2
    while f"{group}{number:0{width}}" in taken:
        number += 1
    return f"{group}{number:0{width}}"


def bring_up(lab, hosts, lock, *, offset_range, ppm_range, seed, start_daemons):
    """Starts planned hosts and waits until they answer. Whatever happens meanwhile, `lab down` cleans up."""
    before = list(lab.hosts.values())
    lab.hosts.update({host.name: host for host in hosts})
    for host in hosts:
        (lab.host_folder(host) / "mnt").mkdir(parents=True)
    lab.save()
    clocks.create(lab, hosts, offset_range, ppm_range, seed)
    keys = layers.host_keys(hosts)
    if hosts[0].kind == "sshd":
        _start_sshd_kind(lab, hosts, keys)
    else:
        _start_namespaced(lab, hosts, before, keys, lock, start_daemons)
    lab.save()
    _write_known_hosts(lab, keys)
    network.wait_for_ssh(lab, hosts)
    _wait_for_daemons(lab, hosts)


def _wait_for_daemons(lab, hosts):
    """A daemon that is still being started could not be stopped: who tries would find none."""
    deadline = time.monotonic() + START_TIMEOUT_S
    for host in hosts:
        while host.kind == "host" and not os.path.exists(f"/proc/{host.pid}/root/{layers.STARTED}"):
            if time.monotonic() > deadline:
                raise LabError(f"{host.name} does not start its daemons; see its log in {lab.host_folder(host)}/log")
            time.sleep(0.02)


def _start_namespaced(lab, hosts, before, keys, lock, start_daemons):
    network.raise_limits(len(lab.hosts))
    layers.build_site(lab)
    network.create_outer(lab)
    network.create_for_hosts(lab, hosts)
    etc_hosts = layers.hosts_text(lab)
    for host in hosts:
        layers.build_seed(lab, host, keys[host.name], start_daemons, etc_hosts)
    launch = _launch_systemd if hosts[0].kind == "systemd" else _launch_host
    relays = [host for host in hosts if host.sort == "relay"] if start_daemons else []
    _launch_all(lab, relays, launch, lock)
    for relay in relays:
        network.wait_for_time(lab, relay)
    _launch_all(lab, [host for host in hosts if host not in relays], launch, lock)
    layers.refresh_hosts_file(before, etc_hosts)


def _launch_all(lab, hosts, launch, lock):
    """Starts a few hosts at a time: as many as it takes to keep the processors busy."""
    for first in range(0, len(hosts), STARTS_AT_ONCE):
        batch = hosts[first:first + STARTS_AT_ONCE]
        started = [launch(lab, host, lock) for host in batch]
        for host, process in zip(batch, started):
            host.pid = _pid_of(process, host)


def _pid_of(process, host):
    """The pid that a `labhost` prints when its host is set up; a booted host is the process itself."""
    if host.kind == "systemd":
        return process.pid
    output, errors = process.communicate()
    if process.returncode != 0:
        raise LabError(f"{errors.strip()}; `lab down` removes what was started")
    return int(output)


def _labhost_arguments(lab, host):
    return ["--name", host.name, "--netns", str(network.NETNS_FOLDER / host.netns), "--address", host.address,
            "--lower", layers.lowerdir(lab, host), "--dir", str(lab.host_folder(host)),
            "--size", ROOT_SIZE[host.kind]]


def _launch_host(lab, host, lock):
    # The lock goes along: should this command be killed, `lab down` waits until the host is complete.
    return subprocess.Popen([native.program("labhost"), "start", *_labhost_arguments(lab, host)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            pass_fds=[lock])


def _launch_systemd(lab, host, lock):
    del lock  # a booted host is found by its control group, which it is in from the start
    folder = lab.host_folder(host)
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=read-only",
              f"--network-namespace-path={network.NETNS_FOLDER / host.netns}", f"--directory={folder}/mnt/root",
              f"--machine={host.name}", "--resolv-conf=off", "--timezone=off", "--capability=CAP_NET_ADMIN",
              "--drop-capability=CAP_SYS_TIME", f"--bind={folder}/clock:/run/fleetsync-lab/clock"]
    join_groups = "".join(f"echo $$ > {file}; " for file in cgroups.create(lab.name, host.name))
    command = [native.program("labhost"), "boot", *_labhost_arguments(lab, host), "--", *nspawn]
    return subprocess.Popen(["sh", "-euc", f'{join_groups} exec "$@"', "sh", *command],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _sshd_config(lab, host, key):
    return (f"ListenAddress {host.address}\nPort {host.port}\nHostKey {key}\nPidFile none\n"
            f"AuthorizedKeysFile {lab.folder}/id_ed25519.pub\nStrictModes no\n"
            f"{layers.SSHD_CONFIG}Subsystem sftp internal-sftp\n")


def _start_sshd_kind(lab, hosts, keys):
    """One sshd a host on loopback, all of the machine's own programs and files: they share its clock."""
    layers.make_key(lab)
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    if folders.is_root() and not PRIVSEP_FOLDER.exists():
        _made_privsep_folder().touch()
        PRIVSEP_FOLDER.mkdir(mode=0o755)
    for host in hosts:
        folder = lab.host_folder(host)
        key = folder / "ssh_host_ed25519_key"
        shutil.copyfile(keys[host.name], key)
        key.chmod(0o600)
        (folder / "sshd_config").write_text(_sshd_config(lab, host, key))
        host.pid = int(subprocess.run(
            [native.program("labhost"), "supervise", str(folder), "--", sshd, "-D", "-e", "-f",
             str(folder / "sshd_config")], check=True, capture_output=True, text=True).stdout)


def _made_privsep_folder():
    """A marker: the folder that sshd insists on when root starts it was made by the lab."""
    return folders.runs() / ".made-run-sshd"


def remove_privsep_folder():
    """Undoes what _start_sshd_kind() did to the machine; for when no lab is left."""
    if _made_privsep_folder().exists():
        PRIVSEP_FOLDER.rmdir()
        _made_privsep_folder().unlink()


def _write_known_hosts(lab, keys):
    with open(lab.known_hosts, "a", encoding="utf-8") as file:
        for name, key in keys.items():
            host = lab.hosts[name]
            where = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
            public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
            file.write(f"{name},{where} {public}\n")


def login_user(lab):
    """The user whose login the lab's key opens: root, or with sshd processes the one who runs them."""
    kinds = {host.kind for host in lab.hosts.values()}
    return pwd.getpwuid(os.geteuid()).pw_name if kinds == {"sshd"} else "root"


def init_pid(host):
    """The pid of a host's first process, seen from the machine."""
    if host.kind != "systemd":
        return host.pid
    inits = processes.children(host.pid)
    if not inits:
        raise LabError(f"{host.name} is down")
    return min(inits)


def enter_command(host, command):
    """The command line that runs `command` as root inside a host; without root there is nothing to enter."""
    if not folders.is_root():
        return list(command)
    return [native.program("labhost"), "enter", str(init_pid(host)), "--", *command]
