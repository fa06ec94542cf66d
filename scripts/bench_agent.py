"""What an agent that reports costs a host, beside chronyd: the row `agent` of scripts/bench.

The static agent keeps nothing: it asks one server every 64 s as chronyd (-x) does beside it, and reports
every 10 s to a `fleetsync serve` over TLS. Memory and time on a core are the kernel's accounts, summed over the agent's
processes (time process and reporter; proportional memory, so that what they share counts once).
"""
import pathlib
import shutil
import subprocess
import tempfile
import time

from bench_engine import CHRONY_CLIENT, account
from bench_relay import CHRONY_CONFIG, CLIENT, SERVER, find_chronyd, network

SETTLE_S = 30
MINUTES = 3
AGENT_CONFIG = """\
host web01
server {server} iburst port 10123 minpoll 6 maxpoll 6
controller {server}:7312
report-interval 10s
state-dir {folder}/agent
tls-dir {folder}/tls
no-clock-control
observe none
"""


def family(pid):
    """A process and its descendants."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, ahead = [], [pid]
    while ahead:
        found.append(ahead.pop())
        ahead += parents.get(found[-1], [])
    return found


def sum_of(pid):
    accounts = [account(p) for p in family(pid)]
    return tuple(map(sum, zip(*accounts))), len(accounts)


def issue_identity(fleetsync, folder):
    subprocess.run([*fleetsync, "ca", "init"], check=True, capture_output=True)
    subprocess.run([*fleetsync, "ca", "issue", "--host", "web01", "--out", folder / "tls"], check=True,
                   capture_output=True)
    # The reporter runs as nobody, who has to reach it.
    folder.chmod(0o755)
    for path in (folder / "tls", *(folder / "tls").iterdir()):
        shutil.chown(path, "nobody")
    (folder / "tls").chmod(0o700)


def run(bin_folder, _rounds):
    with tempfile.TemporaryDirectory() as name, network() as (server, client):
        folder = pathlib.Path(name)
        (folder / "server.conf").write_text(CHRONY_CONFIG.format(port=10123, address=SERVER, folder=folder))
        (folder / "client.conf").write_text(CHRONY_CLIENT.format(server=SERVER, folder=folder))
        (folder / "agent.conf").write_text(AGENT_CONFIG.format(server=SERVER, folder=folder))
        (folder / "fleet.yaml").write_text("hosts:\n  web01:\n")
        (folder / "agent").mkdir()
        fleetsync = [bin_folder / "fleetsync", "-i", folder / "fleet.yaml", "--db", folder / "fleet.db"]
        issue_identity(fleetsync, folder)
        chronyd = find_chronyd()
        commands = {
            "server": (server, [chronyd, "-x", "-d", "-u", "root", "-f", folder / "server.conf"]),
            "serve": (server, [*fleetsync, "serve", "--listen", f"{SERVER}:7312"]),
            "chronyd": (client, [chronyd, "-x", "-d", "-u", "root", "-f", folder / "client.conf"]),
            "agent": (client, [bin_folder / "fleetsync-agent-static", "run", "--user", "root", "--config",
                               folder / "agent.conf"]),
        }
        processes = {}
        try:
            for who, (namespace, command) in commands.items():
                log = open(folder / f"{who}.log", "wb")  # for as long as the process lives
                processes[who] = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, command)], stdout=log,
                                                  stderr=log)
            time.sleep(SETTLE_S)
            before = {who: sum_of(p.pid) for who, p in processes.items()}
            time.sleep(60 * MINUTES)
            after = {who: sum_of(p.pid) for who, p in processes.items()}
            status = subprocess.run([*map(str, fleetsync), "-o", "json", "status"], capture_output=True, text=True,
                                    check=False)
            if '"state": "synced"' not in status.stdout:
                raise SystemExit(f"bench: no report arrived:\n{status.stdout}\n{(folder / 'agent.log').read_text()}")
        finally:
            for process in processes.values():
                process.terminate()
            for process in processes.values():
                process.wait(10)
    size = (bin_folder / "fleetsync-agent-static").stat().st_size
    print(f"\nagent: one server every 64 s, a report every 10 s over TLS, {MINUTES} minutes; {CLIENT} reports to {SERVER}")
    print(f"{'':10}{'processes':>10}{'RSS KiB':>9}{'PSS KiB':>9}{'ms on a core a minute':>24}{'% of a core':>13}")
    for who in ("chronyd", "agent"):
        (rss, pss, on_core), count = after[who]
        spent = (on_core - before[who][0][2]) / 1e6 / MINUTES
        print(f"{who:10}{count:>10}{rss:>9}{pss:>9}{spent:>24.2f}{spent / 600:>13.4f}")
    print(f"static agent's file: {size / 1e6:.1f} MB")
