// What the store is measured with: the row `store` of scripts/bench. Prints one JSON object.
//
//   store_load bare FILE HOSTS BATCH ROWS      SQLite alone, one table indexed by (host, time)
//   store_load ours FILE HOSTS BATCH ROWS      the same reports through db::Writer
//   store_load keep FILE HOSTS INTERVAL DAYS   days of reports through db::Writer, rolled up and
//                                              pruned as they come; how large the file is then
//   store_load history FILE HOSTS DAYS NOW     roll-ups of days put in by SQL, the last two hours
//                                              before NOW (Unix seconds) through db::Writer; how
//                                              long readers take then
//
// Times are of appending (or reading) alone, by the monotonic clock. Everything is on disk before
// the next batch: WAL, synchronous = FULL, for both.
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock_read.h"
#include "db/reader.h"
#include "db/writer.h"
#include "fmt/format.h"

namespace fleetsync {
namespace {

using std::chrono::seconds;

constexpr SystemTime kBegin{seconds(1'800'000'000)};

template <class T>
T Must(StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "store_load: {}\n", Message(result.status()));
  std::exit(1);
}
void Must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "store_load: {}\n", Message(status));
  std::exit(1);
}

double Seconds(MonoTime since) { return ToSeconds(ReadClocks().mono - since); }

std::string HostName(size_t number) { return fmt::format("host{:05}.example.net", number); }

// A host that follows one of four servers within a millisecond or so.
class Reports {
 public:
  db::Report Next(size_t host, uint64_t sequence, SystemTime at) {
    const auto microseconds = [&](double spread) {
      return Duration(static_cast<int64_t>(std::abs(normal_(random_)) * spread * 1e3));
    };
    db::Report report{.host = HostName(host),
                      .sequence = sequence,
                      .boot_id = fmt::format("6f1c5f0e-0d0b-4f43-9a6e-{:012x}", host),
                      .host_time = at - microseconds(900),
                      .monotonic = at - kBegin + seconds(86400 + static_cast<int64_t>(host)),
                      .received = at,
                      .offset = Duration(static_cast<int64_t>(normal_(random_) * 4e5)),
                      .error_bound = std::chrono::milliseconds(2) + microseconds(500),
                      .stratum = 3,
                      .leap = 0,
                      .frequency_ppb = -12'345 + static_cast<int64_t>(normal_(random_) * 100),
                      .root_delay = microseconds(900),
                      .root_dispersion = microseconds(700),
                      .jitter = microseconds(100),
                      .daemon = "chrony",
                      .sources = {}};
    for (uint8_t i = 0; i < 4; ++i)
      report.sources.push_back({.name = fmt::format("ntp{}.example.net", i),
                                .address = fmt::format("192.0.2.{}", i),
                                .state = i == 0 ? db::kSelected : uint8_t{2},
                                .stratum = 2,
                                .reach = 0377,
                                .poll = 6,
                                .offset = microseconds(400),
                                .delay = microseconds(900),
                                .jitter = microseconds(100),
                                .last_sample_age = seconds(30),
                                .reference_id = "192.0.2.200"});
    return report;
  }

 private:
  std::mt19937_64 random_{20240611};
  std::normal_distribution<double> normal_;
};

// All hosts in turn, as they report to a controller.
std::vector<std::vector<db::Report>> Batches(size_t hosts, size_t batch, size_t rows) {
  Reports reports;
  std::vector<std::vector<db::Report>> batches;
  for (size_t i = 0; i < rows; ++i) {
    if (i % batch == 0) batches.emplace_back().reserve(batch);
    const SystemTime at =
        kBegin + seconds(10) * static_cast<int64_t>(i) / static_cast<int64_t>(hosts);
    batches.back().push_back(reports.Next(i % hosts, 1 + i / hosts, at));
  }
  return batches;
}

void MustSqlite(sqlite3* database, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE) return;
  fmt::print(stderr, "store_load: {}\n", sqlite3_errmsg(database));
  std::exit(1);
}

