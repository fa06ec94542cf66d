"""Running other programs."""

import subprocess

from .errors import LabError


def run(argv, *, stdin=None, cwd=None, env=None):
    """Runs a program and returns its standard output; a LabError carries what it said if it fails."""
    try:
        done = subprocess.run(argv, input=stdin, cwd=cwd, env=env, text=True, capture_output=True, check=False)
    except FileNotFoundError as missing:
        raise LabError(f"{argv[0]} is not installed: try `lab prepare --install`") from missing
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(map(str, argv))}: exit code {done.returncode}\n{said}")
    return done.stdout


def tail(text, lines=15):
    """The end of a program's output: where the reason usually stands."""
    return "\n".join(text.strip().splitlines()[-lines:])
