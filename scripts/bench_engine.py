"""What the engine costs a host, beside chronyd: the row `engine` of scripts/bench.

Both ask one server over a veth pair every 64 s, side by side, and set no clock: the agent alone (`--no-report
--no-clock-control`), chronyd with -x. Memory and the time on a core are the kernel's accounts of each process.
"""
import pathlib
import subprocess
import tempfile
import time

from bench_relay import CHRONY_CONFIG, CLIENT, SERVER, find_chronyd, network

SETTLE_S = 20
MINUTES = 3
CHRONY_CLIENT = """\
server {server} port 10123 iburst minpoll 6 maxpoll 6
cmdport 0
bindcmdaddress /
pidfile {folder}/client.pid
"""


def account(pid):
    """Resident and proportional memory in KiB, nanoseconds on a core."""
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    pss = next(line for line in rollup if line.startswith("Pss:"))
    on_core = int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return int(status["VmRSS"].split()[0]), int(pss.split()[1]), on_core


def run(bin_folder, _rounds):
    with tempfile.TemporaryDirectory() as name, network() as (server, client):
        folder = pathlib.Path(name)
        (folder / "server.conf").write_text(CHRONY_CONFIG.format(port=10123, address=SERVER, folder=folder))
        (folder / "client.conf").write_text(CHRONY_CLIENT.format(server=SERVER, folder=folder))
        chronyd = find_chronyd()
        agent = ["run", "--no-report", "--no-clock-control", "--user", "root", "--server",
                 f"{SERVER},iburst,port=10123,minpoll=6,maxpoll=6"]
        commands = {
            "server": (server, [chronyd, "-x", "-d", "-u", "root", "-f", folder / "server.conf"]),
            "chronyd": (client, [chronyd, "-x", "-d", "-u", "root", "-f", folder / "client.conf"]),
            "fleetsync-agent-static": (client, [bin_folder / "fleetsync-agent-static", *agent]),
            "fleetsync-agent": (client, [bin_folder / "fleetsync-agent", *agent]),
        }
        processes = {}
        try:
            for who, (namespace, command) in commands.items():
                log = open(folder / f"{who}.log", "wb")  # for as long as the process lives
                processes[who] = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, command)], stdout=log,
                                                  stderr=log)
            time.sleep(SETTLE_S)
            before = {who: account(p.pid) for who, p in processes.items()}
            time.sleep(60 * MINUTES)
            after = {who: account(p.pid) for who, p in processes.items()}
            for who in processes:
                text = (folder / f"{who}.log").read_text()
                if who != "server" and "elected" not in text.lower() and "selected" not in text.lower():
                    raise SystemExit(f"bench: {who} has not followed the server:\n{text}")
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait(10)
    print(f"\nengine: one server every 64 s, {MINUTES} minutes; {CLIENT} asks {SERVER}")
    print(f"{'':26}{'RSS KiB':>9}{'PSS KiB':>9}{'ms on a core a minute':>24}")
    for who in list(processes)[1:]:
        rss, pss, on_core = after[who]
        print(f"{who:26}{rss:>9}{pss:>9}{(on_core - before[who][2]) / 1e6 / MINUTES:>24.2f}")
