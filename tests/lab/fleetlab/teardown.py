"""Taking a lab down, whatever state it is in: complete, half built, or with its run folder lost."""

import contextlib
import os

from . import cgroups, folders, hosts, network, processes


def _members(lab):
    """The processes of a lab: in its namespaces, in its control groups, or below a labhost of it."""
    namespaces = [network.NETNS_FOLDER / name for name in network.namespaces_of(lab.name)]
    found = processes.in_namespaces(namespaces) | processes.in_cgroups(cgroups.of_lab(lab.name))
    return found | processes.descendants(processes.labhosts(lab.folder / "hosts"))


def take_down(lab):
    """Removes everything a lab consists of. Called under the lab's lock; harmless if there is nothing."""
    processes.kill_until_gone(lambda: _members(lab))
    network.delete_namespaces(network.namespaces_of(lab.name))
    if folders.is_root():
        network.remove_netns_folder_if_unused()
    cgroups.remove(lab.name)
    folders.remove_run_folder(lab.folder)
    with contextlib.suppress(FileNotFoundError):
        os.remove(folders.runs() / f".{lab.name}.lock")
    with contextlib.suppress(OSError):  # other labs are up, or another `down` was faster
        if not any(entry.is_dir() for entry in folders.runs().iterdir()):
            hosts.remove_privsep_folder()
        folders.runs().rmdir()


def known_labs():
    """Names of all labs that left a trace on the machine."""
    names = set()
    if folders.runs().is_dir():
        names = {entry.name for entry in folders.runs().iterdir() if entry.is_dir()}
    if network.NETNS_FOLDER.is_dir():
        names |= {entry.name.split("-")[1] for entry in network.NETNS_FOLDER.glob("fsl-*")}
    return sorted(names)
