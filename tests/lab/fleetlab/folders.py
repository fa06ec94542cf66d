"""Where the lab keeps things: run folders, which vanish with `lab down`, and the cache, which stays."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil

from .errors import LabError
from .shell import run

SOURCE = pathlib.Path(__file__).resolve().parent.parent
DEFAULT_LAB = "default"


def is_root():
    return os.geteuid() == 0


def cache():
    """The folder of roots, keys and compiled programs, shared by all labs."""
    configured = os.environ.get("FLEETSYNC_LAB_CACHE")
    if configured:
        return pathlib.Path(configured)
    return pathlib.Path("/var/cache/fleetsync-lab") if is_root() else pathlib.Path.home() / ".cache/fleetsync-lab"


def runs():
    """The folder that holds a folder for every lab which is up."""
    if is_root():
        return pathlib.Path("/run/fleetsync-lab")
    return pathlib.Path(os.environ.get("XDG_RUNTIME_DIR", f"/tmp/fleetsync-lab-{os.getuid()}")) / "fleetsync-lab"


def check_lab_name(name):
    """Lab names become parts of namespace names, with a dash as the separator."""
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise LabError(f"lab name {name!r}: 1 to 32 lower case letters, digits and underscores are allowed")
    return name


def is_mount_point(folder):
    """Unlike os.path.ismount(), recognises a folder that is bound to itself, as `ip` does with /run/netns."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(line.split()[4] == str(folder) for line in mounts)


def make_run_folder(folder):
    """Makes a lab's folder, if there is none, in memory: the hosts' clocks are mapped files in it, and writing them
    must not wait for a disk where /run is on one."""
    if not folder.exists():
        folder.mkdir(parents=True)
        if is_root():
            run(["mount", "-t", "tmpfs", "-o", "mode=755", "fleetsync-lab", str(folder)])


def remove_run_folder(folder):
    """Also empties it: namespaces of other labs may keep what is mounted there alive."""
    shutil.rmtree(folder, ignore_errors=True)
    while is_mount_point(folder):
        run(["umount", "--lazy", str(folder)])
    shutil.rmtree(folder, ignore_errors=True)


def _same_file(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(path):
    """Opens and locks `path`; again if the holder before us removed the file, or its folder, while we waited."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _same_file(descriptor, path):
            return descriptor
        os.close(descriptor)


@contextlib.contextmanager
def locked(path):
    """Holds an exclusive lock on `path`; the file descriptor it yields may be inherited to extend the lock."""
    descriptor = _lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
