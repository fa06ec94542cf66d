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
  switch (set.boot) {
    case SetService::Boot::kLeft:
      break;
    case SetService::Boot::kEnabled:
      words.push_back(done ? "enabled" : "enable");
      break;
    case SetService::Boot::kDisabled:
      words.push_back(done ? "disabled" : "disable");
      break;
  }
  switch (set.run) {
    case SetService::Run::kLeft:
      break;
    case SetService::Run::kStarted:
      words.push_back(done ? "started" : "start");
      break;
    case SetService::Run::kRestarted:
      words.push_back(done ? "restarted" : "restart");
      break;
    case SetService::Run::kStopped:
      words.push_back(done ? "stopped" : "stop");
      break;
  }
  return fmt::format("{} {}", Join(words, " and "), Printable(set.service));
}

// A change in a few words: "chrony.conf", "restart chrony".
std::string Words(const Change& change, Tense tense) {
  const bool done = tense == Tense::kDone;
  return std::visit(
      Overloaded{[&](const PutFile& put) {
                   const std::string name = Printable(BaseName(put.path));
                   return put.after ? name
                                    : fmt::format("{} {}", done ? "removed" : "remove", name);
                 },
                 [](const PutLink& put) { return Printable(put.path + " -> " + put.after); },
                 [&](const SetService& set) { return ServiceWords(set, tense); },
                 [&](const SetFirewall& set) {
                   return fmt::format("{} {}", done ? "changed" : "change", set.kind);
                 },
                 [](const SetClock&) { return std::string("set the clock"); },
                 [&](const InstallPackage& install) {
                   if (install.away) return "remove " + install.package;
                   return fmt::format("{} {}", done ? "installed" : "install", install.package);
                 }},
      change);
}

std::string DiffOf(const PutFile& put) {
  const std::string path = Printable(put.path);
  const std::string diff = UnifiedDiff(
      put.before.value_or(""), put.after.value_or(""),
      {put.before ? path : std::string("/dev/null"), put.after ? path : std::string("/dev/null")});
  return Printable(diff);
}

}  // namespace

std::string Summary(const HostPlan& plan, Tense tense) {
  std::vector<std::string> parts;
  for (const PlannedChange& planned : plan.changes) parts.push_back(Words(planned.change, tense));
  return Join(parts, ", ");
}

std::string ToText(const HostPlan& plan) {
  std::string text;
  for (const PlannedChange& planned : plan.changes) {
    const auto* put = std::get_if<PutFile>(&planned.change);
    text += fmt::format("{}: {}\n",
                        put != nullptr && put->after ? Printable(put->path)
                                                     : Words(planned.change, Tense::kPlanned),
                        planned.because);
    if (put != nullptr && !put->secret) text += DiffOf(*put);
  }
  if (!plan.empty())
    for (const std::string& note : plan.notes) text += fmt::format("note: {}\n", note);
  return text;
}

}  // namespace fleetsync::plan
