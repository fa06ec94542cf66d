"""What a lab consists of, kept in its run folder as state.json."""

import contextlib
import dataclasses
import json
import os

from . import folders
from .errors import LabError

CONTROLLER_ADDRESS = "198.18.0.1"
LAB_NETWORK = "198.18.0.0/16"
HOSTS_PER_SUBNET = 250


@dataclasses.dataclass
class Host:
    """One host. `pid` is 0 until it runs: that of its init, of its systemd-nspawn or of its sshd's supervisor."""

    name: str
    index: int
    sort: str
    kind: str
    group: str
    address: str
    port: int
    netns: str = ""
    pid: int = 0


class Lab:
    """The run folder of a lab and the hosts in it."""

    def __init__(self, name):
        self.name = folders.check_lab_name(name)
        self.folder = folders.runs() / name
        self.netns = f"fsl-{name}"
        self.hosts = {}

    @property
    def key(self):
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self):
        return self.folder / "known_hosts"

    @property
    def site(self):
        """The overlay layer all hosts of the lab share."""
        return self.folder / "site"

    def host_folder(self, host):
        return self.folder / "hosts" / host.name

    def clock_file(self, host):
        return self.host_folder(host) / "clock"

    def lock(self):
        """Excludes every other command that changes the lab. Lies beside the run folder, which `down` removes."""
        return folders.locked(folders.runs() / f".{self.name}.lock")

    def load(self):
        """Reads the hosts; a lab that is not up has none."""
        with contextlib.suppress(FileNotFoundError):
            for record in json.loads((self.folder / "state.json").read_text()):
                host = Host(**record)
                self.hosts[host.name] = host
        return self

    def save(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / "state.json.new"
        temporary.write_text(json.dumps([dataclasses.asdict(host) for host in self.hosts.values()]))
        os.replace(temporary, self.folder / "state.json")

    def host(self, name):
        if name not in self.hosts:
            raise LabError(f"lab {self.name} has no host {name}: see `lab list`")
        return self.hosts[name]

    def relay(self):
        """The first relay, which the other hosts' time daemons are pointed at, or None."""
        return next((host for host in self.hosts.values() if host.sort == "relay"), None)


def open_lab(name):
    """The lab, which must be up."""
    lab = Lab(name).load()
    if not lab.hosts:
        raise LabError(f"lab {name} is not up: see `lab up`")
    return lab


def subnet_address(network, index):
    """The address of the host number `index` (from 1) below `network`, two octets such as 198.18."""
    subnet, number = divmod(index - 1, HOSTS_PER_SUBNET)
    return f"{network}.{subnet + 1}.{number + 1}"
