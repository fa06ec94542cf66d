#include <string_view>

#include "controller/status/history_picture.h"
#include "controller/status/picture_layout.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

// Okabe and Ito's colours: blue, vermilion, orange.
constexpr std::string_view kStyle = R"(<style>
svg { background: #ffffff; font: 12px system-ui, "DejaVu Sans", sans-serif; }
text { fill: #222222; }
.title { font-weight: bold; font-size: 14px; }
.quiet { fill: #666666; }
.axis { stroke: #999999; fill: none; }
.grid { stroke: #e4e4e4; }
.tolerance { stroke: #d55e00; stroke-dasharray: 6 4; }
.bound { fill: #0072b2; fill-opacity: 0.12; }
.band { fill: #0072b2; fill-opacity: 0.35; stroke: #0072b2; stroke-opacity: 0.35; }
.mean { stroke: #0072b2; stroke-width: 1.5; fill: none; stroke-linejoin: round; }
.step { fill: #d55e00; }
.other { fill: #e69f00; stroke: #7a5500; }
@media (prefers-color-scheme: dark) {
svg { background: #16181d; }
text { fill: #e6e6e6; }
.quiet { fill: #a0a0a0; }
.axis { stroke: #777777; }
.grid { stroke: #2c3038; }
.bound, .band { fill: #56b4e9; }
.band { stroke: #56b4e9; }
.mean { stroke: #56b4e9; }
.other { stroke: #ffd277; }
}
</style>
)";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string PointsText(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points)
    text += fmt::format("{}{:.1f},{:.1f}", text.empty() ? "" : " ", point.x, point.y);
  return text;
}

class Svg {
 public:
  void Text(Point at, std::string_view kind, std::string_view anchor, std::string_view text) {
    text_ +=
        fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                    kind, at.x, at.y, anchor, Escaped(text));
  }
  void Line(Point from, Point to, std::string_view kind) {
    text_ += fmt::format(
        "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind,
        from.x, from.y, to.x, to.y);
  }
  void Shape(std::string_view element, const std::vector<Point>& points, std::string_view kind,
             std::string_view title = "") {
    text_ += fmt::format("<{} class=\"{}\" points=\"{}\"", element, kind, PointsText(points));
    text_ +=
        title.empty() ? "/>\n" : fmt::format("><title>{}</title></{}>\n", Escaped(title), element);
  }
  std::string Finish(const Layout& layout) const {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
               "width=\"{0:.0f}\" height=\"{1:.0f}\">\n",
               layout.width, layout.height) +
           std::string(kStyle) + text_ + "</svg>\n";
  }

 private:
  std::string text_;
};

// A triangle for a step, a square on its corner for the rest.
void DrawEvent(const EventMark& mark, Svg& svg) {
  const double x = mark.at.x, y = mark.at.y;
  if (IsStep(mark.kind)) {
    svg.Shape("polygon", {{x - 5, y + 5}, {x, y - 5}, {x + 5, y + 5}}, "step", mark.text);
  } else {
    svg.Shape("polygon", {{x - 4, y}, {x, y - 4}, {x + 4, y}, {x, y + 4}}, "other", mark.text);
  }
}

void DrawPanel(const Panel& panel, Svg& svg) {
  svg.Text(panel.title_at, "title", "start", panel.title);
  svg.Text(panel.stats_at, "quiet", "start", panel.stats);
  const double drop = kFontSize * 0.35;  // from the middle of a text to its base line
  for (const Label& label : panel.offsets) {
    svg.Line({panel.left, label.at.y}, {panel.right, label.at.y}, "grid");
    svg.Text({label.at.x, label.at.y + drop}, "quiet", "end", label.text);
  }
  for (const Label& label : panel.times) {
    svg.Line({label.at.x, panel.top}, {label.at.x, panel.bottom}, "grid");
    svg.Text({label.at.x, label.at.y + drop}, "quiet", "middle", label.text);
  }
  for (const auto& polygon : panel.envelopes) svg.Shape("polygon", polygon, "bound");
  for (const auto& polygon : panel.bands) svg.Shape("polygon", polygon, "band");
  for (const auto& line : panel.means) svg.Shape("polyline", line, "mean");
  for (const auto& y : {panel.tolerance_top, panel.tolerance_bottom})
    if (y) svg.Line({panel.left, *y}, {panel.right, *y}, "tolerance");
  svg.Line({panel.left, panel.top}, {panel.left, panel.bottom}, "axis");
  svg.Line({panel.left, panel.bottom}, {panel.right, panel.bottom}, "axis");
  for (const EventMark& mark : panel.events) DrawEvent(mark, svg);
  for (const Label& label : panel.percentiles)
    svg.Text({label.at.x, label.at.y + drop}, "quiet", "start", label.text);
}

}  // namespace

std::string HistorySvg(std::span<const Chart> charts) {
  const Layout layout = LayOut(charts);
  Svg svg;
  for (const Panel& panel : layout.panels) DrawPanel(panel, svg);
  svg.Text(layout.footer_at, "quiet", "start", layout.footer);
  return svg.Finish(layout);
}

}  // namespace fleetsync::status
