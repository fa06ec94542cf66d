"""The relay beside chronyd and the least that can answer: the row `relay` of scripts/bench.

Each server runs on core 0, in a network namespace; the load comes from core 1, in another one, over a veth pair. All
servers run all the time and are asked in turns, a second each, so that a slow minute of the machine hits them alike; with the highest priority, so that
what else the machine does counts for little.
chronyd runs with -x: it never touches the clock.
"""
import contextlib
import glob
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SERVER, CLIENT = "198.18.77.1", "198.18.77.2"
WINDOW = 64  # requests under way in the closed loop
RATES = [50_000, 75_000, 100_000, 125_000, 150_000, 175_000, 187_500, 200_000, 215_000, 230_000, 245_000, 260_000,
         280_000, 300_000]
MOST_LOST = 0.01
SLICE_S = 1.0
CHRONY_CONFIG = """\
local stratum 1
allow all
port {port}
bindaddress {address}
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd.pid
"""


def find_chronyd():
    found = shutil.which("chronyd") or next(iter(sorted(glob.glob(
        "/var/cache/fleetsync-lab/roots/chrony-*/usr/sbin/chronyd"))), None)
    if not found:
        raise SystemExit("bench: no chronyd; `tests/lab/lab prepare --sort chrony` brings one")
    return found


@contextlib.contextmanager
def network():
    """Two namespaces and a cable between them; their names."""
    names = [f"fsbench-{os.getpid()}-{side}" for side in ("s", "c")]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "-n", names[0], "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns",
                        names[1]], check=True)
        for name, address in zip(names, (SERVER, CLIENT)):
            for command in (["addr", "add", f"{address}/24", "dev", "v0"], ["link", "set", "v0", "up"],
                            ["link", "set", "lo", "up"]):
                subprocess.run(["ip", "-n", name, *command], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def pinned(namespace, core, *command):
    """For a process with a session of its own, which the scheduler weighs against other sessions as a whole."""
    first = 'echo -20 >/proc/self/autogroup 2>/dev/null; exec "$@"'
    return ["/bin/sh", "-c", first, "sh", "ip", "netns", "exec", namespace, "nice", "-n", "-20", "taskset", "-c",
            str(core), *map(str, command)]


def commands(bin_folder, folder):
    """Each server's name, port and command line."""
    config = folder / "chronyd.conf"
    config.write_text(CHRONY_CONFIG.format(port=10123, address=SERVER, folder=folder))
    relay = [bin_folder / "fleetsync", "relay", "run", "--listen", SERVER, "--local-stratum", "1", "--local-after", "0"]
    return {
        "fleetsync relay": (10124, [*relay, "--port", "10124", "--status-socket", folder / "relay.sock"]),
        "chronyd": (10123, [find_chronyd(), "-x", "-d", "-u", "root", "-f", config]),
        "batched echo": (10125, [bin_folder / "udp_echo", SERVER, "10125"]),
    }


class Bench:
    def __init__(self, bin_folder, folder, namespaces):
        self.load = bin_folder / "ntp_load"
        self.namespaces = namespaces
        self.servers, self.processes = {}, {}
        for name, (port, command) in commands(bin_folder, folder).items():
            log = open(folder / f"{port}.log", "wb")  # for as long as the process lives
            self.servers[name] = port
            self.processes[name] = subprocess.Popen(pinned(namespaces[0], 0, *command), stdout=log, stderr=log,
                                                    start_new_session=True)
        for name in self.servers:
            self.wait_for(name)

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)

    def wait_for(self, name):
        for _ in range(50):
            if self.ask(name, "closed", 1, 0.05)["answered"] > 0:
                return
            time.sleep(0.1)
        raise SystemExit(f"bench: {name} does not answer")

    def ask(self, name, mode, number, seconds=SLICE_S):
        done = subprocess.run(pinned(self.namespaces[1], 1, self.load, SERVER, self.servers[name], seconds, mode, number),
                              capture_output=True, text=True, check=True, start_new_session=True)
        return json.loads(done.stdout)

    def cpu_s(self, name):
        fields = pathlib.Path(f"/proc/{self.processes[name].pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def closed(self, rounds):
        rates, cpu = {name: [] for name in self.servers}, {name: [] for name in self.servers}
        for number in range(rounds):
            for name in self.servers:
                before = self.cpu_s(name)
                result = self.ask(name, "closed", WINDOW)
                rates[name].append(result["answered_in_time"] / result["seconds"])
                cpu[name].append((self.cpu_s(name) - before) / max(result["answered"], 1))
            print(f"  closed loop, round {number + 1}: " +
                  ", ".join(f"{name} {rates[name][-1]:,.0f}" for name in self.servers), file=sys.stderr)
        return rates, cpu

    def open(self, rounds):
        """For each server the highest rate at which it loses less than the limit, all rounds together."""
        best = {}
        for rate in RATES:
            results = {name: [] for name in self.servers}
            for _ in range(rounds):
                for name in self.servers:
                    results[name].append(self.ask(name, "open", rate))
            lost, sent_rate = {}, {}
            for name, slices in results.items():
                sent = sum(r["sent"] for r in slices)
                lost[name] = 1 - sum(r["answered"] for r in slices) / max(sent, 1)
                # What was sent in truth, not what was asked for: the generator has its limits too.
                sent_rate[name] = sent / sum(r["seconds"] for r in slices)
                if lost[name] < MOST_LOST:
                    best[name] = max(best.get(name, 0), sent_rate[name])
            print(f"  open loop, {rate:,}/s: lost " + ", ".join(
                f"{name} {lost[name]:.2%} (of {sent_rate[name]:,.0f})" for name in self.servers), file=sys.stderr)
        return best


def print_table(rates, cpu, best):
    median = {name: statistics.median(values) for name, values in rates.items()}

    def paired(name, other):
        """The median of the rounds' ratios: neighbours in time, so noise of the machine falls out."""
        return statistics.median(a / b for a, b in zip(rates[name], rates[other]))
    print("| server | closed loop, requests/s | best round | times chronyd | times echo | CPU µs a request | "
          "open loop, < 1 % lost | times chronyd |")
    print("|" + "---|" * 8)
    for name in rates:
        print(f"| {name} | {median[name]:,.0f} | {max(rates[name]):,.0f} | {paired(name, 'chronyd'):.2f} | "
              f"{paired(name, 'batched echo'):.2f} | {1e6 * statistics.median(cpu[name]):.2f} | "
              f"{best.get(name, 0):,.0f} | "
              f"{best.get(name, 0) / max(best.get('chronyd', 0), 1):.1f} |")


def run(bin_folder, rounds):
    with tempfile.TemporaryDirectory(prefix="fleetsync-bench") as folder, network() as namespaces:
        bench = None
        try:
            bench = Bench(pathlib.Path(bin_folder), pathlib.Path(folder), namespaces)
            rates, cpu = bench.closed(5 * rounds)
            print_table(rates, cpu, bench.open(rounds))
        finally:
            if bench:
                bench.stop()
