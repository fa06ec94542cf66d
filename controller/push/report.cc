#include "controller/push/report.h"

#include <array>

#include "base/text.h"
#include "controller/plan/unified_diff.h"
#include "controller/ui/fold.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::push {
namespace {

using Json = nlohmann::ordered_json;
using Undo = plan::ApplyResult::Undo;

std::string_view Word(plan::SetService::Run run) {
  switch (run) {
    case plan::SetService::Run::kLeft:
      return "none";
    case plan::SetService::Run::kStarted:
      return "start";
    case plan::SetService::Run::kRestarted:
      return "restart";
    case plan::SetService::Run::kStopped:
      return "stop";
  }
  return "";
}

std::string_view Word(plan::SetService::Boot boot) {
  switch (boot) {
    case plan::SetService::Boot::kLeft:
      return "none";
    case plan::SetService::Boot::kEnabled:
      return "enable";
    case plan::SetService::Boot::kDisabled:
      return "disable";
  }
  return "";
}

std::string_view Word(Undo undo) {
  switch (undo) {
    case Undo::kNotNeeded:
      return "not_needed";
    case Undo::kDone:
      return "done";
    case Undo::kFailed:
      return "failed";
    case Undo::kUnknown:
      return "unknown";
  }
  return "";
}

Json ToJson(const plan::PutFile& put, bool diff) {
  Json json = {{"kind", "file"},
               {"path", put.path},
               {"exists", put.before.has_value()},
               {"removed", !put.after.has_value()}};
  if (put.secret) json["secret"] = true;
  if (diff && !put.secret)
    json["diff"] = plan::UnifiedDiff(
        put.before.value_or(""), put.after.value_or(""),
        {put.before ? put.path : "/dev/null", put.after ? put.path : "/dev/null"});
  return json;
}

Json ToJson(const plan::SetService& set, bool) {
  return {{"kind", "service"},
          {"service", set.service},
          {"action", Word(set.run)},
          {"boot", Word(set.boot)}};
}

Json ToJson(const plan::PutLink& put, bool) {
  return {{"kind", "link"}, {"path", put.path}, {"from", put.before}, {"to", put.after}};
}

Json ToJson(const plan::SetFirewall& set, bool) {
  return {
      {"kind", "firewall"}, {"firewall", set.kind}, {"opened", set.opened}, {"closed", set.closed}};
}

Json ToJson(const plan::SetClock& set, bool) {
  return {{"kind", "clock"}, {"servers", set.servers}};
}

Json ToJson(const plan::InstallPackage& install, bool) {
  return {{"kind", "package"}, {"manager", install.manager}, {"package", install.package}};
}

Json ToJson(const HostResult& host, bool diff) {
  const PushResult& result = host.result;
  Json json = {{"host", host.host->name},
               {"outcome", ToString(result.outcome)},
               {"round_trips", result.round_trips}};
  if (result.outcome == Outcome::kUnchanged || !result.plan.empty())
    json["daemon"] = facts::ToString(result.plan.daemon);
  Json changes = Json::array();
  for (const plan::PlannedChange& planned : result.plan.changes) {
    changes.push_back(
        std::visit([&](const auto& change) { return ToJson(change, diff); }, planned.change));
    changes.back()["because"] = planned.because;
  }
  json["changes"] = std::move(changes);
  if (!result.plan.notes.empty()) json["notes"] = result.plan.notes;
  if (!result.recovered.empty()) json["recovered"] = result.recovered;
  if (result.outcome == Outcome::kFailed || result.outcome == Outcome::kSkipped) {
    json["stage"] = result.stage;
    if (!result.fault.empty()) json["fault"] = result.fault;
    json["why"] = result.why;
    json["next_step"] = result.next_step;
    json["undo"] = Word(result.undo);
  }
  return json;
}

constexpr std::array kOutcomes = {Outcome::kChanged, Outcome::kPending, Outcome::kUnchanged,
                                  Outcome::kFailed, Outcome::kSkipped};

size_t Count(const std::vector<HostResult>& results, Outcome outcome) {
  size_t count = 0;
  for (const HostResult& host : results) count += host.result.outcome == outcome;
  return count;
}

std::string_view CountedAs(Outcome outcome) {
  return outcome == Outcome::kPending ? "would change" : ToString(outcome);
}

std::string Summary(const std::vector<HostResult>& results) {
  std::vector<std::string> parts;
  for (const Outcome outcome : kOutcomes)
    if (const size_t count = Count(results, outcome); count > 0)
      parts.push_back(fmt::format("{} {}", count, CountedAs(outcome)));
  return fmt::format("{} {}: {}\n", results.size(), results.size() == 1 ? "host" : "hosts",
                     Join(parts, ", "));
}

std::string HostText(const PushResult& result, const ReportOptions& options) {
  std::string text = Verdict(result) + "\n";
  const bool planned = result.outcome == Outcome::kPending || result.outcome == Outcome::kChanged;
  if (planned && options.diff) return text + plan::ToText(result.plan);
  if (planned)
    for (const std::string& note : result.plan.notes) text += fmt::format("  note: {}\n", note);
  return text;
}

}  // namespace

std::string Verdict(const PushResult& result) {
  const std::string recovered =
      result.recovered.empty()
          ? std::string()
          : fmt::format("; an earlier push that was broken off ({}) was undone first",
                        result.recovered);
  switch (result.outcome) {
    case Outcome::kUnchanged:
      return "unchanged";
    case Outcome::kPending:
      return fmt::format("would change ({})",
                         result.plan.empty() ? "undo a push that was broken off"
                                             : plan::Summary(result.plan, plan::Tense::kPlanned));
    case Outcome::kChanged:
      if (result.plan.empty()) return "changed" + recovered;
      return fmt::format("changed ({}){}", plan::Summary(result.plan, plan::Tense::kDone),
                         recovered);
    case Outcome::kFailed:
      return fmt::format("failed at {}: {}{}{}", result.stage, result.why,
                         result.next_step.empty() ? "" : "; ", result.next_step);
    case Outcome::kSkipped:
      return fmt::format("skipped: {}", result.why);
  }
  return "";
}

std::string ToText(const std::vector<HostResult>& results, const ReportOptions& options) {
  std::vector<ui::HostText> texts;
  for (const HostResult& host : results)
    texts.push_back({host.host->name, HostText(host.result, options)});
  std::string text;
  for (const ui::Folded& folded : ui::Fold(texts))
    text += fmt::format("{}: {}", folded.names, folded.text);
  return text + Summary(results);
}

std::string ToJson(const std::vector<HostResult>& results, const ReportOptions& options,
                   const std::string& run_id) {
  Json hosts = Json::array();
  for (const HostResult& host : results) hosts.push_back(ToJson(host, options.diff));
  Json summary = Json::object();
  for (const Outcome outcome : kOutcomes)
    summary[std::string(ToString(outcome))] = Count(results, outcome);
  const Json document = {{"run", run_id},
                         {"check", options.check},
                         {"hosts", std::move(hosts)},
                         {"summary", std::move(summary)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fleetsync::push
