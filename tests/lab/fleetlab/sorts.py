"""The sorts of hosts: which root file system, which time daemon, and how the daemon finds the lab's relay."""

import dataclasses
import re

from .errors import LabError
from .state import CONTROLLER_ADDRESS, LAB_NETWORK


@dataclasses.dataclass(frozen=True)
class Sort:
    """`root` and `systemd_root` name entries of roots.ROOTS; empty: there are no hosts of that kind."""

    root: str
    systemd_root: str = ""
    service: str = ""
    config_path: str = ""
    config: str = ""
    always_runs: bool = False


CHRONY_CONFIG = """\
server {source} iburst minpoll 1 maxpoll 4
driftfile /var/lib/chrony/chrony.drift
keyfile /etc/chrony/chrony.keys
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
"""

RELAY_CONFIG = f"""\
local stratum 8
allow {LAB_NETWORK}
driftfile /var/lib/chrony/chrony.drift
logdir /var/log/chrony
"""

NTPSEC_CONFIG = """\
driftfile /var/lib/ntpsec/ntp.drift
tos minclock 1 minsane 1
server {source} iburst minpoll 3 maxpoll 4
restrict default kod nomodify nopeer noquery limited
restrict 127.0.0.1
restrict ::1
"""

NTP_CONFIG = """\
driftfile /var/lib/ntp/ntp.drift
server {source} iburst minpoll 3 maxpoll 4
restrict -4 default kod notrap nomodify nopeer noquery limited
restrict 127.0.0.1
restrict ::1
"""

OPENNTPD_CONFIG = """\
server {source}
"""

SORTS = {
    "chrony": Sort("chrony", "chrony-systemd", "chrony", "etc/chrony/chrony.conf", CHRONY_CONFIG),
    "python": Sort("python", "", "chrony", "etc/chrony/chrony.conf", CHRONY_CONFIG),
    "ntpsec": Sort("ntpsec", "ntpsec-systemd", "ntpsec", "etc/ntpsec/ntp.conf", NTPSEC_CONFIG),
    "ntp": Sort("ntp", "ntp-systemd", "ntp", "etc/ntp.conf", NTP_CONFIG),
    "oldchrony": Sort("oldchrony", "", "chrony", "etc/chrony/chrony.conf", CHRONY_CONFIG),
    "openntpd": Sort("openntpd", "", "openntpd", "etc/openntpd/ntpd.conf", OPENNTPD_CONFIG),
    "walled": Sort("", "walled-systemd", "chrony", "etc/chrony/chrony.conf", CHRONY_CONFIG),
    "openrc": Sort("openrc", "", "chrony", "etc/chrony/chrony.conf", CHRONY_CONFIG),
    "bare": Sort("bare"),
    "crond": Sort("crond"),
    "busybox": Sort("busybox"),
    "plain": Sort("debian12", "debian12-systemd"),
    "relay": Sort("chrony", "chrony-systemd", "chrony", "etc/chrony/chrony.conf", RELAY_CONFIG, always_runs=True),
}


def time_config(sort, relay):
    """The text of the daemon's configuration: its source is the lab's relay, or the controller without one."""
    return sort.config.format(source=relay.address if relay else CONTROLLER_ADDRESS)


def _parse(spec):
    """`chrony:8,ntp` as [("chrony", 8), ("ntp", None)]."""
    parsed = []
    for part in spec.split(","):
        match = re.fullmatch(r"([a-z]+)(?::([0-9]+))?", part)
        if not match or match[1] not in SORTS:
            raise LabError(f"--sort {part}: give one of {', '.join(SORTS)}, with an optional count as in chrony:8")
        parsed.append((match[1], int(match[2]) if match[2] else None))
    return parsed


def named(spec):
    """The sorts a --sort names, each once."""
    return list(dict.fromkeys(name for name, _ in _parse(spec)))


def deal(spec, count):
    """Turns `--sort chrony,ntp` or `--sort chrony:8,ntp:2` into a list of sort names, one a host.

    Without counts, `count` hosts are dealt round robin; with counts, `count` may be None.
    """
    parsed = _parse(spec)
    names = [name for name, _ in parsed]
    counts = [number for _, number in parsed]
    if None not in counts:
        dealt = [name for name, number in parsed for _ in range(number)]
        if count not in (None, len(dealt)):
            raise LabError(f"--hosts {count} contradicts --sort {spec}, which are {len(dealt)} hosts")
    elif any(number is not None for number in counts):
        raise LabError(f"--sort {spec}: give counts to all sorts or to none")
    elif count is None:
        raise LabError("how many hosts? give --hosts N, or counts as in --sort chrony:8,ntp:2")
    else:
        dealt = [names[i % len(names)] for i in range(count)]
    if not dealt:
        raise LabError("a lab needs at least one host")
    return dealt
