"""What the machine's own apt is configured with: the lab installs from the same mirror, through the same proxy."""

import functools
import os
import re

from .errors import LabError
from .shell import run

# The settings a chroot needs to reach and believe the same mirror.
_COPIED_SETTING = re.compile(r"Acquire::(https?::|Check-|ForceIPv|Retries)")


@functools.cache
def mirror(suite):
    """The mirror for a Debian release: the one apt has it from, else any Debian mirror apt knows."""
    if "FLEETSYNC_LAB_MIRROR" in os.environ:
        return os.environ["FLEETSYNC_LAB_MIRROR"]
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)", "Created-By: Packages"])
    known = [line.split() for line in listing.splitlines()]
    for uri, codename, *_ in known:
        if codename == suite:
            return uri
    for uri, codename, *origin in known:
        if origin == ["Debian"] and "-" not in codename:
            return uri
    raise LabError(f"apt knows no Debian mirror to get {suite} from: name one in $FLEETSYNC_LAB_MIRROR")


def settings():
    """Text for a file in a root's /etc/apt/apt.conf.d."""
    lines = run(["apt-config", "dump"]).splitlines()
    return "".join(line + "\n" for line in lines if _COPIED_SETTING.match(line))
