"""Root file systems, built once and cached: debootstrapped bases and thin overlay layers on top of them.

Nothing here may touch the machine's clock, so everything that installs packages, and so may start a time daemon,
runs without CAP_SYS_TIME and with a policy that forbids starting services.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from . import apt, busybox_root, folders
from .errors import LabError
from .shell import run, tail
from .sorts import SORTS

REQUIRED_PROGRAMS = {
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nft": "nftables",
    "cc": "gcc",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "ssh-keygen": "openssh-client",
}
BOOT_PROGRAMS = {"systemd-nspawn": "systemd-container"}

COMMON_PACKAGES = ["cron", "iproute2", "iptables", "netbase", "nftables", "openssh-server", "procps", "sudo"]


@dataclasses.dataclass(frozen=True)
class Root:
    """Either a base (`suite`), a layer on a `parent`, or the busybox root, which is carved out of its parent."""

    suite: str = ""
    parent: str = ""
    packages: tuple = ()
    busybox: bool = False
    offered: tuple = ()  # packages that apt can install there without a network


ROOTS = {
    "debian12": Root(suite="bookworm", packages=(*COMMON_PACKAGES, "busybox", "util-linux-extra")),
    "debian11": Root(suite="bullseye", packages=tuple(COMMON_PACKAGES)),
    "chrony": Root(parent="debian12", packages=("chrony",)),
    "python": Root(parent="debian12", packages=("chrony", "python3")),  # for tools that need it there
    "ntpsec": Root(parent="debian12", packages=("ntpsec", "ntpsec-ntpdig", "ntpsec-ntpdate")),
    "ntp": Root(parent="debian11", packages=("ntp", "ntpdate", "sysvinit-core")),
    "oldchrony": Root(parent="debian11", packages=("chrony",)),
    "openntpd": Root(parent="debian12", packages=("openntpd",)),
    "openrc": Root(parent="debian12", packages=("openrc", "chrony")),
    "crond": Root(parent="debian12", packages=("busybox-static", "cron-")),  # Debian's other busybox has no crond
    "bare": Root(parent="debian12", offered=("chrony",)),
    "busybox": Root(parent="debian12", busybox=True),
    "debian12-systemd": Root(parent="debian12", packages=("systemd-sysv", "dbus", "systemd-timesyncd")),
    "chrony-systemd": Root(parent="debian12", packages=("systemd-sysv", "dbus", "chrony")),
    "ntpsec-systemd": Root(parent="debian12", packages=("systemd-sysv", "dbus", "ntpsec", "ntpsec-ntpdig")),
    "ntp-systemd": Root(parent="debian11", packages=("systemd-sysv", "dbus", "ntp", "ntpdate")),
    "walled-systemd": Root(parent="debian12", packages=("systemd-sysv", "dbus", "chrony", "ufw", "firewalld")),
}

# Passwords are hashed in the root; `ops` logs in with the lab's key only.
LAB_PASSWORD = "lab-password"
_FINISH_BASE = """
useradd --create-home --shell /bin/bash --uid 1000 ops
useradd --create-home --shell /bin/bash --uid 1001 pw
echo "pw:$1" | chpasswd
rm -f /etc/ssh/ssh_host_*_key* /etc/machine-id
: > /etc/machine-id
apt-get clean
rm -rf /var/lib/apt/lists/* /etc/resolv.conf /etc/hosts
"""

_BUILD_LAYER = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/root,workdir=$2/work" "$2/merged"
mount -t proc proc "$2/merged/proc"
mount --bind /dev "$2/merged/dev"
mount -t tmpfs tmpfs "$2/merged/run"
cp -L /etc/resolv.conf "$2/merged/etc/resolv.conf"
if [ -e /etc/hosts ]; then cp -L /etc/hosts "$2/merged/etc/hosts"; fi
shift 2
chroot "$LAYER/merged" sh -euc '
  printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  apt-get -qq update
  apt-get -qq -y --no-install-recommends install "$@"
  if [ -n "$OFFERED" ]; then
    apt-get -qq -y --no-install-recommends --download-only install $OFFERED
    mkdir /srv/packages
    mv /var/cache/apt/archives/*.deb /srv/packages
    for package in /srv/packages/*.deb; do
      dpkg-deb --field "$package"
      printf "Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n" "${package##*/}" "$(stat -c %s "$package")" \
        "$(sha256sum <"$package" | cut -d" " -f1)"
    done >/srv/packages/Packages
    rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
    echo "deb [trusted=yes] file:/srv/packages ./" >/etc/apt/sources.list
  fi
  for unit in chrony ntpsec ntp openntpd systemd-timesyncd ufw firewalld; do
    rm -f /etc/systemd/system/*.wants/$unit.service /etc/rc?.d/S??$unit
  done
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  [ -z "$OFFERED" ] || apt-get -qq update
  rm -rf /usr/sbin/policy-rc.d /etc/resolv.conf /etc/hosts /etc/ssh/ssh_host_*_key*
' sh "$@"
"""

_WITHOUT_CLOCK = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"]
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@functools.cache
def _folder(name):
    """Where a root is kept: another folder whenever what it is made of, or how, has changed."""
    recipe = (ROOTS[name], _FINISH_BASE, _BUILD_LAYER, LAB_PASSWORD, inspect.getsource(busybox_root))
    parent = _folder(ROOTS[name].parent).name if ROOTS[name].parent else ""
    digest = hashlib.sha256(repr((recipe, parent)).encode()).hexdigest()[:8]
    return folders.cache() / "roots" / f"{name}-{digest}"


def _parent_chain(name):
    """The root and what lies below it, topmost first."""
    chain = [name]
    while not ROOTS[chain[-1]].suite and not ROOTS[chain[-1]].busybox:
        chain.append(ROOTS[chain[-1]].parent)
    return chain


def lower_dirs(name):
    """The folders of a root in the order of overlayfs' lowerdir."""
    return [str(_folder(part)) for part in _parent_chain(name)]


def _environment():
    proxies = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    return {**proxies, **_QUIET}


def _checked(argv, **environment):
    done = subprocess.run(argv, env={**_environment(), **environment}, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise LabError(f"{argv[0]} failed with exit code {done.returncode}:\n{tail(done.stdout)}")


def _build_base(root, workspace):
    target = workspace / "root"
    _checked([*_WITHOUT_CLOCK, "debootstrap", "--variant=minbase", f"--include={','.join(root.packages)}",
              root.suite, str(target), apt.mirror(root.suite)])
    (target / "etc/apt/apt.conf.d/00lab").write_text(apt.settings())
    _checked([*_WITHOUT_CLOCK, "chroot", str(target), "sh", "-euc", _FINISH_BASE, "sh", LAB_PASSWORD])


def _build_layer(root, workspace):
    for name in ("root", "work", "merged"):
        (workspace / name).mkdir()
    _checked([*_WITHOUT_CLOCK, "unshare", "--mount", "--propagation", "private", "sh", "-euc", _BUILD_LAYER, "sh",
              ":".join(lower_dirs(root.parent)), str(workspace), *root.packages], LAYER=str(workspace),
             OFFERED=" ".join(root.offered))


def _build(name):
    """Builds into a temporary folder and renames it, so that a root which exists is complete."""
    root = ROOTS[name]
    started = time.monotonic()
    sys.stderr.write(f"lab: building root {name}\n")
    _folder(name).parent.mkdir(parents=True, exist_ok=True)
    workspace = pathlib.Path(tempfile.mkdtemp(dir=_folder(name).parent, prefix=f".{name}-"))
    workspace.chmod(0o755)
    try:
        if root.suite:
            _build_base(root, workspace)
        elif root.busybox:
            busybox_root.build(_folder(root.parent), workspace / "root", LAB_PASSWORD)
        else:
            _build_layer(root, workspace)
        (workspace / "root").chmod(0o755)
        os.rename(workspace / "root", _folder(name))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    sys.stderr.write(f"lab: built root {name} in {time.monotonic() - started:.0f} s\n")


def _ancestors_first(names):
    """Batches of missing roots; the roots of a batch need only those of earlier batches."""
    missing, batches = {}, []

    def visit(name):
        if name in missing or _folder(name).is_dir():
            return
        parent = ROOTS[name].parent
        if parent:
            visit(parent)
        missing[name] = missing.get(parent, -1) + 1

    for name in names:
        visit(name)
    for name, depth in missing.items():
        while len(batches) <= depth:
            batches.append([])
        batches[depth].append(name)
    return batches


def missing_packages(boot):
    programs = {**REQUIRED_PROGRAMS, **(BOOT_PROGRAMS if boot else {})}
    return sorted({package for program, package in programs.items() if shutil.which(program) is None})


def require_packages(boot):
    missing = missing_packages(boot)
    if missing:
        raise LabError(f"missing packages: {' '.join(missing)}; `lab prepare --install` installs them")


def install_packages(boot):
    missing = missing_packages(boot)
    if missing:
        _checked(["apt-get", "-qq", "update"])
        _checked(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing])


def names_for(sorts, kind):
    """The roots that hosts of these sorts and this kind need."""
    names = []
    for sort in sorts:
        name = SORTS[sort].systemd_root if kind == "systemd" else SORTS[sort].root
        if not name:
            raise LabError(f"sort {sort} cannot be of kind {kind}")
        names.append(name)
    return list(dict.fromkeys(names))


def prepare(names):
    """Builds what is missing of the named roots; of several callers one builds and the others wait."""
    if not any(_ancestors_first(names)):
        return
    with folders.locked(folders.cache() / "roots.lock"):
        _remove_leftovers()
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for batch in _ancestors_first(names):
                list(pool.map(_build, batch))


def _remove_leftovers():
    """Workspaces of builds that were killed; under the lock, nobody else's."""
    with contextlib.suppress(FileNotFoundError):
        for entry in (folders.cache() / "roots").iterdir():
            if entry.name.startswith("."):
                shutil.rmtree(entry, ignore_errors=True)
