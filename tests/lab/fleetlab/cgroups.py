"""Control groups for booted hosts: systemd wants its own, and they tell which processes belong to a lab."""

import contextlib
import os
import pathlib

_MOUNTS = pathlib.Path("/sys/fs/cgroup")


def _hierarchies():
    """Where groups are made: in the unified hierarchy, or in a hybrid set-up in systemd's and the unified one."""
    if (_MOUNTS / "cgroup.procs").exists():
        return [_MOUNTS]
    return [folder for folder in (_MOUNTS / "systemd", _MOUNTS / "unified") if folder.is_dir()]


def of_lab(lab_name):
    return [folder / "fleetsync-lab" / lab_name for folder in _hierarchies()]


def create(lab_name, host_name):
    """Makes a host's groups and returns their cgroup.procs files."""
    groups = [folder / host_name for folder in of_lab(lab_name)]
    for group in groups:
        group.mkdir(parents=True, exist_ok=True)
    return [group / "cgroup.procs" for group in groups]


def remove(lab_name):
    """Removes a lab's groups, which must be empty of processes, and the lab's common parent when it is unused."""
    for top in of_lab(lab_name):
        for folder, _, _ in os.walk(top, topdown=False):
            os.rmdir(folder)
        with contextlib.suppress(OSError):
            top.parent.rmdir()
