"""What tests on real hosts have in common: a lab of one's own, and waiting for what comes in time."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fleetlab import cli, state  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
LAB = ROOT / "tests/lab/lab"
BIN = pathlib.Path(os.environ.get("FLEETSYNC_BIN", ROOT / "build/bin")).resolve()
DEADLINE_S = 60
# Keeps the labs of two runs on one machine apart.
PREFIX = os.environ.get("FLEETSYNC_LAB_PREFIX", "")


def eventually(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return result


def command_of(name, *arguments):
    """The command line of `lab ARGUMENTS`. What only runs another program is that program's own: the tests do so
    thousands of times."""
    if arguments[0] in ("exec", "run"):
        end = arguments.index("--")
        where, command = arguments[:end], [str(word) for word in arguments[end + 1:]]
        lab = state.open_lab(PREFIX + name)
        return cli.run_command(lab, command) if where == ("run",) else cli.exec_command(lab, where[1], command)
    return [LAB, "--lab", PREFIX + name, *arguments]


class Lab:
    """A lab and a folder of its own."""

    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fleetsync-{name}-"))

    def __call__(self, *arguments, check=True, timeout=180):
        done = subprocess.run(command_of(self.name, *arguments), capture_output=True, text=True, timeout=timeout,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"lab {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def up(self, *arguments):
        self("down")
        self("up", *arguments)

    def down(self):
        self("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def sh(self, host, command, check=True):
        return self("exec", host, "--", "sh", "-c", command, check=check).stdout

    def write_inventory(self, text, name="fleet.yaml"):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)

    def fleetsync(self, *arguments, inventory="fleet.yaml"):
        """The command line that runs fleetsync at the controller's place."""
        return command_of(self.name, "run", "--", BIN / "fleetsync", "-i", self.folder / inventory, "--db",
                          self.folder / "fleet.db", *arguments)
