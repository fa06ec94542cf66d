#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/facts/facts_json.h"
#include "controller/facts/probe_conversation.h"
#include "controller/ssh/fleet.h"
#include "controller/ui/progress.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using facts::Facts;

struct HostFacts {
  const inventory::Host* host = nullptr;
  StatusOr<Facts> facts = absl::CancelledError("not contacted");
};

class Collector : public ssh::FleetObserver {
 public:
  Collector(std::vector<HostFacts>& results, ui::Progress& progress) : progress_(progress) {
    for (HostFacts& result : results) by_host_[result.host] = &result;
  }
  void OnStage(const inventory::Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const inventory::Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    StatusOr<Facts>& facts = by_host_[&host]->facts;
    if (failure != nullptr) {
      facts = absl::UnavailableError(ssh::ToString(*failure));
    } else {
      facts = dynamic_cast<facts::ProbeConversation&>(conversation).result();
    }
    progress_.OnHostDone(host.name, facts.ok() ? "" : Message(facts.status()));
  }

 private:
  ui::Progress& progress_;
  std::map<const inventory::Host*, HostFacts*> by_host_;
};

std::string DaemonText(const Facts& facts) {
  std::string text;
  for (const facts::DaemonFact& daemon : facts.daemons) {
    if (!text.empty()) text += ", ";
    text +=
        fmt::format("{}{}{} {}", facts::ToString(daemon.daemon), daemon.version.empty() ? "" : " ",
                    daemon.version, daemon.running ? "running" : "stopped");
  }
  if (facts.busybox_ntpd && facts.busybox_ntpd->pid > 0) {
    text += text.empty() ? "busybox ntpd running" : ", busybox ntpd running";
  }
  return text.empty() ? "none" : text;
}

std::string OrNone(const std::string& text) { return text.empty() ? "none" : text; }

std::string InitText(const Facts& facts) {
  if (facts.init != facts::Init::kUnknown) return std::string(facts::ToString(facts.init));
  return facts.init_process.empty() ? "unknown" : facts.init_process;
}

std::string Udp123Text(const Facts& facts) {
  if (!facts.udp123_held) return "free";
  return facts.udp123_holder.empty() ? "held" : facts.udp123_holder;
}

std::string Table(const std::vector<HostFacts>& results) {
  const std::vector<ui::Column> columns = {{"HOST"},         {"SYSTEM"},  {"INIT"},
                                           {"TIME DAEMONS"}, {"UDP 123"}, {"CRON"},
                                           {"FIREWALL"},     {"ZONE"},    {"RTC"}};
  std::vector<std::vector<std::string>> rows;
  for (const HostFacts& result : results) {
    if (!result.facts.ok()) continue;
    const Facts& f = *result.facts;
    rows.push_back({result.host->name, f.os_name.empty() ? f.kernel : f.os_name, InitText(f),
                    DaemonText(f), Udp123Text(f), OrNone(f.cron), OrNone(f.firewall),
                    f.timezone.empty() ? f.utc_offset : f.timezone, f.has_rtc ? "yes" : "none"});
    for (std::string& cell : rows.back()) cell = Printable(cell);
  }
  return rows.empty() ? "" : ui::FormatTable(columns, rows);
}

// One host in full: a line a fact.
std::string Listing(const Facts& f) {
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:<16}{}\n", name, Printable(value));
  };
  add("hostname", f.hostname);
  add("system", fmt::format("{} ({} {}{})", f.os_name.empty() ? "unknown" : f.os_name, f.kernel,
                            f.machine, f.busybox ? ", busybox" : ""));
  add("container", f.container ? f.container_kind : "no");
  add("init", InitText(f));
  add("packages", OrNone(f.package_manager));
  add("time daemons", DaemonText(f));
  for (const facts::DaemonFact& daemon : f.daemons) {
    add(fmt::format("  {}", facts::ToString(daemon.daemon)),
        fmt::format("service {}, {}, configuration {}", OrNone(daemon.service),
                    daemon.enabled ? "starts at boot" : "does not start at boot",
                    daemon.config_path));
  }
  add("UDP 123", Udp123Text(f));
  add("tools", Join(f.tools, " "));
  add("firewall", f.firewall.empty() && !f.is_root ? "not told: needs root" : OrNone(f.firewall));
  add("cron", OrNone(f.cron) + (f.cron_running ? ", running" : ", not running"));
  for (const std::string& job : f.time_jobs) add("  time job", job);
  add("time zone",
      fmt::format("{} ({})", f.timezone.empty() ? "unknown" : f.timezone, f.utc_offset));
  add("hardware clock", !f.has_rtc ? "none" : f.rtc_is_local ? "local time" : "UTC");
  add("may set clock", f.can_set_clock ? "yes" : "no: CAP_SYS_TIME is missing");
  return text;
}

std::string Json(const std::vector<HostFacts>& results) {
  nlohmann::ordered_json hosts = nlohmann::ordered_json::array();
  for (const HostFacts& result : results) {
    nlohmann::ordered_json entry = {{"host", result.host->name}};
    if (result.facts.ok()) {
      entry["facts"] = facts::ToJson(*result.facts);
    } else {
      entry["error"] = Message(result.facts.status());
    }
    hosts.push_back(std::move(entry));
  }
  const nlohmann::ordered_json document = {{"hosts", std::move(hosts)}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void Print(const Context& context, const std::vector<HostFacts>& results) {
  std::string text;
  if (context.json()) {
    text = Json(results);
  } else if (results.size() == 1 && results[0].facts.ok()) {
    text = Listing(*results[0].facts);
  } else {
    text = Table(results);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (context.json()) return;
  for (const HostFacts& result : results) {
    if (result.facts.ok()) continue;
    std::fprintf(stderr, "%s: %s\n", result.host->name.c_str(),
                 Printable(Message(result.facts.status())).c_str());
  }
}

int RunFacts(Context context, const std::vector<std::string>& patterns) {
  auto& limits = context.options.selection.limits;
  limits.insert(limits.end(), patterns.begin(), patterns.end());
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  std::vector<HostFacts> results;
  for (const inventory::Host* host : chosen->hosts) results.emplace_back().host = host;

  ui::Progress progress("asking", results.size(), context.options.verbose);
  Collector collector(results, progress);
  const Status status = ssh::RunFleet(
      chosen->hosts, FleetOptionsFrom(context.options),
      [&context](const inventory::Host&) {
        return std::make_unique<facts::ProbeConversation>(context.options.timeout);
      },
      collector, *context.stop);
  progress.Finish();
  if (!status.ok()) {
    PrintError(Message(status));
    return kHostFailed;
  }
  Print(context, results);
  std::vector<std::string> failed;
  for (const HostFacts& result : results)
    if (!result.facts.ok()) failed.push_back(result.host->name);
  RememberFailed(context, failed);
  if (*context.stop) return kInterrupted;
  return failed.empty() ? kAllWell : kHostFailed;
}

}  // namespace

void AddFacts(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "facts",
      "What hosts are: system, init, time daemons, UDP 123, firewall, cron, zone, hardware clock.\n"
      "Reads only; one round trip a host.\n\n"
      "  fleetsync facts web07             everything about one host\n"
      "  fleetsync facts 'web[01-40]'      a line a host\n"
      "  fleetsync facts -o json           all of it, for programs");
  auto patterns = std::make_shared<std::vector<std::string>>();
  command->add_option("HOSTS", *patterns, "Host names and patterns, as --limit takes them [all]");
  command->callback([&action, patterns] {
    action = [patterns](const Context& context) { return RunFacts(context, *patterns); };
  });
}

}  // namespace fleetsync::cli
