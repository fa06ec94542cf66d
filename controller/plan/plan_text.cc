#include "base/overloaded.h"
#include "base/text.h"
#include "controller/plan/plan.h"
#include "controller/plan/unified_diff.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string ServiceWords(const SetService& set, Tense tense) {
  const bool done = tense == Tense::kDone;
  std::vector<std::string> words;
  if (set.enable) words.push_back(done ? "enabled" : "enable");
  switch (set.run) {
    case SetService::Run::kLeft:
      break;
    case SetService::Run::kStarted:
      words.push_back(done ? "started" : "start");
      break;
    case SetService::Run::kRestarted:
      words.push_back(done ? "restarted" : "restart");
      break;
  }
  return fmt::format("{} {}", Join(words, " and "), Printable(set.service));
}

std::string Text(const PutFile& put, std::string_view because) {
  const std::string path = Printable(put.path);
  const std::string diff = UnifiedDiff(put.before.value_or(""), put.after,
                                       {put.before ? path : std::string("/dev/null"), path});
  return fmt::format("{}: {}\n{}", path, because, Printable(diff));
}

}  // namespace

std::string Summary(const HostPlan& plan, Tense tense) {
  std::vector<std::string> parts;
  for (const PlannedChange& planned : plan.changes)
    parts.push_back(
        std::visit(Overloaded{[](const PutFile& put) { return Printable(BaseName(put.path)); },
                              [&](const SetService& set) { return ServiceWords(set, tense); }},
                   planned.change));
  return Join(parts, ", ");
}

std::string ToText(const HostPlan& plan) {
  std::string text;
  for (const PlannedChange& planned : plan.changes)
    text +=
        std::visit(Overloaded{[&](const PutFile& put) { return Text(put, planned.because); },
                              [&](const SetService& set) {
                                return fmt::format("{}: {}\n", ServiceWords(set, Tense::kPlanned),
                                                   planned.because);
                              }},
                   planned.change);
  if (!plan.empty())
    for (const std::string& note : plan.notes) text += fmt::format("note: {}\n", note);
  return text;
}

}  // namespace fleetsync::plan