constexpr const char* kBareSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE reports (host INTEGER NOT NULL, sequence INTEGER NOT NULL, time INTEGER NOT NULL,"
    " host_time INTEGER NOT NULL, monotonic INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " bound INTEGER NOT NULL, stratum INTEGER NOT NULL, leap INTEGER NOT NULL,"
    " frequency INTEGER NOT NULL, delay INTEGER NOT NULL, dispersion INTEGER NOT NULL,"
    " jitter INTEGER NOT NULL, reach INTEGER NOT NULL) STRICT;"
    "CREATE INDEX reports_by_host ON reports (host, time);";

void BindBare(sqlite3_stmt* add, const db::Report& report, int64_t host) {
  const auto ns = [](SystemTime t) { return t.time_since_epoch().count() / 1000; };
  int column = 0;
  for (const int64_t value :
       {host, static_cast<int64_t>(report.sequence), ns(report.received), ns(report.host_time),
        report.monotonic.count() / 1000, report.offset.count(), report.error_bound.count(),
        int64_t{report.stratum}, int64_t{report.leap}, report.frequency_ppb,
        report.root_delay.count(), report.root_dispersion.count(), report.jitter.count(),
        int64_t{0377}})
    sqlite3_bind_int64(add, ++column, value);
}

void Bare(const std::string& path, size_t hosts, size_t batch, size_t rows) {
  const auto batches = Batches(hosts, batch, rows);
  sqlite3* database = nullptr;
  MustSqlite(database, sqlite3_open(path.c_str(), &database));
  MustSqlite(database, sqlite3_exec(database, kBareSchema, nullptr, nullptr, nullptr));
  sqlite3_stmt* add = nullptr;
  MustSqlite(database, sqlite3_prepare_v2(
                           database, "INSERT INTO reports VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                           &add, nullptr));
  size_t row = 0;
  const MonoTime begin = ReadClocks().mono;
  for (const std::vector<db::Report>& reports : batches) {
    MustSqlite(database, sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr));
    for (const db::Report& report : reports) {
      BindBare(add, report, static_cast<int64_t>(row++ % hosts));
      MustSqlite(database, sqlite3_step(add));
      sqlite3_reset(add);
    }
    MustSqlite(database, sqlite3_exec(database, "COMMIT", nullptr, nullptr, nullptr));
  }
  const double took = Seconds(begin);
  sqlite3_finalize(add);
  sqlite3_close(database);
  fmt::print("{{\"rows\": {}, \"seconds\": {:.6f}}}\n", rows, took);
}

void Ours(const std::string& path, size_t hosts, size_t batch, size_t rows) {
  const auto batches = Batches(hosts, batch, rows);
  const auto writer = Must(db::Writer::Open(path));
  size_t stored = 0;
  const MonoTime begin = ReadClocks().mono;
  for (const std::vector<db::Report>& reports : batches)
    stored += Must(writer->Append({}, reports)).stored;
  const double took = Seconds(begin);
  const MonoTime maintaining = ReadClocks().mono;
  while (Must(writer->Maintain(batches.back().back().received)).more) continue;
  fmt::print("{{\"rows\": {}, \"seconds\": {:.6f}, \"maintain_seconds\": {:.6f}}}\n", stored, took,
             Seconds(maintaining));
}

void MaintainAll(db::Writer& writer, SystemTime now) {
  while (Must(writer.Maintain(now)).more) continue;
}

void Keep(const std::string& path, size_t hosts, int64_t interval_s, int64_t days) {
  const auto writer = Must(db::Writer::Open(path));
  Reports reports;
  std::vector<db::Report> batch;
  double appending = 0, maintaining = 0, longest = 0;
  int64_t stored = 0;
  const int64_t rounds = days * 86400 / interval_s;
  for (int64_t round = 0; round < rounds; ++round) {
    const SystemTime now = kBegin + seconds(round * interval_s);
    for (size_t host = 0; host < hosts; ++host)
      batch.push_back(reports.Next(host, static_cast<uint64_t>(round + 1), now));
    if (batch.size() < 2000 && round + 1 < rounds) continue;
    MonoTime begin = ReadClocks().mono;
    stored += static_cast<int64_t>(Must(writer->Append({}, batch)).stored);
    appending += Seconds(begin);
    batch.clear();
    begin = ReadClocks().mono;
    MaintainAll(*writer, now);
    longest = std::max(longest, Seconds(begin));
    maintaining += Seconds(begin);
  }
  const auto integer = [&](const char* sql) { return Must(writer->connection().Integer(sql)); };
  const int64_t pages = integer("PRAGMA page_count"), free = integer("PRAGMA freelist_count");
  const int64_t page = integer("PRAGMA page_size");
  fmt::print(
      "{{\"reports\": {}, \"bytes\": {}, \"free_bytes\": {}, \"kept_reports\": {},"
      " \"kept_rollups\": {}, \"append_seconds\": {:.3f}, \"maintain_seconds\": {:.3f},"
      " \"longest_maintain_seconds\": {:.4f}}}\n",
      stored, pages * page, free * page, integer("SELECT count(*) FROM reports"),
      integer("SELECT count(*) FROM rollups"), appending, maintaining, longest);
}

// A plain roll-up row a span and host, each with a histogram of six reports.
constexpr const char* kFill =
    "INSERT INTO rollups SELECT {0}, begin, host_id, {1}, {1}, -400000 - abs(random() % 100000),"
    " 400000 + abs(random() % 100000), 100000, 2500000, -12345 * {1},"
    " x'c8010103010501020104010201'"
    " FROM (WITH RECURSIVE spans (begin) AS (SELECT {2} UNION ALL SELECT begin + {0} FROM spans"
    " WHERE begin + {0} < {3}) SELECT begin FROM spans), (SELECT host_id FROM hosts)"
    " ORDER BY begin, host_id";

void FillHistory(db::Writer& writer, int64_t days, SystemTime until) {
  const int64_t now = until.time_since_epoch() / seconds(1);
  const auto fill = [&](int64_t span_s, int64_t keep_days) {
    const int64_t begin = (now - std::min(days, keep_days) * 86400) / span_s * span_s;
    Must(writer.connection().Execute(
        fmt::format(kFill, span_s, span_s / 10, begin, now / span_s * span_s)));
  };
  fill(60, 14);
  fill(3600, 400);
  fill(86400, days);
}

void History(const std::string& path, size_t hosts, int64_t days, SystemTime now) {
  const SystemTime begins = now - seconds(7200);
  const auto writer = Must(db::Writer::Open(path));
  Reports reports;
  std::vector<db::Arrival> arrivals;
  for (size_t host = 0; host < hosts; ++host)
    arrivals.push_back({.host = HostName(host), .agent_version = "1.0", .at = begins});
  Must(writer->Append(arrivals, {}).status());
  FillHistory(*writer, days, begins);
  for (uint64_t round = 1; round <= 720; ++round) {
    std::vector<db::Report> batch;
    const SystemTime at = begins + seconds(10) * static_cast<int64_t>(round);
    for (size_t host = 0; host < hosts; ++host) batch.push_back(reports.Next(host, round, at));
    if (round == 700)
      for (db::Report& report : batch)
        for (uint8_t kind = 1; kind <= 6; ++kind)
          report.events.push_back({.kind = kind, .host_time = at, .text = "ntp1.example.net"});
    Must(writer->Append({}, batch).status());
  }
  MaintainAll(*writer, now);
  std::vector<double> fleet_ms, host_ms;
  size_t recent = 0, points = 0;
  for (int i = 0; i < 11; ++i) {
    MonoTime begin = ReadClocks().mono;
    const auto reader = Must(db::Reader::Open(path));
    const auto fleet = Must(reader->Fleet());
    fleet_ms.push_back(Seconds(begin) * 1e3);
    recent = fleet.back().recent.size() + fleet.back().events.size();
    begin = ReadClocks().mono;
    const std::vector<std::string> one = {HostName(hosts / 2)};
    points =
        Must(reader->History(one, begins - seconds(days * 86400), now, 800)).at(0).points.size();
    host_ms.push_back(Seconds(begin) * 1e3);
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  fmt::print("{{\"first_fleet_ms\": {:.2f}, ", fleet_ms.front());
  fmt::print(
      "\"fleet_ms\": {:.2f}, \"host_ms\": {:.2f}, \"points\": {}, \"recent_and_events\": {},"
      " \"bytes\": {}}}\n",
      median(fleet_ms), median(host_ms), points, recent, std::filesystem::file_size(path));
}

int Usage() {
  fmt::print(stderr, "store_load: see tests/bench/store_load.cc\n");
  return 2;
}

int Main(const std::vector<std::string>& words) {
  if (words.size() < 4) return Usage();
  const auto number = [&](size_t i) { return std::strtoull(words.at(i).c_str(), nullptr, 10); };
  const auto integer = [&](size_t i) { return static_cast<int64_t>(number(i)); };
  const std::string &what = words[0], &path = words[1];
  if (words.size() < 5) return Usage();
  if (what == "history")
    return History(path, number(2), integer(3), SystemTime(seconds(integer(4)))), 0;
  if (what == "bare") return Bare(path, number(2), number(3), number(4)), 0;
  if (what == "ours") return Ours(path, number(2), number(3), number(4)), 0;
  if (what == "keep") return Keep(path, number(2), integer(3), integer(4)), 0;
  return Usage();
}

}  // namespace
}  // namespace fleetsync

int main(int argc, char** argv) { return fleetsync::Main({argv + 1, argv + argc}); }
