"""A root whose whole userland is busybox, with OpenSSH's server: the small end of what fleetsync must cope with.

busybox comes from the dynamically linked package: a static one could not be given a clock of its own.
"""

import re
import shutil

from .shell import run

PROGRAMS = ["bin/busybox", "usr/sbin/sshd", "usr/lib/openssh/sftp-server"]
CLOCK_LIBRARY_NEEDS = ["libm.so.6", "libdl.so.2"]
FOLDERS = ["bin", "dev", "etc/ssh/sshd_config.d", "home", "proc", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin",
           "usr/lib", "var/empty", "var/log", "var/spool", "var/tmp"]

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
ops:x:1000:1000::/home/ops:/bin/sh
pw:x:1001:1001::/home/pw:/bin/sh
"""
GROUP = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\nops:x:1000:\npw:x:1001:\n"
SSHD_CONFIG = "Include /etc/ssh/sshd_config.d/*.conf\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"


def _libraries(base, program):
    """The shared libraries of a program of `base`, the loader among them."""
    listing = run(["chroot", str(base), "ldd", f"/{program}"])
    return re.findall(r"(/\S+) \(0x", listing)


def _copy(base, root, path):
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(base / path.lstrip("/"), target)


def build(base, root, password):
    """Carves the root out of a Debian root `base`."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "lib64").symlink_to("usr/lib")
    needed = {library for program in PROGRAMS for library in _libraries(base, program)}
    libc = next(library for library in needed if library.endswith("/libc.so.6"))
    needed |= {libc.replace("libc.so.6", other) for other in CLOCK_LIBRARY_NEEDS}
    for path in [*PROGRAMS, *needed]:
        _copy(base, root, path)
    run(["chroot", str(root), "/bin/busybox", "--install", "-s"])
    _write_etc(root, run(["openssl", "passwd", "-6", password]).strip())
    _make_homes(root)


def _write_etc(root, password_hash):
    shadow = f"root:*:19000::::::\nops:*:19000::::::\npw:{password_hash}:19000::::::\n"
    files = {"passwd": PASSWD, "group": GROUP, "nsswitch.conf": NSSWITCH, "ssh/sshd_config": SSHD_CONFIG,
             "shells": "/bin/sh\n", "shadow": shadow}
    for name, text in files.items():
        (root / "etc" / name).write_text(text)
    (root / "etc/shadow").chmod(0o600)


def _make_homes(root):
    (root / "root").mkdir(mode=0o700)
    for uid, user in ((1000, "ops"), (1001, "pw")):
        home = root / "home" / user
        home.mkdir()
        shutil.chown(home, uid, uid)
    for folder in ("tmp", "var/tmp"):
        (root / folder).chmod(0o1777)
