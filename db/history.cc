#include "db/history.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "db/report_rows.h"
#include "db/rollup.h"
#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
// Lengths of a point's span in seconds. Each is a multiple of the largest roll-up that is not
// longer, so that points are made of whole ones.
constexpr int64_t kSteps[] = {
    1,        2,           5,           10,           15,           30,
    kMinute,  2 * kMinute, 5 * kMinute, 10 * kMinute, 15 * kMinute, 30 * kMinute,
    kHour,    2 * kHour,   3 * kHour,   6 * kHour,    12 * kHour,   kDay,
    7 * kDay, 30 * kDay,   365 * kDay};

struct Window {
  int64_t since_us = 0, until_us = 0;
  int64_t step_s = 0;
  int64_t level_s = 0;  // of the roll-ups; 0: reports
};

using Buckets = std::map<int64_t, Rollup>;  // by where they begin, in seconds

int64_t LevelOf(int64_t step_s) {
  if (step_s < kMinute) return 0;
  if (step_s < kHour) return kMinute;
  return step_s < kDay ? kHour : kDay;
}

int64_t FloorTo(int64_t value, int64_t step) {
  const int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

// Where what is kept of a level begins, in microseconds; far in the future when nothing is.
StatusOr<int64_t> FirstOf(Connection& connection, int64_t level_s) {
  return connection.Integer(
      level_s == 0
          ? std::string(
                "SELECT ifnull((SELECT received_us FROM reports ORDER BY report_id LIMIT 1),"
                " 1 << 62)")
          : fmt::format(
                "SELECT ifnull((SELECT min(begin_s) * 1000000 FROM rollups WHERE span_s = {}"
                "), 1 << 62)",
                level_s));
}

// The finest step that gives at most `points`; a coarser one where the finer ones are pruned.
StatusOr<Window> ChooseWindow(Connection& connection, SystemTime since, SystemTime until,
                              size_t points) {
  Window window{.since_us = Microseconds(since), .until_us = Microseconds(until)};
  const int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(points), 1, 100'000);
  const int64_t span_s = std::max<int64_t>((window.until_us - window.since_us) / 1'000'000, 1);
  const auto* step = std::find_if(std::begin(kSteps), std::prev(std::end(kSteps)),
                                  [&](int64_t s) { return s * wanted >= span_s; });
  FS_ASSIGN_OR_RETURN(const int64_t first_day, FirstOf(connection, kDay));
  for (window.step_s = *step; LevelOf(window.step_s) < kDay; window.step_s = *++step) {
    FS_ASSIGN_OR_RETURN(const int64_t first, FirstOf(connection, LevelOf(window.step_s)));
    // A day begins before the first report of its first one.
    if (first <= std::max(window.since_us, first_day + kDay * 1'000'000)) break;
  }
  window.level_s = LevelOf(window.step_s);
  return window;
}

void AddRow(const Statement& row, const Window& window, Buckets& buckets) {
  const int64_t at_us = row.Integer(0);
  if (at_us < window.since_us || at_us >= window.until_us) return;
  buckets[FloorTo(FloorTo(at_us, 1'000'000) / 1'000'000, window.step_s)].Add(
      {.synchronised = SynchronisedState(row.Integer(1)),
       .offset = Duration(row.Integer(2)),
       .error_bound = Duration(row.Integer(3)),
       .frequency_ppb = row.Integer(4)});
}

// The chain of a host's reports through the log, back to those that arrived before the window.
constexpr std::string_view kChain =
    "WITH RECURSIVE chain (report_id) AS ("
    " SELECT report_id FROM latest WHERE host_id = ?1"
    " UNION ALL SELECT r.report_id - r.back FROM chain JOIN reports AS r USING (report_id)"
    " WHERE r.back > 0 AND r.report_id > ?2 AND r.received_us >= ?3)"
    " SELECT r.received_us - r.late_us, r.state, r.offset_ns, r.error_bound_ns, r.frequency_ppb"
    " FROM chain JOIN reports AS r USING (report_id) WHERE r.report_id > ?2";

class HistoryReader {
 public:
  HistoryReader(Connection& connection, const Window& window)
      : connection_(connection), window_(window) {}

  Status Prepare();
  StatusOr<HostHistory> Read(const std::string& host);

 private:
  Status ReadReports(int64_t host_id, int64_t after, Buckets& buckets);
  Status ReadRollups(int64_t host_id, Buckets& buckets);
  Status ReadEvents(int64_t host_id, std::vector<Event>& events);

  Connection& connection_;
  const Window window_;
  int64_t rolled_up_through_ = 0;
  std::vector<Statement> statements_;  // host, chain, roll-up, events
};

Status HistoryReader::Prepare() {
  for (const std::string& sql :
       {std::string("SELECT host_id FROM hosts WHERE name = ?"), std::string(kChain),
        fmt::format("SELECT {} FROM rollups WHERE span_s = ?1 AND begin_s = ?2 AND host_id = ?3",
                    kRollupColumns),
        std::string("SELECT kind, host_time_us, amount_ns, text, at_us FROM events"
                    " WHERE host_id = ?1 AND at_us >= ?2 AND at_us < ?3"
                    " ORDER BY at_us, event_id")}) {
    FS_ASSIGN_OR_RETURN(Statement statement, connection_.Prepare(sql));
    statements_.push_back(std::move(statement));
  }
  FS_ASSIGN_OR_RETURN(
      rolled_up_through_,
      connection_.Integer("SELECT value FROM progress WHERE what = 'rolled_up_through'"));
  return absl::OkStatus();
}

// Those after the number `after` of the log.
Status HistoryReader::ReadReports(int64_t host_id, int64_t after, Buckets& buckets) {
  Statement& row = statements_[1];
  row.Bind(1, host_id).Bind(2, after).Bind(3, window_.since_us);
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    AddRow(row, window_, buckets);
  }
}

