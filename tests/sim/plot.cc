#include "tests/sim/plot.h"

#include <algorithm>

#include "fmt/format.h"

namespace fleetsync::sim {
namespace {

constexpr double kWidth = 860;
constexpr double kLeft = 70;
constexpr double kHeight = 110;
constexpr double kGap = 34;

std::string Line(double x1, double y1, double x2, double y2, const char* colour) {
  return fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"/>)"
                     "\n",
                     x1, y1, x2, y2, colour);
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)"
                     "\n",
                     x, y, anchor, text);
}

std::string Draw(const Panel& panel, double top) {
  const double last = panel.points.empty() ? 1 : panel.points.back().first;
  const double middle = top + kHeight / 2;
  const auto y = [&](double error) {
    return middle - std::clamp(error / panel.scale, -1.0, 1.0) * kHeight / 2;
  };
  std::string svg = Text(kLeft, top - 8, "start", panel.title);
  for (const double part : {-1.0, 0.0, 1.0}) {
    svg += Line(kLeft, y(part * panel.scale), kLeft + kWidth, y(part * panel.scale), "#ccc");
    svg += Text(kLeft - 6, y(part * panel.scale) + 4, "end",
                part == 0 ? "0" : fmt::format("{:+g} us", part * panel.scale * 1e6));
  }
  svg += R"(<polyline fill="none" stroke="#1f5fa8" points=")";
  const size_t step = std::max<size_t>(1, panel.points.size() / static_cast<size_t>(kWidth));
  for (size_t i = 0; i < panel.points.size(); i += step)
    svg += fmt::format("{:.0f},{:.1f} ", kLeft + panel.points[i].first / last * kWidth,
                       y(panel.points[i].second));
  return svg + "\"/>\n" +
         Text(kLeft + kWidth, top + kHeight + 14, "end", fmt::format("{:g} h", last / 3600));
}

}  // namespace

std::string PlotSvg(const std::vector<Panel>& panels) {
  const double height = static_cast<double>(panels.size()) * (kHeight + kGap) + kGap;
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}" font-family="sans-serif" font-size="12">)"
      "\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      kLeft + kWidth + 20, height);
  for (size_t i = 0; i < panels.size(); ++i)
    svg += Draw(panels[i], kGap + static_cast<double>(i) * (kHeight + kGap));
  return svg + "</svg>\n";
}

}  // namespace fleetsync::sim
