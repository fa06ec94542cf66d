#include "controller/deploy/report.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ui/fold.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::deploy {
namespace {

using nlohmann::ordered_json;

std::string OutcomeText(const Outcome& outcome) {
  std::string text(ToString(outcome.kind));
  const std::string detail =
      outcome.kind == Outcome::Kind::kFailed ? outcome.failure : Join(outcome.changes, ", ");
  return detail.empty() ? text : fmt::format("{}: {}", text, detail);
}

bool Failed(const HostReport& report) { return report.outcome.kind == Outcome::Kind::kFailed; }

std::string FoldedLines(const std::vector<ui::HostText>& texts) {
  std::string lines;
  for (const ui::Folded& folded : ui::Fold(texts))
    lines += fmt::format("{}: {}\n", Printable(folded.names), Printable(folded.text));
  return lines;
}

std::string Dump(const ordered_json& json) {
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// Who keeps the clock there, as far as the agent is concerned.
std::string ModeText(const HostReport& report) {
  if (!report.state || !HasAgent(*report.state)) return "-";
  if (report.state->keeps_clock) return "keeps the clock";
  const auto& daemons = report.state->facts.daemons;
  const auto other = std::find_if(daemons.begin(), daemons.end(), [](const facts::DaemonFact& d) {
    return d.running && d.daemon != facts::Daemon::kAgent;
  });
  return other == daemons.end() ? "observes"
                                : fmt::format("observes {}", facts::ToString(other->daemon));
}

// Of the agent's certificate; none without.
std::optional<SystemTime> CertificateEnd(const HostReport& report) {
  if (!report.state || report.state->identity.certificate.empty()) return std::nullopt;
  const StatusOr<SystemTime> end = EndOf(report.state->identity.certificate);
  return end.ok() ? std::optional(*end) : std::nullopt;
}

std::string_view StateWord(const HostReport& report) {
  if (!report.state) return "unreachable";
  if (!HasAgent(*report.state)) return "not installed";
  return report.state->running ? "running" : "stopped";
}

}  // namespace

std::string ReportText(std::span<const HostReport> reports) {
  std::vector<ui::HostText> well, failed, warnings;
  for (const HostReport& report : reports) {
    (Failed(report) ? failed : well).push_back({report.host, OutcomeText(report.outcome)});
    for (const std::string& warning : report.outcome.warnings)
      warnings.push_back({report.host, "warning: " + warning});
  }
  return FoldedLines(well) + FoldedLines(failed) + FoldedLines(warnings);
}

std::string ReportJson(std::span<const HostReport> reports) {
  ordered_json hosts = ordered_json::array();
  for (const HostReport& report : reports) {
    const Outcome& outcome = report.outcome;
    hosts.push_back({{"host", report.host},
                     {"outcome", ToString(outcome.kind)},
                     {"changes", outcome.changes},
                     {"warnings", outcome.warnings},
                     {"failure", outcome.failure.empty() ? ordered_json(nullptr)
                                                         : ordered_json(outcome.failure)},
                     {"restored", outcome.restored}});
  }
  return Dump({{"version", 1}, {"hosts", std::move(hosts)}});
}

bool RunsWell(const HostReport& report) { return report.state && report.state->running; }

std::string StatusTable(std::span<const HostReport> reports, SystemTime now) {
  const std::vector<ui::Column> columns = {{"HOST"},
                                           {"AGENT"},
                                           {"VERSION"},
                                           {"AT BOOT"},
                                           {"CLOCK"},
                                           {"CERTIFICATE UNTIL"},
                                           {"LAST HEARD", ui::Align::kRight}};
  std::vector<std::vector<std::string>> rows;
  std::vector<ui::HostText> failures;
  for (const HostReport& report : reports) {
    const bool there = report.state && HasAgent(*report.state);
    rows.push_back(
        {Printable(report.host), std::string(StateWord(report)),
         there && !report.state->version().empty() ? Printable(report.state->version()) : "-",
         !there                  ? "-"
         : report.state->enabled ? "yes"
                                 : "no",
         ModeText(report), CertificateEnd(report) ? FormatTime(*CertificateEnd(report)) : "-",
         report.last_heard ? FormatDuration(now - *report.last_heard) + " ago" : "-"});
    if (Failed(report)) failures.push_back({report.host, report.outcome.failure});
  }
  const std::string reasons = FoldedLines(failures);
  return ui::FormatTable(columns, rows) + (reasons.empty() ? "" : "\n" + reasons);
}

std::string StatusJson(std::span<const HostReport> reports) {
  ordered_json hosts = ordered_json::array();
  for (const HostReport& report : reports) {
    ordered_json host = {{"host", report.host}, {"agent", StateWord(report)}};
    host["version"] = report.state ? ordered_json(report.state->version()) : ordered_json(nullptr);
    host["enabled"] = report.state ? ordered_json(report.state->enabled) : ordered_json(nullptr);
    host["clock"] = report.state ? ordered_json(ModeText(report)) : ordered_json(nullptr);
    const auto end = CertificateEnd(report);
    host["certificate_until"] = end ? ordered_json(FormatTime(*end)) : ordered_json(nullptr);
    host["last_heard"] =
        report.last_heard ? ordered_json(FormatTime(*report.last_heard)) : ordered_json(nullptr);
    host["failure"] = Failed(report) ? ordered_json(report.outcome.failure) : ordered_json(nullptr);
    hosts.push_back(std::move(host));
  }
  return Dump({{"version", 1}, {"hosts", std::move(hosts)}});
}

}  // namespace fleetsync::deploy