Status HistoryReader::ReadRollups(int64_t host_id, Buckets& buckets) {
  const int64_t level = window_.level_s;
  Statement& row = statements_[2];
  int64_t begin = FloorTo(FloorTo(window_.since_us, 1'000'000) / 1'000'000, level);
  for (; begin * 1'000'000 < window_.until_us; begin += level) {
    row.Bind(1, level).Bind(2, begin).Bind(3, host_id);
    FS_ASSIGN_OR_RETURN(const bool there, row.Step());
    if (!there) continue;
    buckets[FloorTo(begin, window_.step_s)].Merge(ReadRollup(row, 0));
    row.Reset();
  }
  return absl::OkStatus();
}

Status HistoryReader::ReadEvents(int64_t host_id, std::vector<Event>& events) {
  Statement& row = statements_[3];
  row.Bind(1, host_id).Bind(2, window_.since_us).Bind(3, window_.until_us);
  while (true) {
    FS_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    events.push_back({.kind = static_cast<uint8_t>(row.Integer(0)),
                      .host_time = InstantFromMicroseconds(row.Integer(1)),
                      .amount = Duration(row.Integer(2)),
                      .text = row.Text(3),
                      .at = InstantFromMicroseconds(row.Integer(4))});
  }
}

StatusOr<HostHistory> HistoryReader::Read(const std::string& host) {
  HostHistory history{.host = host, .points = {}, .events = {}};
  Statement& row = statements_[0].Bind(1, host);
  FS_ASSIGN_OR_RETURN(const bool known, row.Step());
  if (!known) return history;
  const int64_t host_id = row.Integer(0);
  row.Reset();
  Buckets buckets;
  if (window_.level_s != 0) FS_RETURN_IF_ERROR(ReadRollups(host_id, buckets));
  const int64_t after = window_.level_s == 0 ? 0 : rolled_up_through_;
  FS_RETURN_IF_ERROR(ReadReports(host_id, after, buckets));
  for (const auto& [begin, rollup] : buckets)
    history.points.push_back(PointOf(rollup, SystemTime(std::chrono::seconds(begin)),
                                     std::chrono::seconds(window_.step_s)));
  FS_RETURN_IF_ERROR(ReadEvents(host_id, history.events));
  return history;
}

}  // namespace

StatusOr<std::vector<HostHistory>> ReadHistory(Connection& connection,
                                               std::span<const std::string> hosts, SystemTime since,
                                               SystemTime until, size_t points) {
  FS_ASSIGN_OR_RETURN(const Window window, ChooseWindow(connection, since, until, points));
  HistoryReader reader(connection, window);
  FS_RETURN_IF_ERROR(reader.Prepare());
  std::vector<HostHistory> histories;
  histories.reserve(hosts.size());
  for (const std::string& host : hosts) {
    FS_ASSIGN_OR_RETURN(HostHistory history, reader.Read(host));
    histories.push_back(std::move(history));
  }
  return histories;
}

}  // namespace fleetsync::db
