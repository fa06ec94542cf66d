"""The hosts' clocks, seen from outside: the truth about them, and the lab's way to set them."""

import json
import random

from . import native
from .errors import LabError
from .shell import run


def parse_range(text):
    """`-10..10` or `5` as a pair of numbers."""
    low, separator, high = text.partition("..")
    try:
        return (float(low), float(high if separator else low))
    except ValueError:
        raise LabError(f"{text!r} is no range: give a number, or two as in -10..10") from None


def create(lab, hosts, offset_range, ppm_range, seed):
    """Gives each host a clock drawn from the ranges; relays get a true one, and nothing depends on other hosts."""
    arguments = []
    for host in hosts:
        chance = random.Random(f"{seed}/{host.name}")
        offset, ppm = chance.uniform(*offset_range), chance.uniform(*ppm_range)
        if host.sort == "relay":
            offset, ppm = 0, 0
        arguments += [str(lab.clock_file(host)), f"{offset:.9f}", f"{ppm:.6f}"]
    run([native.program("vclockctl"), "init", *arguments])


def read(lab, hosts):
    """The truth about the hosts' clocks, as a list of dictionaries in the hosts' order."""
    files = [str(lab.clock_file(host)) for host in hosts]
    lines = run([native.program("vclockctl"), "read", *files]).splitlines()
    return [{"host": host.name, **json.loads(line)} for host, line in zip(hosts, lines)]


def set_offset(lab, host, seconds):
    run([native.program("vclockctl"), "set", str(lab.clock_file(host)), str(seconds)])


def set_ppm(lab, host, ppm):
    run([native.program("vclockctl"), "ppm", str(lab.clock_file(host)), str(ppm)])


def describe(reading):
    """A reading as a line of text."""
    return (f"{reading['host']:12} {reading['offset_s']:+16.6f} s  {reading['ppm']:+8.3f} ppm, running at "
            f"{reading['rate_ppm']:+8.3f}  {reading['steps']} steps")
