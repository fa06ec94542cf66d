#include "controller/status/picture_layout.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

constexpr double kWidth = 960, kLeft = 76, kRight = 120;
constexpr double kTitleHeight = 44, kPlotHeight = 180, kAxisHeight = 34, kGap = 22;
constexpr double kMargin = 16, kFooterHeight = 24;
constexpr double kEventHeight = 16;  // of the strip of events above the time axis

class Projection {
 public:
  Projection(const Chart& chart, const ui::SymlogScale& scale, const Panel& panel)
      : chart_(chart), scale_(scale), panel_(panel) {}

  double X(SystemTime at) const {
    return panel_.left +
           std::clamp(TimePosition(chart_, at), 0.0, 1.0) * (panel_.right - panel_.left);
  }
  double Y(Duration value) const {
    const double bottom = panel_.bottom - kEventHeight;
    return bottom - scale_.Position(value) * (bottom - panel_.top);
  }

 private:
  const Chart& chart_;
  const ui::SymlogScale& scale_;
  const Panel& panel_;
};

// Longer than three spans between points is a gap.
bool IsGap(const db::HistoryPoint& before, const db::HistoryPoint& after) {
  const Duration usual = std::max<Duration>(before.span, std::chrono::seconds(30));
  return after.at - before.at > 3 * usual || after.synchronised == 0;
}

using Stretch = std::vector<const db::HistoryPoint*>;

std::vector<Stretch> StretchesOf(const Chart& chart) {
  std::vector<Stretch> stretches;
  const db::HistoryPoint* before = nullptr;
  for (const db::HistoryPoint& point : chart.points) {
    if (before == nullptr || IsGap(*before, point)) stretches.emplace_back();
    before = point.synchronised > 0 ? &point : nullptr;
    if (before != nullptr) stretches.back().push_back(&point);
  }
  std::erase_if(stretches, [](const Stretch& stretch) { return stretch.empty(); });
  return stretches;
}

// There along the upper edge, back along the lower one.
template <class High, class Low>
std::vector<Point> PolygonOf(const Stretch& stretch, const Projection& to, High&& high, Low&& low) {
  std::vector<Point> polygon;
  for (const db::HistoryPoint* point : stretch) {
    polygon.push_back({to.X(point->at), to.Y(high(*point))});
    polygon.push_back({to.X(point->at + point->span), to.Y(high(*point))});
  }
  for (auto it = stretch.rbegin(); it != stretch.rend(); ++it) {
    polygon.push_back({to.X((*it)->at + (*it)->span), to.Y(low(**it))});
    polygon.push_back({to.X((*it)->at), to.Y(low(**it))});
  }
  return polygon;
}

void AddCurves(const Chart& chart, const Projection& to, Panel& panel) {
  for (const Stretch& stretch : StretchesOf(chart)) {
    std::vector<Point> mean;
    for (const db::HistoryPoint* point : stretch)
      mean.push_back({to.X(point->at + point->span / 2), to.Y(point->offset_mean)});
    panel.means.push_back(std::move(mean));
    panel.bands.push_back(PolygonOf(
        stretch, to, [](const db::HistoryPoint& p) { return p.offset_max; },
        [](const db::HistoryPoint& p) { return p.offset_min; }));
    panel.envelopes.push_back(PolygonOf(
        stretch, to, [](const db::HistoryPoint& p) { return p.offset_mean + p.error_bound_max; },
        [](const db::HistoryPoint& p) { return p.offset_mean - p.error_bound_max; }));
  }
}

void AddPercentiles(const Chart& chart, const Projection& to, Panel& panel) {
  const ChartStats stats = StatsOf(chart);
  if (!stats.offset) return;
  const std::pair<const char*, Duration> values[] = {{"max", stats.offset->max},
                                                     {"p99", stats.offset->p99},
                                                     {"p95", stats.offset->p95},
                                                     {"p50", stats.offset->p50}};
  for (const auto& [name, value] : values)
    panel.percentiles.push_back({.at = {panel.right + 8, to.Y(value)},
                                 .text = fmt::format("{} {}", name, FormatDuration(value))});
  // From the top down, none on another.
  for (size_t i = 1; i < panel.percentiles.size(); ++i)
    panel.percentiles[i].at.y =
        std::max(panel.percentiles[i].at.y, panel.percentiles[i - 1].at.y + kFontSize + 3);
}

void AddEvents(const Chart& chart, const Projection& to, Panel& panel) {
  for (const Event& event : chart.events)
    if (IsMarked(event) && event.at >= chart.since && event.at <= chart.until)
      panel.events.push_back(
          {.at = {to.X(event.at), panel.bottom - kEventHeight / 2},
           .kind = event.kind,
           .text = fmt::format("{}  {}", FormatTime(event.at), Describe(event))});
}

std::string StatsLine(const Chart& chart) {
  const std::string stats = StatsText(chart);
  return stats.empty() ? ReportsText(chart) : stats + "; " + ReportsText(chart);
}

Panel PanelOf(const Chart& chart, const ui::SymlogScale& scale, double top) {
  Panel panel;
  panel.title = Printable(chart.host);
  panel.stats = StatsLine(chart);
  panel.title_at = {kLeft, top + 14};
  panel.stats_at = {kLeft, top + 32};
  panel.left = kLeft;
  panel.right = kWidth - kRight;
  panel.top = top + kTitleHeight;
  panel.bottom = panel.top + kPlotHeight;
  const Projection to(chart, scale, panel);
  for (const Duration tick : scale.Ticks(9))
    panel.offsets.push_back({.at = {panel.left - 8, to.Y(tick)}, .text = ui::TickLabel(tick)});
  for (const ui::TimeTick& tick : ui::TimeTicks(chart.since, chart.until, 9))
    panel.times.push_back({.at = {to.X(tick.at), panel.bottom + 14}, .text = tick.label});
  if (chart.tolerance) {
    if (scale.Position(*chart.tolerance) < 1) panel.tolerance_top = to.Y(*chart.tolerance);
    if (scale.Position(-*chart.tolerance) > 0) panel.tolerance_bottom = to.Y(-*chart.tolerance);
  }
  AddCurves(chart, to, panel);
  AddPercentiles(chart, to, panel);
  AddEvents(chart, to, panel);
  return panel;
}

}  // namespace

Layout LayOut(std::span<const Chart> charts) {
  const ui::SymlogScale scale = ScaleOf(charts);
  Layout layout;
  layout.width = kWidth;
  double top = kMargin;
  for (const Chart& chart : charts) {
    layout.panels.push_back(PanelOf(chart, scale, top));
    top += kTitleHeight + kPlotHeight + kAxisHeight + kGap;
  }
  if (!charts.empty())
    layout.footer = fmt::format(
        "Offset of the reference from the clock: add it to the clock to be right. {} to {}, UTC.",
        FormatTime(charts.front().since), FormatTime(charts.front().until));
  layout.footer_at = {kLeft, top + 6};
  layout.height = top + kFooterHeight;
  return layout;
}

}  // namespace fleetsync::status
