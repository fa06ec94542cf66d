"""The store: the row `store` of scripts/bench.

Rows a second through db::Writer and through SQLite alone (one table, an index by host and time, nothing else),
with the same reports of 1,000 hosts in the same batches, on disk after each batch, in turns. Then how large the file
is after 30 days of reports, rolled up and pruned as they came, and how long a reader takes for 1,000 hosts with
30 days of history. tests/bench/store_load.cc is what runs.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HOSTS = 1000
ROWS = 200_000
BATCHES = [1000, 10_000]
KEPT_HOSTS, KEPT_DAYS = 10, 30
INTERVALS_S = [10, 60]
# Where a database of 1.3 GB fits and its writes reach a disk: /tmp may be memory.
FOLDER = "/var/tmp"


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


def reading(bin_folder):
    read = load(bin_folder, "history", HOSTS, KEPT_DAYS)
    print(f"\n{HOSTS:,} hosts with {KEPT_DAYS} days of history ({read['bytes'] / 1e6:,.0f} MB; the roll-ups put in by "
          f"SQL, the last two hours through the writer):\nFleet() {read['fleet_ms']:.1f} ms (the first "
          f"{read['first_fleet_ms']:.1f} ms), History() of one host over all of it {read['host_ms']:.1f} ms, "
          f"{read['points']} points")


def run(bin_folder, rounds):
    bin_folder = pathlib.Path(bin_folder)
    ingest(bin_folder, rounds)
    size(bin_folder)
    reading(bin_folder)
