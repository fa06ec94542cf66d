#include "db/report_rows.h"

#include <string>
#include <utility>

#include "db/units.h"
#include "fmt/format.h"

namespace fleetsync::db {
namespace {

int64_t StateOf(const Report& report) {
  const Source* selected = Selected(report);
  const int64_t reach = selected == nullptr ? 0 : selected->reach;
  return report.stratum | report.leap << 5 | (report.holdover ? 1 : 0) << 7 | reach << 8;
}

}  // namespace

Status CheckReport(const Report& report) {
  if (report.stratum <= 16 && report.leap <= 3 && report.sequence > 0 &&
      report.error_bound >= Duration::zero())
    return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "report {} of host {} cannot be stored: stratum {}, leap {}, error bound {} ns",
      report.sequence, report.host, report.stratum, report.leap, report.error_bound.count()));
}

void BindReport(Statement& statement, const Report& report, int64_t context_id, Duration late) {
  constexpr int kFirst = kFirstReportParameter;
  const int64_t received = Microseconds(report.received);
  statement.Bind(kFirst, context_id)
      .Bind(kFirst + 1, static_cast<int64_t>(report.sequence))
      .Bind(kFirst + 2, received)
      .Bind(kFirst + 3, Microseconds(late))
      .Bind(kFirst + 4, received - Microseconds(report.host_time))
      .Bind(kFirst + 5, Microseconds(report.monotonic))
      .Bind(kFirst + 6, report.offset.count())
      .Bind(kFirst + 7, report.error_bound.count())
      .Bind(kFirst + 8, report.frequency_ppb)
      .Bind(kFirst + 9, report.root_delay.count())
      .Bind(kFirst + 10, report.root_dispersion.count())
      .Bind(kFirst + 11, report.jitter.count())
      .Bind(kFirst + 12, StateOf(report));
}

Report ReadReport(const Statement& row, int first, std::string_view host) {
  const auto integer = [&](int column) { return row.Integer(first + column); };
  const int64_t received = integer(1), state = integer(11);
  Report report{.host = std::string(host),
                .sequence = static_cast<uint64_t>(integer(0)),
                .boot_id = row.Text(first + 12),
                .host_time = InstantFromMicroseconds(received - integer(3)),
                .monotonic = DurationFromMicroseconds(integer(4)),
                .received = InstantFromMicroseconds(received),
                .offset = Duration(integer(5)),
                .error_bound = Duration(integer(6)),
                .stratum = static_cast<uint8_t>(state & 31),
                .leap = static_cast<uint8_t>(state >> 5 & 3),
                .frequency_ppb = integer(7),
                .root_delay = Duration(integer(8)),
                .root_dispersion = Duration(integer(9)),
                .jitter = Duration(integer(10)),
                .daemon = row.Text(first + 13),
                .holdover = (state >> 7 & 1) != 0,
                .at = InstantFromMicroseconds(received - integer(2))};
  if (std::string source = row.Text(first + 14); !source.empty())
    report.sources.push_back({.name = std::move(source),
                              .address = {},
                              .state = kSelected,
                              .reach = static_cast<uint8_t>(state >> 8 & 0xff),
                              .reference_id = {}});
  return report;
}

}  // namespace fleetsync::db
