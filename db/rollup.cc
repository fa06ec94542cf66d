#include "db/rollup.h"

#include <algorithm>

namespace fleetsync::db {

void Rollup::Add(const RolledReport& report) {
  ++reports;
  if (!report.synchronised) return;
  const bool first = synchronised++ == 0;
  offset_min = first ? report.offset : std::min(offset_min, report.offset);
  offset_max = first ? report.offset : std::max(offset_max, report.offset);
  offset_sum_ns += static_cast<double>(report.offset.count());
  error_bound_max = std::max(error_bound_max, report.error_bound);
  frequency_sum_ppb += report.frequency_ppb;
  offsets.Add(report.offset);
}

void Rollup::Merge(const Rollup& other) {
  reports += other.reports;
  if (other.synchronised == 0) return;
  const bool first = synchronised == 0;
  synchronised += other.synchronised;
  offset_min = first ? other.offset_min : std::min(offset_min, other.offset_min);
  offset_max = first ? other.offset_max : std::max(offset_max, other.offset_max);
  offset_sum_ns += other.offset_sum_ns;
  error_bound_max = std::max(error_bound_max, other.error_bound_max);
  frequency_sum_ppb += other.frequency_sum_ppb;
  offsets.Merge(other.offsets);
}

HistoryPoint PointOf(const Rollup& rollup, SystemTime at, Duration span) {
  HistoryPoint point{.at = at,
                     .span = span,
                     .reports = static_cast<uint32_t>(rollup.reports),
                     .synchronised = static_cast<uint32_t>(rollup.synchronised),
                     .offset_min = rollup.offset_min,
                     .offset_max = rollup.offset_max,
                     .error_bound_max = rollup.error_bound_max};
  if (rollup.synchronised == 0) return point;
  const auto count = static_cast<double>(rollup.synchronised);
  point.offset_mean = Duration(static_cast<int64_t>(rollup.offset_sum_ns / count));
  point.frequency_mean_ppb = rollup.frequency_sum_ppb / static_cast<int64_t>(rollup.synchronised);
  // The classes' middles may lie outside of what was seen; the ends are known exactly.
  const Duration largest = std::max(Abs(rollup.offset_min), Abs(rollup.offset_max));
  const bool both_signs =
      rollup.offset_min < Duration::zero() && rollup.offset_max > Duration::zero();
  const Duration smallest =
      both_signs ? Duration::zero() : std::min(Abs(rollup.offset_min), Abs(rollup.offset_max));
  const auto quantile = [&](double fraction) {
    return std::clamp(rollup.offsets.Quantile(fraction), smallest, largest);
  };
  point.offset_p50 = quantile(0.5);
  point.offset_p95 = quantile(0.95);
  point.offset_p99 = quantile(0.99);
  return point;
}

void BindRollup(Statement& statement, int first, const Rollup& rollup) {
  statement.Bind(first, static_cast<int64_t>(rollup.reports))
      .Bind(first + 1, static_cast<int64_t>(rollup.synchronised))
      .Bind(first + 2, rollup.offset_min.count())
      .Bind(first + 3, rollup.offset_max.count())
      .BindReal(first + 4, rollup.offset_sum_ns)
      .Bind(first + 5, rollup.error_bound_max.count())
      .Bind(first + 6, rollup.frequency_sum_ppb)
      .BindBlob(first + 7, rollup.offsets.Encode());
}

Rollup ReadRollup(const Statement& row, int first) {
  return {.reports = static_cast<uint64_t>(row.Integer(first)),
          .synchronised = static_cast<uint64_t>(row.Integer(first + 1)),
          .offset_min = Duration(row.Integer(first + 2)),
          .offset_max = Duration(row.Integer(first + 3)),
          .offset_sum_ns = row.Real(first + 4),
          .error_bound_max = Duration(row.Integer(first + 5)),
          .frequency_sum_ppb = row.Integer(first + 6),
          .offsets = Histogram::Decode(row.Blob(first + 7))};
}

}  // namespace fleetsync::db
