#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "controller/status/chart.h"

namespace fleetsync::status {

// One chart in `columns` by about `rows` of a terminal: offsets as a band from the least to the
// largest of each column, their bounds dotted, marks of events below, time in UTC. Lines without
// their end. Pure, as all of this file.
std::vector<std::string> PlotLines(const Chart& chart, size_t columns, size_t rows, bool color);
std::vector<std::string> PlotLines(const Chart& chart, const ui::SymlogScale& scale, size_t columns,
                                   size_t rows, bool color);

// One chart below the other on one axis; a line each when there are more than a few.
std::string HistoryText(std::span<const Chart> charts, size_t columns, bool color);

}  // namespace fleetsync::status
