"""The store: the row `store` of scripts/bench.

Rows a second through db::Writer and through SQLite alone (one table, an index by host and time, nothing else),
with the same reports of 1,000 hosts in the same batches, on disk after each batch, in turns. Then how large the file
is after 30 days of reports, rolled up and pruned as they came, and how long a reader, and `fleetsync status`
as a whole process, take for 1,000 hosts with 30 days of history. tests/bench/store_load.cc is what runs.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HOSTS = 1000
ROWS = 200_000
BATCHES = [1000, 10_000]
KEPT_HOSTS, KEPT_DAYS = 10, 30
RACKS = 20
INTERVALS_S = [10, 60]
# Where a database of 1.3 GB fits and its writes reach a disk: /tmp may be memory.
FOLDER = "/var/tmp"


# What `status` shows of each host: its newest report and sources, its newest events, the last half hour.
SAME_ROWS = """
SELECT * FROM fleet;
SELECT * FROM sources ORDER BY host_id, position;
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host_id ORDER BY at_us DESC) AS n FROM events) WHERE n <= 5;
SELECT * FROM rollups WHERE span_s = 60 AND begin_s > (SELECT max(begin_s) FROM rollups WHERE span_s = 60) - 1800;
"""


def load(bin_folder, *arguments):
    with tempfile.TemporaryDirectory(prefix="fleetsync-bench", dir=FOLDER) as folder:
        what, *numbers = map(str, arguments)
        done = subprocess.run([bin_folder / "store_load", what, f"{folder}/fleet.db", *numbers], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout)


def ingest(bin_folder, rounds):
    print(f"| rows a second, {HOSTS:,} hosts in turn | SQLite alone | fleetsync | ratio |\n|---|---|---|---|")
    for batch in BATCHES:
        rates = {"bare": [], "ours": []}
        for number in range(rounds):
            for name, found in rates.items():
                result = load(bin_folder, name, HOSTS, batch, ROWS)
                found.append(result["rows"] / result["seconds"])
            print(f"  batches of {batch}, round {number + 1}: " +
                  ", ".join(f"{name} {found[-1]:,.0f}" for name, found in rates.items()), file=sys.stderr)
        # Neighbours in time, so that noise of the machine falls out.
        ratio = statistics.median(ours / bare for bare, ours in zip(rates["bare"], rates["ours"]))
        print(f"| in batches of {batch:,} | {statistics.median(rates['bare']):,.0f} | "
              f"{statistics.median(rates['ours']):,.0f} | {ratio:.2f} |")


def size(bin_folder):
    print(f"\n| {KEPT_HOSTS} hosts, {KEPT_DAYS} days, default retention | reports | file, MB | bytes a report | "
          "rolling up and pruning, us a report | longest, ms |\n|---|---|---|---|---|---|")
    for interval in INTERVALS_S:
        kept = load(bin_folder, "keep", KEPT_HOSTS, interval, KEPT_DAYS)
        print(f"| a report every {interval} s | {kept['reports']:,} | {kept['bytes'] / 1e6:.1f} | "
              f"{kept['bytes'] / kept['reports']:.1f} | {1e6 * kept['maintain_seconds'] / kept['reports']:.1f} | "
              f"{1e3 * kept['longest_maintain_seconds']:.0f} |")


def cost(argv):
    """Wall time, CPU time in ms and peak memory in MB of a whole process, as the kernel accounts them."""
    begin = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4):  # 4: some clock is off, as reports at random may say
        raise SystemExit(f"bench: {argv} ended with {process.returncode}")
    return 1e3 * wall, 1e3 * (usage.ru_utime + usage.ru_stime), usage.ru_maxrss / 1024


def reading(bin_folder, rounds):
    with tempfile.TemporaryDirectory(prefix="fleetsync-bench", dir=FOLDER) as folder:
        database, inventory = f"{folder}/fleet.db", pathlib.Path(folder, "fleet.yaml")
        done = subprocess.run([bin_folder / "store_load", "history", database, str(HOSTS), str(KEPT_DAYS),
                               str(int(time.time()))], capture_output=True, text=True, check=True)
        read = json.loads(done.stdout)
        print(f"\n{HOSTS:,} hosts with {KEPT_DAYS} days of history ({read['bytes'] / 1e6:,.0f} MB; the roll-ups put in "
              f"by SQL, the last two hours through the writer):\nFleet() {read['fleet_ms']:.1f} ms (the first "
              f"{read['first_fleet_ms']:.1f} ms), History() of one host over all of it {read['host_ms']:.1f} ms, "
              f"{read['points']} points")
        inventory.write_text("groups:\n" + "".join(
            f"  rack{i:02}: {{hosts: [{', '.join(f'host{j:05}.example.net' for j in range(i, HOSTS, RACKS))}]}}\n"
            for i in range(RACKS)))
        status = [bin_folder / "fleetsync", "-i", inventory, "--db", database, "status", "--stale", "1h"]
        commands = {"fleetsync status": status, "fleetsync status -o json": [*status, "-o", "json"],
                    "sqlite3, the same rows": ["sqlite3", "-readonly", database, SAME_ROWS]}
        whole_processes(commands, rounds)


def whole_processes(commands, rounds):
    """In turns, so that noise of the machine hits them alike."""
    found = {name: [] for name in commands}
    for _ in range(max(rounds, 3) * 3):
        for name, argv in commands.items():
            found[name].append(cost(argv))
    print("\n| whole process | wall, ms | CPU, ms | peak, MB |\n|---|---|---|---|")
    for name, costs in found.items():
        print(f"| {name} | " + " | ".join(f"{statistics.median(column):.1f}" for column in zip(*costs)) + " |")


def run(bin_folder, rounds):
    bin_folder = pathlib.Path(bin_folder)
    ingest(bin_folder, rounds)
    size(bin_folder)
    reading(bin_folder, rounds)
