#include "controller/sync/report.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/exit_code.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "inventory/host_set.h"

namespace fleetsync::sync {
namespace {

using nlohmann::ordered_json;
using ui::Style;

constexpr size_t kManyHosts = 20;

std::string Text(const Estimate& estimate) {
  return fmt::format("{} ± {}", FormatSigned(estimate.offset), FormatDuration(estimate.bound));
}

std::string Text(const std::optional<Estimate>& estimate) {
  return estimate ? Text(*estimate) : "-";
}

// The smaller, the higher up in the table.
int Rank(const HostResult& result) {
  switch (result.outcome) {
    case Outcome::kFailed:
      return 0;
    case Outcome::kNotBegun:
      return 1;
    case Outcome::kRefused:
      return 2;
    case Outcome::kSet:
    case Outcome::kLeft:
      return result.OutOfTolerance() ? 3 : result.warnings.empty() ? 5 : 4;
    case Outcome::kWouldSet:
      return 4;
    case Outcome::kReference:
      return 6;
  }
  return 7;
}

bool Worse(const HostResult* a, const HostResult* b) {
  if (Rank(*a) != Rank(*b)) return Rank(*a) < Rank(*b);
  const Duration left = a->last() ? Abs(a->last()->offset) : Duration::max();
  const Duration right = b->last() ? Abs(b->last()->offset) : Duration::max();
  return left != right ? left > right : a->host < b->host;
}

bool IsWell(const HostResult& result) { return Rank(result) == 5; }

Style StyleOf(const HostResult& result) {
  switch (Rank(result)) {
    case 0:
    case 3:
      return Style::kBad;
    case 1:
    case 2:
    case 4:
      return Style::kWarning;
    case 5:
      return Style::kGood;
    default:
      return Style::kDim;
  }
}

std::string ActionText(const HostResult& result) {
  switch (result.outcome) {
    case Outcome::kSet:
      return result.tool;
    case Outcome::kWouldSet:
      return "would use " + result.tool;
    case Outcome::kLeft:
      return "left alone";
    case Outcome::kReference:
      return "reference";
    case Outcome::kRefused:
      return "not set";
    case Outcome::kFailed:
      return result.tool.empty() ? "-" : result.tool;
    case Outcome::kNotBegun:
      return "-";
  }
  return "";
}

std::string Word(const HostResult& result) {
  switch (result.outcome) {
    case Outcome::kNotBegun:
      return "not begun";
    case Outcome::kReference:
      return "reference";
    case Outcome::kWouldSet:
      return "would be set";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kLeft:
    case Outcome::kSet:
      break;
  }
  if (result.OutOfTolerance()) return "out of tolerance";
  const bool proven = result.last() && Judge(*result.last(), result.tolerance) == Verdict::kWithin;
  return proven ? "ok" : "ok, not proven";
}

std::string ResultText(const HostResult& result, bool color) {
  std::string text = ui::Styled(Word(result), StyleOf(result), color);
  const bool said = result.outcome == Outcome::kReference || result.detail == "in tolerance";
  if (!result.detail.empty() && !said) text += ": " + Printable(result.detail);
  for (const std::string& warning : result.warnings) text += "; " + Printable(warning);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::vector<std::string> Row(const HostResult& result, bool color) {
  return {Printable(result.host), Text(result.before), ActionText(result), Text(result.after),
          ResultText(result, color)};
}

Estimate Largest(const Estimate& a, const Estimate& b) {
  return {std::max(a.offset, Abs(b.offset)), std::max(a.bound, b.bound)};
}

std::string UpTo(const std::optional<Estimate>& worst) {
  if (!worst) return "-";
  return fmt::format("≤ {} ± {}", FormatDuration(worst->offset), FormatDuration(worst->bound));
}

// Hosts that are well and were treated alike, as one row with the worst of them.
std::vector<std::string> FoldedRow(const std::vector<const HostResult*>& alike, bool color) {
  std::vector<std::string> names;
  std::optional<Estimate> before, after;
  for (const HostResult* result : alike) {
    names.push_back(result->host);
    if (result->before) before = Largest(before.value_or(Estimate{}), *result->before);
    if (result->after) after = Largest(after.value_or(Estimate{}), *result->after);
  }
  return {fmt::format("{} ({})", Printable(inventory::FoldNames(names)), alike.size()),
          UpTo(before), ActionText(*alike[0]), UpTo(after), ResultText(*alike[0], color)};
}

ordered_json Seconds(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  return {{"offset", ToSeconds(estimate->offset)}, {"bound", ToSeconds(estimate->bound)}};
}

ordered_json HostJson(const HostResult& result) {
  ordered_json json = {{"host", result.host},
                       {"outcome", ToString(result.outcome)},
                       {"before", Seconds(result.before)},
                       {"after", Seconds(result.after)},
                       {"tool", result.tool},
                       {"tolerance", ToSeconds(result.tolerance)},
                       {"in_tolerance", nullptr},
                       {"detail", result.detail},
                       {"warnings", result.warnings}};
  if (result.last()) json["in_tolerance"] = !result.OutOfTolerance();
  if (result.failure) {
    json["failure"] = {{"stage", ssh::ToString(result.failure->stage)},
                       {"fault", ssh::ToString(result.failure->fault)},
                       {"detail", result.failure->detail}};
  }
  return json;
}

void Count(std::string& text, size_t number, std::string_view what) {
  if (number == 0) return;
  text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, what);
}

}  // namespace

std::string Table(const SyncAllReport& report, const ReportStyle& style) {
  const bool fold = report.hosts.size() > kManyHosts && !style.every_host;
  std::vector<const HostResult*> rows;
  std::map<std::string, std::vector<const HostResult*>> well;
  for (const HostResult& result : report.hosts) {
    if (fold && IsWell(result)) {
      well[ActionText(result) + ResultText(result, false)].push_back(&result);
    } else {
      rows.push_back(&result);
    }
  }
  std::sort(rows.begin(), rows.end(), Worse);
  const std::vector<ui::Column> columns = {{.title = "HOST"},
                                           {.title = "BEFORE", .align = ui::Align::kRight},
                                           {.title = "TOOL"},
                                           {.title = "AFTER", .align = ui::Align::kRight},
                                           {.title = "RESULT"}};
  std::vector<std::vector<std::string>> cells;
  for (const HostResult* result : rows) cells.push_back(Row(*result, style.color));
  for (const auto& [key, alike] : well) cells.push_back(FoldedRow(alike, style.color));
  return ui::FormatTable(columns, cells);
}

std::string Summary(const SyncAllReport& report, Duration took) {
  std::map<Outcome, size_t> outcomes;
  size_t outside = 0, unproven = 0;
  for (const HostResult& result : report.hosts) {
    ++outcomes[result.outcome];
    const bool judged = result.outcome == Outcome::kSet || result.outcome == Outcome::kLeft;
    if (!judged || !result.last()) continue;
    const Verdict verdict = Judge(*result.last(), result.tolerance);
    outside += verdict == Verdict::kOutside ? 1 : 0;
    unproven += verdict == Verdict::kUnproven ? 1 : 0;
  }
  std::string text;
  Count(text, outcomes[Outcome::kSet], "set");
  Count(text, outcomes[Outcome::kWouldSet], "would be set");
  Count(text, outcomes[Outcome::kLeft], "left alone");
  Count(text, outcomes[Outcome::kRefused], "refused");
  Count(text, outcomes[Outcome::kFailed], "failed");
  Count(text, outcomes[Outcome::kNotBegun], "not begun");
  Count(text, outside, "out of tolerance");
  Count(text, unproven, "not proven");
  if (text.empty()) text = "nothing to set";
  if (!report.reference.name.empty()) text += fmt::format("; by {}", report.reference.name);
  text += fmt::format("; {} hosts in {}", report.hosts.size(), FormatDuration(took));
  if (report.interrupted) text += "; interrupted";
  if (report.stopped) text += "; stopped after the batch that failed (--serial)";
  return Printable(text);
}

ordered_json ToJson(const SyncAllReport& report) {
  ordered_json hosts = ordered_json::array(), relays = ordered_json::array();
  for (const HostResult& result : report.hosts) hosts.push_back(HostJson(result));
  for (const RelayState& relay : report.relays) {
    relays.push_back({{"name", relay.name},
                      {"address", relay.address},
                      {"synchronised", relay.kind == RelayState::Kind::kSynchronised},
                      {"stratum", relay.stratum},
                      {"from_controller", Seconds(relay.measured)},
                      {"detail", relay.detail}});
  }
  return {{"reference",
           {{"name", report.reference.name}, {"from_controller", Seconds(report.reference.ahead)}}},
          {"relays", relays},
          {"warnings", report.warnings},
          {"interrupted", report.interrupted},
          {"stopped", report.stopped},
          {"hosts", hosts}};
}

int ExitCodeOf(const SyncAllReport& report) {
  if (report.interrupted) return cli::kInterrupted;
  bool failed = report.stopped, outside = false;
  for (const HostResult& result : report.hosts) {
    failed = failed || result.outcome == Outcome::kFailed || result.outcome == Outcome::kNotBegun;
    outside = outside || result.OutOfTolerance();
  }
  return failed ? cli::kHostFailed : outside ? cli::kOutOfTolerance : cli::kAllWell;
}

}  // namespace fleetsync::sync
