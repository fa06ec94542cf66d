"""What tests on real hosts have in common: a lab of one's own, and waiting for what comes in time."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
LAB = ROOT / "tests/lab/lab"
BIN = pathlib.Path(os.environ.get("FLEETSYNC_BIN", ROOT / "build/bin")).resolve()
DEADLINE_S = 60


def eventually(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return result


class Lab:
    """A lab and a folder of its own."""

    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fleetsync-{name}-"))

    def __call__(self, *arguments, check=True, timeout=180):
        done = subprocess.run([LAB, "--lab", self.name, *arguments], capture_output=True, text=True, timeout=timeout,
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
        return [LAB, "--lab", self.name, "run", "--", BIN / "fleetsync", "-i", self.folder / inventory, "--db",
                self.folder / "fleet.db", *arguments]
