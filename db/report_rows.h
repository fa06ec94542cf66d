#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// How a report stands in the tables `reports` and `latest`.

// Its columns there, behind those that only one of the two has; "?3" is the first parameter when
// they are written.
inline constexpr std::string_view kReportColumns =
    "context_id, sequence, received_us, late_us, behind_us, monotonic_us, offset_ns,"
    " error_bound_ns, frequency_ppb, root_delay_ns, root_dispersion_ns, jitter_ns, state";
inline constexpr int kFirstReportParameter = 3;
inline constexpr std::string_view kReportParameters =
    "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15";

// InvalidArgument: it has a number that the columns cannot hold.
Status CheckReport(const Report& report);
void BindReport(Statement& statement, const Report& report, int64_t context_id, Duration late);

// What ReadReport reads, of a row `r` of either table, and the tables that this needs.
inline constexpr std::string_view kReadReportColumns =
    "r.sequence, r.received_us, r.late_us, r.behind_us, r.monotonic_us, r.offset_ns,"
    " r.error_bound_ns, r.frequency_ppb, r.root_delay_ns, r.root_dispersion_ns, r.jitter_ns,"
    " r.state, boot.text, daemon.text, source.text";
inline constexpr std::string_view kReadReportJoins =
    " JOIN contexts AS c ON c.context_id = r.context_id"
    " JOIN texts AS boot ON boot.text_id = c.boot_id"
    " JOIN texts AS daemon ON daemon.text_id = c.daemon"
    " JOIN texts AS source ON source.text_id = c.source";
// `first`: the column of r.sequence. Of the sources the selected one's name and reach.
Report ReadReport(const Statement& row, int first, std::string_view host);

// The parts of `state`.
inline bool SynchronisedState(int64_t state) { return (state & 31) < 16 && (state >> 5 & 3) != 3; }

}  // namespace fleetsync::db
