#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/status/chart.h"

namespace fleetsync::status {

struct Point {
  double x = 0, y = 0;
};

// What both kinds of picture draw, in pixels from the top left.
struct Label {
  Point at;  // the middle of the label's height; its right end, middle or left end
  std::string text;
};
struct EventMark {
  Point at;
  EventKind kind = EventKind::kUnspecified;
  std::string text;
};
struct Panel {
  std::string title, stats;
  Point title_at, stats_at;  // left end of the text's base line
  double left = 0, top = 0, right = 0, bottom = 0;
  std::vector<Label> offsets;                 // right end beside the axis; a line across at each
  std::vector<Label> times;                   // middle below the axis; a line up at each
  std::vector<std::vector<Point>> means;      // a line for each stretch without a gap
  std::vector<std::vector<Point>> bands;      // polygons: least to largest
  std::vector<std::vector<Point>> envelopes;  // polygons: the mean and its bound
  std::optional<double> tolerance_top, tolerance_bottom;
  std::vector<EventMark> events;
  // The strip at the right: |offset| p50, p95, p99, max as marks on the axis' upper half.
  std::vector<Label> percentiles;
};
struct Layout {
  double width = 0, height = 0;
  std::vector<Panel> panels;
  std::string footer;
  Point footer_at;
};

inline constexpr double kFontSize = 12;

Layout LayOut(std::span<const Chart> charts);

}  // namespace fleetsync::status
