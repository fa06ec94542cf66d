#include "controller/status/group_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/host_row.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

std::string TitleOf(By by) {
  switch (by) {
    case By::kRelay:
      return "RELAY";
    case By::kDaemon:
      return "DAEMON";
    case By::kGroup:
      break;
  }
  return "GROUP";
}

// A block a decade, by its share of the hosts; a dot where there is none.
std::string HistogramText(const GroupView& group) {
  constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const size_t most =
      std::max<size_t>(1, *std::max_element(group.decades.begin(), group.decades.end()));
  std::string text;
  for (const size_t count : group.decades)
    text += count == 0 ? "·" : kBlocks[(count * kBlocks.size() - 1) / most];
  return text;
}

// "2 off, 1 stale": all states but synced.
std::string TroubleText(const Summary& summary, bool color) {
  std::vector<std::string> parts;
  for (const State state : kStates)
    if (state != State::kSynced && summary.count(state) > 0)
      parts.push_back(ui::Styled(fmt::format("{} {}", summary.count(state), ToString(state)),
                                 StyleOf(state), color));
  return parts.empty() ? ui::Styled("all synced", ui::Style::kGood, color) : Join(parts, ", ");
}

}  // namespace

std::vector<ui::Column> GroupColumns(By by) {
  constexpr ui::Align kLeft = ui::Align::kLeft, kRight = ui::Align::kRight;
  return {{TitleOf(by), kLeft, 9},  {"HOSTS", kRight, 6}, {"IN TOLERANCE", kRight, 9},
          {"p50", kRight, 4},       {"p95", kRight, 5},   {"max |OFFSET|", kRight, 7},
          {"max BOUND", kRight, 4}, {"AGREE", kRight, 4}, {"10us…1s", kLeft, 3},
          {"STATES", kLeft, 8}};
}

std::vector<std::string> GroupRow(const GroupView& group, bool color) {
  const Summary& summary = group.summary;
  std::vector<std::string> row = {
      Printable(group.name), fmt::format("{}", summary.expected),
      ui::Styled(fmt::format("{} {}", SymbolOf(group.worst), summary.within_tolerance),
                 StyleOf(group.worst), color)};
  if (summary.offset) {
    for (const Duration d :
         {summary.offset->p50, summary.offset->p95, summary.offset->max, summary.error_bound->max})
      row.push_back(FormatDuration(d));
  } else {
    row.insert(row.end(), 4, "-");
  }
  row.push_back(summary.agreement ? FormatDuration(*summary.agreement) : "-");
  row.push_back(HistogramText(group));
  row.push_back(TroubleText(summary, color));
  return row;
}

}  // namespace fleetsync::status
