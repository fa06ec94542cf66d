"""`fleetsync serve` under a thousand agents: the row `serve` of scripts/bench.

The agents are one program on the same machine, a connection each, with the agents' own state machine for windows, back-off
and jitter (tests/bench/agent_load.cc). What the service takes is read from /proc; what it has stored from the database.
"""
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

AGENTS = 1000
STEADY_S, SETTLE_S = 60, 10
INGEST_AGENTS, INGEST_REPORTS = 100, 4000
BUFFERED, OUTAGE_S = 60, 600
BATCH = 512  # rows of a transaction of bare SQLite: the service's full batch


class Service:
    """A `fleetsync serve` with a database of its own."""

    def __init__(self, bin_folder, folder, tls):
        self.bin, self.folder = bin_folder, folder
        self.database, self.ca = folder / "fleet.db", folder / "ca"
        inventory = folder / "fleet.yaml"
        inventory.write_text("time: {servers: [127.0.0.1]}\nhosts:\n" + "".join(
            f"  h{i:05}: {{address: 127.0.0.2, port: {1000 + i}}}\n" for i in range(AGENTS)))
        port_file = folder / "port"
        plain = [] if tls else ["--insecure"]
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            [bin_folder / "fleetsync", "-i", inventory, "--db", self.database, "serve", *plain, "--listen",
             "127.0.0.1:0", "--port-file", port_file], stderr=self.log)
        deadline = time.monotonic() + 20
        while not port_file.exists():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("bench: fleetsync serve does not start:\n" + (folder / "log").read_text()[-2000:])
            time.sleep(0.02)
        self.address = f"127.0.0.1:{int(port_file.read_text())}"
        self.tls = tls

    def load(self, *words):
        """A running load; load_result() of it."""
        identity = ["--ca", self.ca] if self.tls else []
        return subprocess.Popen([self.bin / "agent_load", self.address, *map(str, words), *map(str, identity)],
                                stdout=subprocess.PIPE, text=True)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        return kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024

    def stored(self):
        """Rows, and rows that are there twice by host and sequence."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            rows, = database.execute("SELECT count(*) FROM history").fetchone()
            each, = database.execute("SELECT count(*) FROM (SELECT DISTINCT host, sequence FROM history)").fetchone()
        return rows, rows - each

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


@contextlib.contextmanager
def service(bin_folder, tls):
    with tempfile.TemporaryDirectory(prefix="fleetsync-bench") as folder:
        os.chmod(folder, 0o700)
        running = Service(bin_folder, pathlib.Path(folder), tls)
        try:
            yield running
        finally:
            running.stop()


def load_result(load):
    output, _ = load.communicate()
    if load.returncode != 0:
        raise SystemExit(f"bench: agent_load ended with {load.returncode}")
    return json.loads(output.splitlines()[-1])


def steady(bin_folder, tls):
    """A thousand agents, a report each in ten seconds: what that takes."""
    with service(bin_folder, tls) as running:
        load = running.load("--agents", AGENTS, "--every-ms", 10_000, "--seconds", STEADY_S + 2 * SETTLE_S)
        if "welcomed" not in json.loads(load.stdout.readline()).values():
            raise SystemExit("bench: not all agents were welcomed in time")
        time.sleep(SETTLE_S)
        cpu, begin = running.cpu_s(), time.monotonic()
        time.sleep(STEADY_S)
        share = (running.cpu_s() - cpu) / (time.monotonic() - begin)
        rss, pss = running.memory_mb()
        result = load_result(load)
        return {"core %": 100 * share, "RSS MB": rss, "PSS MB": pss,
                "reports/s": result["acknowledged"] / result["seconds"], "questions": result["answered_questions"]}


def ingest(bin_folder, tls):
    """A hundred agents, as fast as they are acknowledged; then SQLite alone with the same rows."""
    with service(bin_folder, tls) as running:
        cpu = running.cpu_s()
        result = load_result(running.load("--agents", INGEST_AGENTS, "--buffered", INGEST_REPORTS))
        cpu = running.cpu_s() - cpu
        rows, twice = running.stored()
        wanted = INGEST_AGENTS * INGEST_REPORTS
        if rows != wanted or twice:
            raise SystemExit(f"bench: {rows} rows of {wanted}, {twice} twice")
        rate = wanted / result["seconds"]
        indexed, log = bare(running, "context_id, received_us"), bare(running)
        return {"reports/s": rate, "bare SQLite, indexed by host and time, rows/s": indexed, "ratio": rate / indexed,
                "bare SQLite, the same log, rows/s": log, "µs CPU a report": 1e6 * cpu / wanted}


def bare(running, *columns):
    """Rows a second of SQLite alone, with an index over these columns."""
    copy = running.folder / f"bare{len(columns)}.db"
    done = subprocess.run([running.bin / "bare_sqlite", running.database, copy, str(BATCH), *columns], check=True,
                          capture_output=True, text=True)
    result = json.loads(done.stdout)
    return result["rows"] / result["seconds"]


def reconnect(bin_folder, tls):
    """A thousand agents with an hour's reports, whose controller was away for ten minutes."""
    with service(bin_folder, tls) as running:
        result = load_result(running.load("--agents", AGENTS, "--buffered", BUFFERED, "--outage-seconds", OUTAGE_S))
        rows, twice = running.stored()
        return {"caught up s": result["caught_up_s"], "lost": AGENTS * BUFFERED - rows, "twice": twice,
                "attempts": result["connects"]}


def sync(bin_folder, tls):
    """`sync-all` of a thousand hosts whose agents are connected."""
    with service(bin_folder, tls) as running, relay(running):
        load = running.load("--agents", AGENTS, "--every-ms", 10_000, "--seconds", 3 * SETTLE_S)
        load.stdout.readline()
        time.sleep(SETTLE_S)
        begin = time.monotonic()
        done = subprocess.run([running.bin / "fleetsync", "-i", running.folder / "fleet.yaml", "--db", running.database,
                               "-o", "json", "sync-all"], capture_output=True, text=True, check=False)
        took = time.monotonic() - begin
        tools = [host["tool"] for host in json.loads(done.stdout or '{"hosts": []}')["hosts"]]
        load_result(load)
        if tools != ["agent"] * AGENTS:
            raise SystemExit(f"bench: agents set {tools.count('agent')} of {AGENTS} clocks:\n{done.stderr[:1000]}")
        return {"sync-all of 1,000 hosts, s": took}


@contextlib.contextmanager
def relay(running):
    """The time that the inventory names, on loopback: this machine's own."""
    with open(running.folder / "relay.log", "wb") as log:
        process = subprocess.Popen([running.bin / "fleetsync", "relay", "run", "--listen", "127.0.0.1", "--local-stratum",
                                    "8", "--local-after", "0s", "--status-socket", ""], stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def run(bin_folder, rounds):
    os.environ.setdefault("FLEETSYNC_LAB", "bench")
    for title, row in (("1,000 streams, a report in 10 s", steady), ("ingest", ingest),
                       ("reconnect after 10 minutes", reconnect), ("sync-all over streams", sync)):
        for tls in (False, True):
            count = rounds if row is ingest else 1
            results = []
            for number in range(count):
                results.append(row(pathlib.Path(bin_folder), tls))
                print(f"  {title}, {'TLS' if tls else 'plain text'}, round {number + 1}: {results[-1]}", file=sys.stderr)
            middle = {name: statistics.median(r[name] for r in results) for name in results[0]}
            print(f"| {title}, {'TLS' if tls else 'plain text'} | " +
                  " | ".join(f"{name} {value:,.2f}" for name, value in middle.items()) + " |")
