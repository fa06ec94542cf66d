"""The network of a lab: one outer namespace with a bridge and no way out, and a namespace for every host."""

import ctypes
import os
import pathlib
import re
import selectors
import socket
import threading
import time

from . import folders
from .errors import LabError
from .shell import run
from .state import CONTROLLER_ADDRESS

NETNS_FOLDER = pathlib.Path("/run/netns")
BRIDGE = "br0"
SSH_TIMEOUT_S = 60
NTP_TIMEOUT_S = 60
NTP_REQUEST = bytes([4 << 3 | 3]) + bytes(47)  # version 4, client
NTP_LEAP_UNSYNCHRONISED = 3

# What hundreds of hosts on one kernel need, with the number of hosts from which on they do.
_LIMITS = {
    "kernel/pid_max": (200, 131072),
    "net/ipv4/neigh/default/gc_thresh1": (100, 4096),
    "net/ipv4/neigh/default/gc_thresh2": (100, 8192),
    "net/ipv4/neigh/default/gc_thresh3": (100, 16384),
    "fs/inotify/max_user_instances": (20, 8192),
    "fs/inotify/max_user_watches": (20, 1048576),
}


def raise_limits(count):
    """Raises the machine's limits to what a lab of `count` hosts needs; never lowers one."""
    for name, (from_count, needed) in _LIMITS.items():
        path = pathlib.Path("/proc/sys") / name
        if count >= from_count and path.exists() and int(path.read_text()) < needed:
            path.write_text(str(needed))


def interface(host):
    """The outer end of a host's cable, in the lab's namespace."""
    return f"v{host.index}"


def namespaces_of(lab_name):
    """Names of the network namespaces of a lab, also of one whose run folder is lost."""
    pattern = re.compile(rf"fsl-{lab_name}(-host[0-9]+)?")
    if not NETNS_FOLDER.is_dir():
        return []
    return [entry.name for entry in NETNS_FOLDER.iterdir() if pattern.fullmatch(entry.name)]


def create_outer(lab):
    if (NETNS_FOLDER / lab.netns).exists():
        return
    run(["ip", "netns", "add", lab.netns])
    commands = [
        "link set lo up",
        f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0",
        f"addr add {CONTROLLER_ADDRESS}/16 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ]
    run(["ip", "-n", lab.netns, "-batch", "-"], stdin="\n".join(commands))


def create_for_hosts(lab, hosts):
    """Gives each host a namespace and a cable to the bridge; the host configures its own end (labhost.c)."""
    run(["ip", "-batch", "-"], stdin="".join(f"netns add {host.netns}\n" for host in hosts))
    commands = []
    for host in hosts:
        commands.append(f"link add {interface(host)} type veth peer name eth0 netns {host.netns}\n")
        commands.append(f"link set {interface(host)} master {BRIDGE} up\n")
    run(["ip", "-n", lab.netns, "-batch", "-"], stdin="".join(commands))


def delete_namespaces(names):
    run(["ip", "-batch", "-"], stdin="".join(f"netns del {name}\n" for name in names))


def remove_netns_folder_if_unused():
    """Undoes what `ip netns add` set up for itself, once no namespace of anybody is left."""
    if NETNS_FOLDER.is_dir() and not any(NETNS_FOLDER.iterdir()):
        while folders.is_mount_point(NETNS_FOLDER):
            run(["umount", "--lazy", str(NETNS_FOLDER)])
        NETNS_FOLDER.rmdir()


def _enter_namespace(name):
    """Moves the calling thread, and it alone, into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NETNS_FOLDER / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, 0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), f"network namespace {name}")
    finally:
        os.close(descriptor)


class _BannerWait:
    """Connects to the sshd of many hosts at once and waits for all of them to greet."""

    def __init__(self, hosts):
        self.waiting = {host.name: host for host in hosts}
        self.selector = selectors.DefaultSelector()

    def _connect(self, host):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        connection.connect_ex((host.address, host.port))
        self.selector.register(connection, selectors.EVENT_READ, host)

    def _read(self, connection, host):
        """True when the greeting has come, False when the host refused so far."""
        try:
            return connection.recv(4) == b"SSH-"
        except OSError:
            return False
        finally:
            self.selector.unregister(connection)
            connection.close()

    def run(self):
        deadline = time.monotonic() + SSH_TIMEOUT_S
        refused = list(self.waiting.values())
        while self.waiting and time.monotonic() < deadline:
            for host in refused:
                self._connect(host)
            refused = []
            for key, _ in self.selector.select(timeout=0.5):
                if self._read(key.fileobj, key.data):
                    del self.waiting[key.data.name]
                else:
                    refused.append(key.data)
            if refused:
                time.sleep(0.005)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def _inside(lab, work):
    """Runs `work` in the lab's outer namespace, on a thread that ends there."""
    def enter_and_work():
        _enter_namespace(lab.netns)
        work()

    thread = threading.Thread(target=enter_and_work)
    thread.start()
    thread.join()


def wait_for_ssh(lab, hosts):
    """Returns when the sshd of every host answers; a LabError names those that do not."""
    wait = _BannerWait(hosts)
    if any(host.netns for host in hosts):
        _inside(lab, wait.run)
    else:
        wait.run()
    if wait.waiting:
        silent = ", ".join(list(wait.waiting)[:10])
        raise LabError(f"{len(wait.waiting)} hosts do not answer on SSH: {silent}; "
                       f"see their logs in {lab.folder}/hosts/NAME/log")


def wait_for_time(lab, relay):
    """Returns when the relay serves time: OpenNTPD asks an unsynchronised server again only after 50 minutes."""
    served = []
    _inside(lab, lambda: served.append(_serves_time(relay.address)))
    if not any(served):
        raise LabError(f"{relay.name} serves no time; see its log in {lab.host_folder(relay)}/log")


def _serves_time(address):
    deadline = time.monotonic() + NTP_TIMEOUT_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.05)
        while time.monotonic() < deadline:
            try:
                client.sendto(NTP_REQUEST, (address, 123))
                if client.recv(512)[0] >> 6 != NTP_LEAP_UNSYNCHRONISED:
                    return True
            except OSError:  # no answer, or nobody there as yet
                time.sleep(0.05)
    return False
