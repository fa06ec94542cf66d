#include "controller/status/history_text.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ui/braille.h"
#include "controller/ui/sparkline.h"
#include "controller/ui/table.h"
#include "controller/ui/utf8.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

using ui::Style;

constexpr size_t kLabelWidth = 8;  // "-100 ms "
constexpr size_t kManyCharts = 6;  // from so many on a line each
constexpr size_t kPlotRows = 14, kSmallPlotRows = 8;
constexpr Duration kDefaultTolerance = std::chrono::milliseconds(10);

// What a column of dots shows of the spans that fall into it.
struct Span {
  Duration low{}, high{}, bound_low{}, bound_high{};
};

std::vector<std::optional<Span>> SpansOf(const Chart& chart, size_t width) {
  std::vector<std::optional<Span>> spans(width);
  const auto column = [&](SystemTime at) {
    return std::clamp(TimePosition(chart, at), 0.0, 1.0) * static_cast<double>(width - 1);
  };
  for (const db::HistoryPoint& point : chart.points) {
    if (point.synchronised == 0) continue;
    const auto from = static_cast<size_t>(column(point.at));
    const auto to = std::max(from, static_cast<size_t>(column(point.at + point.span)));
    const Span one{.low = point.offset_min,
                   .high = point.offset_max,
                   .bound_low = point.offset_mean - point.error_bound_max,
                   .bound_high = point.offset_mean + point.error_bound_max};
    for (size_t x = from; x <= to; ++x) {
      std::optional<Span>& span = spans[x];
      if (!span) span = one;
      span->low = std::min(span->low, one.low);
      span->high = std::max(span->high, one.high);
      span->bound_low = std::min(span->bound_low, one.bound_low);
      span->bound_high = std::max(span->bound_high, one.bound_high);
    }
  }
  return spans;
}

void Draw(const Chart& chart, const ui::SymlogScale& scale, ui::Braille& picture) {
  const auto y_of = [&](Duration value) {
    return static_cast<size_t>(
        std::lround((1 - scale.Position(value)) * static_cast<double>(picture.height() - 1)));
  };
  const std::vector<std::optional<Span>> spans = SpansOf(chart, picture.width());
  for (size_t x = 0; x < spans.size(); ++x) {
    if (x % 4 == 0) picture.Set(x, y_of(Duration::zero()), Style::kDim);
    if (!spans[x]) continue;
    const Span& span = *spans[x];
    if (x % 2 == 0) {
      picture.Set(x, y_of(span.bound_high), Style::kDim);
      picture.Set(x, y_of(span.bound_low), Style::kDim);
    }
    const bool within =
        !chart.tolerance || std::max(Abs(span.low), Abs(span.high)) <= *chart.tolerance;
    picture.Column(x, y_of(span.low), y_of(span.high), within ? Style::kGood : Style::kBad);
  }
}

// The labels beside the rows of the picture.
std::vector<std::string> AxisLabels(const ui::SymlogScale& scale, size_t rows) {
  std::vector<std::string> labels(rows);
  for (const Duration tick : scale.Ticks(std::max<size_t>(2, rows / 2))) {
    const double from_top = (1 - scale.Position(tick)) * (static_cast<double>(rows) * 4 - 1) / 4;
    labels[std::min(rows - 1, static_cast<size_t>(from_top))] = ui::TickLabel(tick);
  }
  return labels;
}

size_t ColumnOf(const Chart& chart, SystemTime at, size_t columns) {
  return static_cast<size_t>(std::clamp(TimePosition(chart, at), 0.0, 1.0) *
                             static_cast<double>(columns - 1));
}

// A mark a column; where several meet, the step.
std::string EventLine(const Chart& chart, size_t columns, bool color) {
  std::vector<const Event*> marks(columns);
  bool any = false;
  for (const Event& event : chart.events) {
    if (!IsMarked(event) || event.at < chart.since || event.at > chart.until) continue;
    const Event*& mark = marks[ColumnOf(chart, event.at, columns)];
    if (mark == nullptr || IsStep(event.kind)) mark = &event;
    any = true;
  }
  std::string line;
  if (!any) return line;
  for (const Event* mark : marks)
    line += mark == nullptr ? " " : ui::Styled(SymbolOf(mark->kind), Style::kWarning, color);
  return line;
}

// "└───┬────┬──" and the labels below it.
std::vector<std::string> TimeAxis(const Chart& chart, size_t columns) {
  const std::vector<ui::TimeTick> ticks =
      ui::TimeTicks(chart.since, chart.until, std::max<size_t>(2, columns / 13));
  std::vector<bool> marked(columns);
  std::string labels;
  for (const ui::TimeTick& tick : ticks) {
    const size_t at = ColumnOf(chart, tick.at, columns);
    marked[at] = true;
    const size_t half = tick.label.size() / 2;
    const size_t from = at > half ? at - half : 0;
    if (from < labels.size() + (labels.empty() ? 0 : 2) || from + tick.label.size() > columns)
      continue;
    labels.append(from - labels.size(), ' ');
    labels += tick.label;
  }
  std::string axis = std::string(kLabelWidth, ' ') + "└";
  for (const bool mark : marked) axis += mark ? "┬" : "─";
  return {axis, std::string(kLabelWidth - 3, ' ') + "UTC " + labels};
}

