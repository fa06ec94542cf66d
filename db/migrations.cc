#include "db/schema.h"

namespace fleetsync::db {
namespace {

// reports: one row a report, kept in the order of (host, sequence), which is the order they are
// asked for in. What repeats (boot ids, names of daemons and sources) is kept once, in texts.
// sources: those of each host's newest report alone.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE texts (
  text_id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE hosts (
  host_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  agent_version TEXT NOT NULL,
  first_seen_us INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL,
  stored_through INTEGER NOT NULL
) STRICT;

CREATE TABLE reports (
  host_id INTEGER NOT NULL REFERENCES hosts,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  boot_id INTEGER NOT NULL REFERENCES texts,
  host_time_us INTEGER NOT NULL,
  monotonic_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  error_bound_ns INTEGER NOT NULL CHECK (error_bound_ns >= 0),
  stratum INTEGER NOT NULL CHECK (stratum BETWEEN 0 AND 16),
  leap INTEGER NOT NULL CHECK (leap BETWEEN 0 AND 3),
  frequency_ppb INTEGER NOT NULL,
  root_delay_ns INTEGER NOT NULL,
  root_dispersion_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  daemon INTEGER NOT NULL REFERENCES texts,
  source INTEGER NOT NULL REFERENCES texts,
  reach INTEGER NOT NULL CHECK (reach BETWEEN 0 AND 255),
  PRIMARY KEY (host_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
  host_id INTEGER NOT NULL REFERENCES hosts,
  position INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  state INTEGER NOT NULL,
  stratum INTEGER NOT NULL,
  reach INTEGER NOT NULL,
  poll INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  delay_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  last_sample_age_us INTEGER NOT NULL,
  reference_id TEXT NOT NULL,
  PRIMARY KEY (host_id, position)
) STRICT, WITHOUT ROWID;

-- For people with sqlite3 at hand.
CREATE VIEW history AS
SELECT hosts.name AS host, reports.sequence,
  strftime('%Y-%m-%dT%H:%M:%SZ', reports.received_us / 1000000, 'unixepoch') AS received,
  reports.offset_ns / 1e6 AS offset_ms, reports.error_bound_ns / 1e6 AS error_bound_ms,
  reports.stratum, reports.leap, printf('%03o', reports.reach) AS reach,
  source.text AS source, reports.frequency_ppb / 1e3 AS frequency_ppm, daemon.text AS daemon
FROM reports
JOIN hosts ON hosts.host_id = reports.host_id
JOIN texts AS source ON source.text_id = reports.source
JOIN texts AS daemon ON daemon.text_id = reports.daemon;

CREATE VIEW fleet AS
SELECT history.* FROM hosts
JOIN history ON history.host = hosts.name AND history.sequence = hosts.stored_through;
)sql";

// The record of what was done to hosts. finished_us 0: killed, or still at work.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE runs (
  run TEXT PRIMARY KEY,
  command TEXT NOT NULL,
  user TEXT NOT NULL,
  controller TEXT NOT NULL,
  inventory TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs (started_us);

CREATE TABLE run_hosts (
  run TEXT NOT NULL REFERENCES runs,
  position INTEGER NOT NULL,
  host TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;
)sql";

// numberings: a host's reports are numbered anew when its agent's ring is another (spool).
// contexts: what seldom changes between a host's reports.
// reports: a log in the order of arrival, so that a batch writes few pages and old rows go from the
// front. Each row knows how many rows ago its host's report before it is (0: none), which makes a
// chain through the log. state: stratum, leap, holdover and reach in 5, 2, 1 and 8 bits.
// latest: each host's newest report, which outlives the log.
// rollups: what a minute's, an hour's and a day's reports of a host add up to; offsets is a
// db::Histogram.
// progress: how far the log is rolled up.
constexpr const char* kVersion3 = R"sql(
DROP VIEW fleet;
DROP VIEW history;
ALTER TABLE reports RENAME TO old_reports;

CREATE TABLE numberings (
  numbering_id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  spool TEXT NOT NULL,
  stored_through INTEGER NOT NULL,
  UNIQUE (host_id, spool)
) STRICT;
INSERT INTO numberings (numbering_id, host_id, spool, stored_through)
  SELECT host_id, host_id, '', stored_through FROM hosts;
ALTER TABLE hosts RENAME COLUMN stored_through TO numbering_id;
UPDATE hosts SET numbering_id = host_id;

CREATE TABLE contexts (
  context_id INTEGER PRIMARY KEY,
  numbering_id INTEGER NOT NULL REFERENCES numberings,
  boot_id INTEGER NOT NULL REFERENCES texts,
  daemon INTEGER NOT NULL REFERENCES texts,
  source INTEGER NOT NULL REFERENCES texts,
  last_report INTEGER NOT NULL DEFAULT 0,
  UNIQUE (numbering_id, boot_id, daemon, source)
) STRICT;
INSERT INTO contexts (numbering_id, boot_id, daemon, source)
  SELECT DISTINCT host_id, boot_id, daemon, source FROM old_reports;

CREATE TABLE reports (
  report_id INTEGER PRIMARY KEY,
  back INTEGER NOT NULL,
  context_id INTEGER NOT NULL REFERENCES contexts,
  sequence INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  late_us INTEGER NOT NULL,
  behind_us INTEGER NOT NULL,
  monotonic_us INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  error_bound_ns INTEGER NOT NULL,
  frequency_ppb INTEGER NOT NULL,
  root_delay_ns INTEGER NOT NULL,
  root_dispersion_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  state INTEGER NOT NULL
) STRICT;
INSERT INTO reports
  SELECT report_id,
    report_id - lag(report_id, 1, report_id) OVER (PARTITION BY host_id ORDER BY report_id),
    context_id, sequence, received_us, 0, received_us - host_time_us, monotonic_us, offset_ns,
    error_bound_ns, frequency_ppb, root_delay_ns, root_dispersion_ns, jitter_ns,
    stratum | (leap << 5) | (reach << 8)
  FROM (SELECT row_number() OVER (ORDER BY received_us, host_id, sequence) AS report_id, *
        FROM old_reports) AS old
  JOIN contexts ON numbering_id = host_id AND contexts.boot_id = old.boot_id
    AND contexts.daemon = old.daemon AND contexts.source = old.source
  ORDER BY report_id;

CREATE TABLE latest (
  host_id INTEGER PRIMARY KEY REFERENCES hosts,
  report_id INTEGER NOT NULL,
  context_id INTEGER NOT NULL REFERENCES contexts,
  sequence INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  late_us INTEGER NOT NULL,
  behind_us INTEGER NOT NULL,
  monotonic_us INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  error_bound_ns INTEGER NOT NULL,
  frequency_ppb INTEGER NOT NULL,
  root_delay_ns INTEGER NOT NULL,
  root_dispersion_ns INTEGER NOT NULL,
  jitter_ns INTEGER NOT NULL,
  state INTEGER NOT NULL
) STRICT;
INSERT INTO latest
  SELECT numberings.host_id, report_id, context_id, sequence, received_us, late_us, behind_us,
    monotonic_us, offset_ns, error_bound_ns, frequency_ppb, root_delay_ns, root_dispersion_ns,
    jitter_ns, state
  FROM reports JOIN contexts USING (context_id) JOIN numberings USING (numbering_id)
  WHERE sequence = stored_through;
DROP TABLE old_reports;

CREATE TABLE events (
  event_id INTEGER PRIMARY KEY,
  host_id INTEGER NOT NULL REFERENCES hosts,
  sequence INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  host_time_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  amount_ns INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_host ON events (host_id, at_us);

CREATE TABLE measurements (
  host_id INTEGER PRIMARY KEY REFERENCES hosts,
  at_us INTEGER NOT NULL,
  offset_ns INTEGER NOT NULL,
  error_bound_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE rollups (
  span_s INTEGER NOT NULL,
  begin_s INTEGER NOT NULL,
  host_id INTEGER NOT NULL REFERENCES hosts,
  reports INTEGER NOT NULL,
  synchronised INTEGER NOT NULL,
  offset_min_ns INTEGER NOT NULL,
  offset_max_ns INTEGER NOT NULL,
  offset_sum_ns REAL NOT NULL,
  error_bound_max_ns INTEGER NOT NULL,
  frequency_sum_ppb INTEGER NOT NULL,
  offsets BLOB NOT NULL,
  PRIMARY KEY (span_s, begin_s, host_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (
  what TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO progress VALUES ('rolled_up_through', 0);

-- For people with sqlite3 at hand.
CREATE VIEW history AS
SELECT hosts.name AS host, r.sequence,
  strftime('%Y-%m-%dT%H:%M:%SZ', r.received_us / 1000000, 'unixepoch') AS received,
  r.offset_ns / 1e6 AS offset_ms, r.error_bound_ns / 1e6 AS error_bound_ms,
  r.state & 31 AS stratum, r.state >> 5 & 3 AS leap, printf('%03o', r.state >> 8) AS reach,
  source.text AS source, r.frequency_ppb / 1e3 AS frequency_ppm, daemon.text AS daemon,
  strftime('%Y-%m-%dT%H:%M:%SZ', (r.received_us - r.late_us) / 1000000, 'unixepoch') AS at,
  r.state >> 7 & 1 AS holdover, numberings.spool,
  strftime('%Y-%m-%dT%H:%M:%SZ', (r.received_us - r.behind_us) / 1000000, 'unixepoch') AS host_time
FROM reports AS r
JOIN contexts USING (context_id)
JOIN numberings USING (numbering_id)
JOIN hosts USING (host_id)
JOIN texts AS source ON source.text_id = contexts.source
JOIN texts AS daemon ON daemon.text_id = contexts.daemon;

CREATE VIEW fleet AS
SELECT hosts.name AS host, r.sequence,
  strftime('%Y-%m-%dT%H:%M:%SZ', r.received_us / 1000000, 'unixepoch') AS received,
  r.offset_ns / 1e6 AS offset_ms, r.error_bound_ns / 1e6 AS error_bound_ms,
  r.state & 31 AS stratum, r.state >> 5 & 3 AS leap, printf('%03o', r.state >> 8) AS reach,
  source.text AS source, r.frequency_ppb / 1e3 AS frequency_ppm, daemon.text AS daemon,
  r.state >> 7 & 1 AS holdover, m.offset_ns / 1e6 AS measured_offset_ms,
  m.error_bound_ns / 1e6 AS measured_error_bound_ms
FROM latest AS r
JOIN hosts USING (host_id)
JOIN contexts USING (context_id)
JOIN texts AS source ON source.text_id = contexts.source
JOIN texts AS daemon ON daemon.text_id = contexts.daemon
LEFT JOIN measurements AS m USING (host_id);

CREATE VIEW summaries AS
SELECT hosts.name AS host, span_s,
  strftime('%Y-%m-%dT%H:%M:%SZ', begin_s, 'unixepoch') AS at, reports, synchronised,
  offset_min_ns / 1e6 AS offset_min_ms, offset_max_ns / 1e6 AS offset_max_ms,
  offset_sum_ns / nullif(synchronised, 0) / 1e6 AS offset_mean_ms,
  error_bound_max_ns / 1e6 AS error_bound_max_ms,
  frequency_sum_ppb / nullif(synchronised, 0) / 1e3 AS frequency_mean_ppm
FROM rollups JOIN hosts USING (host_id);

CREATE VIEW happenings AS
SELECT hosts.name AS host, strftime('%Y-%m-%dT%H:%M:%SZ', at_us / 1000000, 'unixepoch') AS at,
  CASE kind WHEN 1 THEN 'started' WHEN 2 THEN 'stepped' WHEN 3 THEN 'stepped by other'
    WHEN 4 THEN 'slewed' WHEN 5 THEN 'source selected' WHEN 6 THEN 'source lost'
    WHEN 7 THEN 'falseticker' WHEN 8 THEN 'panic' WHEN 9 THEN 'leap' WHEN 10 THEN 'daemon'
    WHEN 11 THEN 'resumed' WHEN 12 THEN 'trouble' WHEN 13 THEN 'lost reports'
    ELSE printf('kind %d', kind) END AS kind,
  amount_ns / 1e6 AS amount_ms, events.text
FROM events JOIN hosts USING (host_id);
)sql";

constexpr Migration kMigrations[] = {{.version = 1, .sql = kVersion1},
                                     {.version = 2, .sql = kVersion2},
                                     {.version = 3, .sql = kVersion3}};

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

}  // namespace fleetsync::db
