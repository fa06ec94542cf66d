#pragma once

#include <cstdint>

#include "base/time.h"
#include "db/histogram.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// The spans that reports are rolled up to.
inline constexpr Duration kSpans[] = {std::chrono::minutes(1), std::chrono::hours(1),
                                      std::chrono::hours(24)};

// What of a report is rolled up.
struct RolledReport {
  bool synchronised = false;
  Duration offset{};
  Duration error_bound{};
  int64_t frequency_ppb = 0;
};

// A row of `rollups`: what the reports of one host in one span of time add up to. All but the
// number of reports is over the synchronised ones.
struct Rollup {
  uint64_t reports = 0;
  uint64_t synchronised = 0;
  Duration offset_min{}, offset_max{};
  double offset_sum_ns =
      0;  // whole and exact up to 2^53: a day of reports a second, each 104 s off
  Duration error_bound_max{};
  int64_t frequency_sum_ppb = 0;
  Histogram offsets;

  void Add(const RolledReport& report);
  void Merge(const Rollup& other);
};

HistoryPoint PointOf(const Rollup& rollup, SystemTime at, Duration span);

// The columns of `rollups` behind its key, in the order that Bind and Read know.
inline constexpr std::string_view kRollupColumns =
    "reports, synchronised, offset_min_ns, offset_max_ns, offset_sum_ns, error_bound_max_ns,"
    " frequency_sum_ppb, offsets";
// `first`: the parameter, the column of `reports`.
void BindRollup(Statement& statement, int first, const Rollup& rollup);
Rollup ReadRollup(const Statement& row, int first);

}  // namespace fleetsync::db