std::string EventWord(EventKind kind) {
  switch (kind) {
    case EventKind::kStepped:
    case EventKind::kSteppedByOther:
      return "▲ step";
    case EventKind::kSourceSelected:
    case EventKind::kSourceLost:
      return "⇄ source";
    case EventKind::kStarted:
    case EventKind::kDaemon:
    case EventKind::kResumed:
      return "○ start";
    case EventKind::kFalseticker:
      return "◆ falseticker";
    default:
      return "! trouble";
  }
}

std::string MarksLegend(std::span<const Chart> charts) {
  std::vector<std::string> words;
  for (const Chart& chart : charts)
    for (const Event& event : chart.events) {
      if (!IsMarked(event)) continue;
      const std::string word = EventWord(event.kind);
      if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
    }
  std::sort(words.begin(), words.end());
  return Join(words, "   ");
}

std::string OneLineEach(std::span<const Chart> charts, size_t columns, bool color) {
  const std::vector<ui::Column> titles = {
      {"HOST", ui::Align::kLeft, 9},    {"p50", ui::Align::kRight, 5},
      {"p95", ui::Align::kRight, 6},    {"max", ui::Align::kRight, 8},
      {"BOUND", ui::Align::kRight, 4},  {"STEPS", ui::Align::kRight, 3},
      {"|OFFSET|", ui::Align::kLeft, 9}};
  const size_t cells = std::clamp<size_t>(columns / 2, 12, 60);
  std::vector<std::vector<std::string>> rows;
  for (const Chart& chart : charts) {
    const ChartStats stats = StatsOf(chart);
    const auto text = [&stats](Duration Percentiles::*p) {
      return stats.offset ? FormatDuration(*stats.offset.*p) : "-";
    };
    std::vector<std::optional<Duration>> values(cells);
    const auto spans = SpansOf(chart, cells);
    for (size_t i = 0; i < cells; ++i)
      if (spans[i]) values[i] = std::max(Abs(spans[i]->low), Abs(spans[i]->high));
    rows.push_back({Printable(chart.host), text(&Percentiles::p50), text(&Percentiles::p95),
                    text(&Percentiles::max),
                    stats.offset ? FormatDuration(stats.error_bound_max) : "-",
                    fmt::format("{}", stats.steps),
                    ui::Sparkline(values, chart.tolerance.value_or(kDefaultTolerance))});
    const bool within = stats.offset && (!chart.tolerance || stats.offset->max <= *chart.tolerance);
    rows.back().back() = ui::Styled(rows.back().back(), within ? Style::kGood : Style::kBad, color);
  }
  std::string text;
  for (const std::string& line : ui::TableLines(titles, rows, columns)) text += line + '\n';
  return text;
}

}  // namespace

std::vector<std::string> PlotLines(const Chart& chart, const ui::SymlogScale& scale, size_t columns,
                                   size_t rows, bool color) {
  const size_t width = columns > kLabelWidth + 12 ? columns - kLabelWidth - 1 : 12;
  const std::string name = ui::Styled(Printable(chart.host), Style::kBold, color);
  std::vector<std::string> lines = {
      ui::FitToWidth(fmt::format("{}  {}", name, ReportsText(chart)), columns)};
  if (const std::string stats = StatsText(chart); !stats.empty())
    lines.push_back(ui::FitToWidth(stats, columns));
  ui::Braille picture(width, rows);
  Draw(chart, scale, picture);
  const std::vector<std::string> labels = AxisLabels(scale, rows);
  for (size_t row = 0; row < rows; ++row)
    lines.push_back(fmt::format("{:>{}}{}{}", labels[row], kLabelWidth,
                                labels[row].empty() ? "│" : "┤", picture.Line(row, color)));
  for (std::string& line : TimeAxis(chart, width)) lines.push_back(std::move(line));
  if (const std::string marks = EventLine(chart, width, color); !marks.empty())
    lines.insert(lines.end() - 2, std::string(kLabelWidth, ' ') + "│" + marks);
  return lines;
}

std::vector<std::string> PlotLines(const Chart& chart, size_t columns, size_t rows, bool color) {
  return PlotLines(chart, ScaleOf({&chart, 1}), columns, rows, color);
}

std::string HistoryText(std::span<const Chart> charts, size_t columns, bool color) {
  if (charts.size() >= kManyCharts) return OneLineEach(charts, columns, color);
  const ui::SymlogScale scale = ScaleOf(charts);
  std::string text;
  for (const Chart& chart : charts) {
    if (!text.empty()) text += '\n';
    for (const std::string& line :
         PlotLines(chart, scale, columns, charts.size() > 2 ? kSmallPlotRows : kPlotRows, color))
      text += line + '\n';
  }
  if (const std::string legend = MarksLegend(charts); !legend.empty()) text += legend + '\n';
  return text;
}

}  // namespace fleetsync::status
