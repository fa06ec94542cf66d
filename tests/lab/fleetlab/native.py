"""Compiles the lab's C programs into the cache, once for every version of their sources."""

import functools
import hashlib
import os
import pathlib
import shutil
import tempfile

from . import folders
from .shell import run

SOURCES = folders.SOURCE / "native"
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra"]
TARGETS = {
    "labhost": ["labhost.c", "-lm"],
    "vclockctl": ["vclockctl.c", "-lm"],
    "vclock.so": ["-shared", "-fPIC", "vclock.c", "-Wl,--no-as-needed", "-l:libdl.so.2", "-lm"],
}


def _digest():
    content = hashlib.sha256(repr((FLAGS, TARGETS)).encode())
    for source in sorted(SOURCES.iterdir()):
        content.update(source.read_bytes())
    return content.hexdigest()[:16]


def build():
    """Returns the folder with the programs for the present sources, compiling them if need be."""
    folder = folders.cache() / "native" / _digest()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix="build-"))
    temporary.chmod(0o755)
    for name, arguments in TARGETS.items():
        run(["cc", *FLAGS, "-o", str(temporary / name), *arguments], cwd=SOURCES)
    try:
        os.rename(temporary, folder)
    except OSError:  # another lab was faster; its result is the same
        shutil.rmtree(temporary)
    return folder


@functools.cache
def program(name):
    return str(build() / name)
