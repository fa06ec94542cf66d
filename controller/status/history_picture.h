#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "controller/status/chart.h"

namespace fleetsync::status {

// The charts below each other on one axis of offsets and one of time: a line of means in the band
// of the least and the largest, in the envelope of its bound; events; percentiles. Pure.

// Self-contained: no fonts, scripts or files from elsewhere; light or dark as the reader's system.
std::string HistorySvg(std::span<const Chart> charts);

// The same as pixels, on white.
StatusOr<std::string> HistoryPng(std::span<const Chart> charts);

// A line a span below a heading; docs/status.md describes the columns.
std::string HistoryCsv(std::span<const Chart> charts);

// One document with a last newline; docs/status.md describes it.
std::string HistoryJson(std::span<const Chart> charts);

}  // namespace fleetsync::status
