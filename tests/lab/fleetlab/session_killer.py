"""The helper of the fault `kill-sshd --after`: kills every SSH session when it reaches a certain age.

Started as `session_killer SECONDS LISTENER_PID...`; ends when no listener is left.
"""

import os
import pathlib
import signal
import sys
import time

from . import processes

POLL_S = 0.02


def _age_s(pid):
    """Seconds since the process began; 0 for one that has ended."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    started = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def _sessions(listener):
    """The children of an sshd that listens; None when it has ended."""
    try:
        return [int(pid) for pid in pathlib.Path(f"/proc/{listener}/task/{listener}/children").read_text().split()]
    except OSError:
        return None


def main(limit_s, listeners):
    print("ready", flush=True)
    while listeners:
        sessions = {listener: _sessions(listener) for listener in listeners}
        listeners = [listener for listener in listeners if sessions[listener] is not None]
        due = [pid for listener in listeners for pid in sessions[listener] if _age_s(pid) >= limit_s]
        processes.send(due, signal.SIGKILL)
        time.sleep(POLL_S)


if __name__ == "__main__":
    main(float(sys.argv[1]), [int(pid) for pid in sys.argv[2:]])
