"""adjtimex(2) for tests on hosts: `python3 timex.py '[{"modes": 2, "freq": 0}, {"wait": 1}]'`.

Makes the requests one after the other and prints what each brought back, with the three clocks, as a JSON list. Sent
to a host on standard input, so it imports nothing of the lab.
"""

import ctypes
import json
import os
import sys
import time

ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS, ADJ_TIMECONST = 1, 2, 4, 8, 0x10, 0x20
ADJ_TAI, ADJ_SETOFFSET, ADJ_NANO, ADJ_TICK = 0x80, 0x100, 0x2000, 0x4000
STA_PLL, STA_INS, STA_DEL, STA_UNSYNC, STA_FREQHOLD = 1, 0x10, 0x20, 0x40, 0x80
TIME_OK, TIME_INS, TIME_DEL, TIME_ERROR = 0, 1, 2, 5

NUMBERS = ("offset", "freq", "maxerror", "esterror", "status", "constant", "tolerance", "tick", "tai")


class Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                ("constant", ctypes.c_long), ("precision", ctypes.c_long), ("tolerance", ctypes.c_long),
                ("time", ctypes.c_long * 2), ("tick", ctypes.c_long), ("pps", ctypes.c_long * 8),
                ("tai", ctypes.c_int), ("reserved", ctypes.c_int * 11)]


def adjust(request):
    if "wait" in request:
        time.sleep(request["wait"])
    given = {name: value for name, value in request.items() if name in ("modes", *NUMBERS)}
    state = Timex(**given, time=(ctypes.c_long * 2)(*request.get("time", (0, 0))))
    result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    if result < 0:
        return {"error": os.strerror(ctypes.get_errno())}
    clocks = {"real_s": time.CLOCK_REALTIME, "raw_s": time.CLOCK_MONOTONIC_RAW, "mono_s": time.CLOCK_MONOTONIC}
    return {"state": result, **{name: getattr(state, name) for name in NUMBERS},
            **{name: time.clock_gettime(clock) for name, clock in clocks.items()}}


if __name__ == "__main__":
    print(json.dumps([adjust(request) for request in json.loads(sys.argv[1])]))
