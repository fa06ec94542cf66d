#include "controller/status/host_page.h"

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/history_text.h"
#include "controller/status/host_row.h"
#include "controller/ui/table.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

using Lines = std::vector<std::string>;
constexpr size_t kPlotRows = 9;

void Append(Lines more, Lines& lines) {
  lines.insert(lines.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

std::string_view SourceWord(uint8_t state) {
  switch (state) {
    case kSourceSelected:
      return "* selected";
    case kSourceCandidate:
      return "+ candidate";
    case kSourceOutlier:
      return "- outlier";
    case kSourceFalseticker:
      return "x falseticker";
    case kSourceUnreachable:
      return "? unreachable";
    default:
      return "";
  }
}

Lines ClockLines(const HostView& host, bool color) {
  Lines lines = {fmt::format("{}  {}",
                             ui::Styled(Printable(host.input.host), ui::Style::kBold, color),
                             StateText(host, color))};
  if (!host.input.groups.empty()) lines[0] += "  in " + Join(host.input.groups, ", ");
  if (!host.input.failure.empty()) lines.push_back(Printable(host.input.failure));
  if (!host.input.reading) return lines;
  const Reading& reading = *host.input.reading;
  lines.push_back(fmt::format("offset {} ±{}, tolerance {}; last contact {}",
                              FormatSigned(reading.offset), FormatDuration(reading.error_bound),
                              FormatDuration(host.input.tolerance), AgeText(host.age)));
  if (reading.measured && reading.measured_bound)
    lines.push_back(fmt::format("measured from here {} ±{}", FormatSigned(*reading.measured),
                                FormatDuration(*reading.measured_bound)));
  lines.push_back(fmt::format(
      "{}, stratum {}, leap {}, follows {}{}",
      reading.daemon.empty() ? "no daemon" : Printable(reading.daemon),
      reading.stratum_known ? fmt::format("{}", reading.stratum) : "-", reading.leap,
      reading.source.empty() ? "nothing" : Printable(reading.source),
      reading.frequency ? fmt::format(", frequency {:+.3f} ppm", reading.frequency->value) : ""));
  return lines;
}

Lines SourceLines(const HostView& host, size_t columns) {
  constexpr ui::Align kLeft = ui::Align::kLeft, kRight = ui::Align::kRight;
  const std::vector<ui::Column> titles = {
      {"SOURCE", kLeft, 9},  {"STATE", kLeft, 9}, {"ADDRESS", kLeft, 4}, {"STRATUM", kRight, 3},
      {"REACH", kLeft, 6},   {"POLL", kRight, 2}, {"OFFSET", kRight, 8}, {"DELAY", kRight, 7},
      {"JITTER", kRight, 5}, {"LAST", kRight, 3}};
  std::vector<std::vector<std::string>> rows;
  for (const db::Source& source : host.input.sources)
    rows.push_back({Printable(source.name), std::string(SourceWord(source.state)),
                    Printable(source.address), fmt::format("{}", source.stratum),
                    ReachText(source.reach), fmt::format("{}", source.poll),
                    FormatSigned(source.offset), FormatDuration(source.delay),
                    FormatDuration(source.jitter), AgeText(source.last_sample_age)});
  return ui::TableLines(titles, rows, columns);
}

Lines EventLines(const HostView& host, SystemTime now) {
  Lines lines;
  for (const Event& event : host.input.events)
    lines.push_back(fmt::format("{}  {:>7} ago  {} {}", FormatTime(event.at),
                                AgeText(now - event.at), SymbolOf(event.kind), Describe(event)));
  return lines;
}

}  // namespace

std::vector<std::string> HostPage(const HostView& host, SystemTime now, size_t columns,
                                  bool color) {
  Lines lines = ClockLines(host, color);
  if (!host.input.sources.empty()) {
    lines.emplace_back();
    Append(SourceLines(host, columns), lines);
  }
  if (!host.input.recent.empty()) {
    lines.emplace_back();
    Append(PlotLines(ChartOf(host, now), columns, kPlotRows, color), lines);
  }
  if (!host.input.events.empty()) {
    lines.emplace_back();
    Append(EventLines(host, now), lines);
  }
  return lines;
}

}  // namespace fleetsync::status
