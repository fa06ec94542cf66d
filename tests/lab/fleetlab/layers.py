"""The two overlay layers above a root: `site`, the same for all hosts of a lab, and a host's own `seed`.

Layers are never changed while a host has them mounted (the kernel forbids it). /etc/hosts of running hosts is
therefore rewritten through the hosts themselves when more hosts join a lab.
"""

import os
import shutil
import sys

from . import folders, native, roots
from .shell import run
from .sorts import SORTS, time_config

SSHD_CONFIG = """\
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
UseDNS no
MaxStartups 1000:30:2000
MaxSessions 100
"""
SUDOERS = "ops ALL=(ALL:ALL) NOPASSWD: ALL\npw ALL=(ALL:ALL) ALL\n"
CLOCK_LIBRARY = "usr/lib/fleetsync-lab/vclock.so"
STARTED = "etc/fleetsync-lab/started"  # made when a host has started what it starts

# Units that check for, or are started with, a capability no lab host has; vclock.so decides who may set the clock.
_UNCONDITIONAL = "[Unit]\nConditionCapability=\nConditionVirtualization=\n"
UNIT_DROP_INS = {
    "chrony": _UNCONDITIONAL,
    "ntpsec": _UNCONDITIONAL,
    "ntp": _UNCONDITIONAL,
    "systemd-timesyncd": _UNCONDITIONAL + "[Service]\nAmbientCapabilities=\n"
                                          "Environment=FLEETSYNC_LAB_MAY_SET_CLOCK=1\n",
    "systemd-timedated": _UNCONDITIONAL + "[Service]\nDeviceAllow=\n",
}
MASKED_UNITS = ["systemd-networkd.service", "systemd-resolved.service", "apt-daily.timer", "apt-daily-upgrade.timer",
                "e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer"]

# A journal on disk would be open for writing, and forbid to make the root file system read-only.
JOURNALD_CONFIG = "[Journal]\nStorage=volatile\n"

_MODES = {"root": 0o700, "root/.ssh": 0o700, "home/ops/.ssh": 0o700, "etc/sudoers.d": 0o750}
_OWNERS = {"home/ops": 1000, "home/ops/.ssh": 1000, "home/ops/.ssh/authorized_keys": 1000}


class Layer:
    """A folder tree to be used as an overlay layer: the modes of its folders hide those of the layers below."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(mode=0o755, parents=True)

    def _make_parents(self, path):
        for parent in reversed(path.parents[:-1]):
            name = str(parent)
            if not (self.folder / name).is_dir():
                (self.folder / name).mkdir(mode=0o755)
                (self.folder / name).chmod(_MODES.get(name, 0o755))
                self._give(name)

    def _give(self, name):
        if name in _OWNERS:
            os.chown(self.folder / name, _OWNERS[name], _OWNERS[name])

    def _place(self, name):
        target = self.folder / name
        self._make_parents(target.relative_to(self.folder))
        return target

    def write(self, name, text, mode=0o644):
        target = self._place(name)
        target.write_text(text)
        target.chmod(mode)
        self._give(name)

    def link(self, name, destination):
        self._place(name).symlink_to(destination)

    def copy(self, name, source, mode):
        target = self._place(name)
        shutil.copyfile(source, target)
        target.chmod(mode)


def make_key(lab):
    """Makes the key pair that opens all logins of the lab, unless an earlier `up` did."""
    if not lab.key.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{lab.name}", "-f", str(lab.key)])


def build_site(lab):
    """Makes the layer all hosts of the lab share, unless an earlier `up` did."""
    if lab.site.exists():
        return
    make_key(lab)
    public_key = (lab.folder / "id_ed25519.pub").read_text()
    shutil.rmtree(lab.folder / "site.new", ignore_errors=True)
    site = Layer(lab.folder / "site.new")
    site.copy(CLOCK_LIBRARY, native.program("vclock.so"), 0o755)
    site.write("etc/ld.so.preload", f"/{CLOCK_LIBRARY}\n")
    site.write("etc/resolv.conf", "")
    site.write("etc/ssh/sshd_config.d/lab.conf", SSHD_CONFIG)
    site.write("etc/sudoers.d/lab", SUDOERS, 0o440)
    site.write("etc/systemd/journald.conf.d/lab.conf", JOURNALD_CONFIG)
    for home in ("root", "home/ops"):
        site.write(f"{home}/.ssh/authorized_keys", public_key, 0o600)
    for unit, text in UNIT_DROP_INS.items():
        site.write(f"etc/systemd/system/{unit}.service.d/lab.conf", text)
    for unit in MASKED_UNITS:
        site.link(f"etc/systemd/system/{unit}", "/dev/null")
    os.rename(lab.folder / "site.new", lab.site)


def _key_from_pool(number):
    """The host key number `number`, made on first use and kept in the cache: making keys would slow down big labs."""
    key = folders.cache() / "hostkeys" / str(number)
    if not key.with_suffix(".pub").exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        key.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)])
    return key


def host_keys(hosts):
    """The private key file of every host, by name."""
    with folders.locked(folders.cache() / "hostkeys.lock"):
        return {host.name: _key_from_pool(host.index) for host in hosts}


def hosts_text(lab):
    """/etc/hosts for every host of the lab."""
    lines = [f"{host.address} {host.name}\n" for host in lab.hosts.values()]
    return "127.0.0.1 localhost\n::1 localhost\n198.18.0.1 controller\n" + "".join(lines)


def _start_script(host, start_daemon):
    """What the tiny init runs beside sshd; a booted host has systemd for that."""
    lines = ["#!/bin/sh"]
    if host.sort != "busybox":
        lines.append("/usr/sbin/cron")
    if start_daemon:
        lines.append(f"service {SORTS[host.sort].service} start")
    lines.append(f": >/{STARTED}")
    return "\n".join(lines) + "\n"


def build_seed(lab, host, key, start_daemon, etc_hosts):
    """Makes the layer with what only this host has: name, host key, time daemon's configuration and start."""
    sort = SORTS[host.sort]
    start_daemon = bool(sort.service) and (start_daemon or sort.always_runs)
    seed = Layer(lab.host_folder(host) / "seed")
    seed.write("etc/hostname", host.name + "\n")
    seed.write("etc/hosts", etc_hosts)
    seed.copy("etc/ssh/ssh_host_ed25519_key", key, 0o600)
    seed.copy("etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub"), 0o644)
    if sort.config_path:
        seed.write(sort.config_path, time_config(sort, lab.relay()))
    if host.kind == "host":
        seed.write("etc/fleetsync-lab/start", _start_script(host, start_daemon), 0o755)
    elif start_daemon:
        unit = f"{sort.service}.service"
        seed.link(f"etc/systemd/system/multi-user.target.wants/{unit}", f"/lib/systemd/system/{unit}")


def lowerdir(lab, host):
    """The value of overlayfs' lowerdir for a host: its layers from the top down."""
    root = SORTS[host.sort].systemd_root if host.kind == "systemd" else SORTS[host.sort].root
    return ":".join([str(lab.host_folder(host) / "seed"), str(lab.site), *roots.lower_dirs(root)])


def refresh_hosts_file(hosts, text):
    """Rewrites /etc/hosts of running hosts, through their own mounts."""
    for host in hosts:
        try:
            with open(f"/proc/{host.pid}/root/etc/hosts", "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            print(f"lab: {host.name} is down: its /etc/hosts stays as it is", file=sys.stderr)
