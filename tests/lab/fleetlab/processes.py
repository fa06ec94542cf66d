"""Finding the processes of a lab by what they are in, not by what was written down when they started."""

import os
import pathlib
import signal
import time

from .errors import LabError

KILL_TIMEOUT_S = 20


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def in_namespaces(files):
    """Processes in any of the network namespaces that are mounted at `files`."""
    inodes = {os.stat(file).st_ino for file in files if os.path.exists(file)}
    return {pid for pid in all_pids() if inodes and _network_of(pid) in inodes}


def _network_of(pid):
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:  # it has ended, or it is a zombie
        return None


def in_cgroups(folders):
    """Processes in control groups at or below `folders`."""
    found = set()
    for folder in folders:
        for file in pathlib.Path(folder).glob("**/cgroup.procs"):
            try:
                found.update(int(line) for line in file.read_text().split())
            except OSError:  # the group has just gone
                continue
    return found


def _parents():
    parents = {}
    for pid in all_pids():
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[pid] = int(stat.rpartition(")")[2].split()[1])
    return parents


def children(pid):
    return {child for child, parent in _parents().items() if parent == pid}


def descendants(roots):
    """The processes `roots` and all that descend from them."""
    parents, found = _parents(), set(roots)
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def labhosts(folder):
    """The `labhost` processes of hosts whose folder is below `folder`: inits, supervisors, hosts being started."""
    found = set()
    for pid in all_pids():
        try:
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        of_folder = any(argument.startswith(f"{folder}/".encode()) for argument in arguments[2:])
        if of_folder and arguments[0].endswith(b"/labhost"):
            found.add(pid)
    return found


def command_name(pid):
    """The kernel's short name of a process, empty when it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def send(pids, signal_number):
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def kill_until_gone(find):
    """Kills what `find` returns until it returns nothing: what dies may leave children behind, found next time."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while pids := find() - {os.getpid()}:
        if time.monotonic() > deadline:
            raise LabError(f"processes that cannot be killed: {sorted(pids)[:10]}")
        send(pids, signal.SIGKILL)
        time.sleep(0.01)
