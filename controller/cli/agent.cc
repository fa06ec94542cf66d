#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/ca/authority.h"
#include "controller/cli/agent_run.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/deploy/agent_config.h"
#include "controller/deploy/agent_conversation.h"
#include "controller/deploy/report.h"
#include "controller/ssh/secret_store.h"
#include "db/reader.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

using deploy::AgentConversation;
using deploy::HostReport;
using inventory::Host;

struct AgentFlags {
  deploy::ReportSettings report;
  std::string binary;
  bool keep_clock = false, observe = false;
  bool renew_identity = false;
  size_t serial = 0;  // 0: all at once
  bool check = false;
  bool purge = false;

  deploy::ClockMode mode() const {
    if (keep_clock) return deploy::ClockMode::kKeep;
    return observe ? deploy::ClockMode::kObserve : deploy::ClockMode::kAuto;
  }
};

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// The static build beside this program, else the dynamic one; else where a package puts them.
std::string DefaultBinary() {
  std::array<char, 4096> self{};
  const ssize_t size = readlink("/proc/self/exe", self.data(), self.size() - 1);
  std::string folder(self.data(), size > 0 ? static_cast<size_t>(size) : 0);
  folder.resize(folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
  for (const std::string& place : {folder, std::string("/usr/lib/fleetsync")}) {
    for (const char* name : {"fleetsync-agent-static", "fleetsync-agent"}) {
      std::string path = fmt::format("{}/{}", place, name);
      if (access(path.c_str(), R_OK) == 0) return path;
    }
  }
  return folder + "/fleetsync-agent-static";
}

// What is wrong with where agents are told to report; empty: nothing.
std::string CheckReport(const deploy::ReportSettings& report,
                        const std::vector<const Host*>& hosts) {
  if (report.controller.empty()) {
    const auto by_itself = std::find_if(
        hosts.begin(), hosts.end(), [](const Host* host) { return !host->reports_through_ssh; });
    if (by_itself == hosts.end()) return "";
    return fmt::format(
        "say with --controller HOST:PORT where '{}' reaches `fleetsync serve`; when it cannot, "
        "give "
        "it 'report_through: ssh' in the inventory",
        (*by_itself)->name);
  }
  const size_t colon = report.controller.rfind(':');
  const std::string_view port =
      colon == std::string::npos ? "" : std::string_view(report.controller).substr(colon + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (colon == 0 || colon == std::string::npos || error != std::errc() ||
      end != port.data() + port.size() || number == 0 || number > 65535) {
    return fmt::format("--controller {}: write HOST:PORT, as hosts reach `fleetsync serve`",
                       Printable(report.controller));
  }
  return "";
}

// The fleet's authority, made where there is none, and what it gives hosts.
struct Identities {
  std::unique_ptr<ca::Authority> authority;
  deploy::IdentitySource source;
};
StatusOr<Identities> IdentitiesOf(const Context& context, bool renew) {
  Identities identities;
  FS_ASSIGN_OR_RETURN(identities.authority, ca::Authority::OpenOrCreate(CaFolder(context.options)));
  const ca::Authority* const authority = identities.authority.get();
  identities.source.authority = authority->certificate();
  identities.source.issue = [authority](const std::string& host) {
    return authority->IssueHost(host);
  };
  identities.source.renew = renew;
  FS_ASSIGN_OR_RETURN(const std::vector<ca::Issued> all, authority->Register());
  for (const ca::Issued& issued : all)
    if (issued.revoked) identities.source.revoked.insert(issued.serial);
  return identities;
}

std::optional<deploy::AgentBinary> LoadBinary(const AgentFlags& flags) {
  StatusOr<deploy::AgentBinary> binary =
      deploy::LoadAgentBinary(flags.binary.empty() ? DefaultBinary() : flags.binary);
  if (binary.ok()) return *std::move(binary);
  PrintError(Message(binary.status()) + "; name the agent's program with --binary");
  return std::nullopt;
}

int RunInstall(const Context& context, const AgentFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  if (const std::string wrong = CheckReport(flags.report, chosen->hosts); !wrong.empty()) {
    PrintError(wrong);
    return kUsage;
  }
  std::optional<deploy::AgentBinary> binary = LoadBinary(flags);
  if (!binary) return kUsage;
  std::optional<Identities> identities;
  if (!flags.report.insecure) {
    StatusOr<Identities> opened = IdentitiesOf(context, flags.renew_identity);
    if (!opened.ok()) {
      PrintError(Message(opened.status()));
      return kHostFailed;
    }
    identities = *std::move(opened);
  }
  deploy::Installer installer(*std::move(binary),
                              {.check = flags.check,
                               .identities = identities ? &identities->source : nullptr,
                               .now = ReadClocks().system});
  std::map<std::pair<inventory::SecretSource::Kind, std::string>, Secret> known;
  const auto read = [&known](const inventory::SecretSource& source) -> StatusOr<Secret> {
    const std::pair key(source.kind, source.value);
    if (!known.contains(key)) {
      FS_ASSIGN_OR_RETURN(Secret secret, ssh::ReadSecret(source));
      known.emplace(key, std::move(secret));
    }
    return known[key].Clone();
  };
  const DecideFor decide = [&](const Host& host, const deploy::HostState& state) {
    return installer.Decide(
        state, host.name,
        deploy::WishFor(chosen->inventory, host, state, flags.mode(), flags.report, read));
  };
  const auto reports = RunOn(context, chosen->hosts, flags.serial,
                             flags.check ? "comparing" : "installing agents", decide);
  return reports ? Finish(context, *reports) : kHostFailed;
}

int RunUpgrade(const Context& context, const AgentFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  std::optional<deploy::AgentBinary> binary = LoadBinary(flags);
  if (!binary) return kUsage;
  deploy::Installer installer(*std::move(binary), {.check = flags.check});
  const DecideFor decide = [&](const Host&, const deploy::HostState& state) {
    return installer.DecideUpgrade(state);
  };
  const auto reports = RunOn(context, chosen->hosts, flags.serial,
                             flags.check ? "comparing" : "upgrading agents", decide);
  return reports ? Finish(context, *reports) : kHostFailed;
}

int RunRemove(const Context& context, const AgentFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const auto reports =
      RunOn(context, chosen->hosts, 0, flags.check ? "comparing" : "removing agents",
            [&flags](const Host&, const deploy::HostState& state) {
              return deploy::DecideRemove(state, flags.purge, flags.check);
            });
  return reports ? Finish(context, *reports) : kHostFailed;
}

// When each host's agent was last heard, where there is a store.
std::map<std::string, SystemTime> LastHeard(const Context& context) {
  std::map<std::string, SystemTime> heard;
  const auto reader = db::Reader::Open(DbPath(context.options));
  if (!reader.ok()) {
    if (!absl::IsNotFound(reader.status())) PrintError("warning: " + Message(reader.status()));
    return heard;
  }
  const auto records = (*reader)->Fleet();
  if (!records.ok()) {
    PrintError("warning: " + Message(records.status()));
    return heard;
  }
  for (const db::HostRecord& record : *records) heard[record.host] = record.last_seen;
  return heard;
}

int RunStatus(const Context& context) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  auto reports =
      RunOn(context, chosen->hosts, 0, "asking", [](const Host&, const deploy::HostState&) {
        AgentConversation::Work work;
        work.outcome.kind = deploy::Outcome::Kind::kUnchanged;
        return work;
      });
  if (!reports) return kHostFailed;
  const std::map<std::string, SystemTime> heard = LastHeard(context);
  for (HostReport& report : *reports)
    if (const auto it = heard.find(report.host); it != heard.end()) report.last_heard = it->second;
  const SystemTime now = ReadClocks().system;
  Write(context.json() ? deploy::StatusJson(*reports) : deploy::StatusTable(*reports, now));
  if (*context.stop) return kInterrupted;
  return std::all_of(reports->begin(), reports->end(), deploy::RunsWell) ? kAllWell : kHostFailed;
}

void AddTurns(CLI::App& command, AgentFlags& flags) {
  command
      .add_option("--binary", flags.binary,
                  "The agent's program [fleetsync-agent-static beside this program]")
      ->type_name("FILE");
  command
      .add_option("--serial", flags.serial,
                  "So many hosts at a time; when one fails no others are begun")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command.add_flag("--check", flags.check, "Compare only and touch nothing");
}

void AddInstall(CLI::App& agent, Action& action) {
  CLI::App* command = agent.add_subcommand(
      "install",
      "Puts the agent on hosts: program, configuration, identity, unit or init script, users of\n"
      "its own; starts it and waits until it stays up. Only what differs is sent; what fails is\n"
      "undone by the host. The agent watches the daemon that keeps the clock there, or with\n"
      "--keep-clock (or time.daemon: agent in the inventory) keeps it itself.\n\n"
      "  fleetsync agent install --controller 10.0.0.5:8123 --check\n"
      "  fleetsync agent install --controller 10.0.0.5:8123 --group web\n"
      "  fleetsync agent install --controller 10.0.0.5:8123 --keep-clock --limit web07\n"
      "  fleetsync agent install --group dmz      hosts with report_through: ssh\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 usage, 3 --check found changes.");
  auto flags = std::make_shared<AgentFlags>();
  command
      ->add_option("--controller", flags->report.controller,
                   "Where agents report to: 'fleetsync serve', as the hosts reach it [not needed "
                   "when all have 'report_through: ssh' in the inventory]")
      ->type_name("HOST:PORT");
  command->add_flag("--insecure", flags->report.insecure,
                    "Let agents report without TLS: only on a network of your own");
  CLI::Option* const keep = command->add_flag(
      "--keep-clock", flags->keep_clock,
      "The agent keeps the clock; other time daemons are stopped and disabled, and get it back\n"
      "when the agent leaves it");
  command
      ->add_flag("--observe", flags->observe,
                 "The agent leaves the clock to others, also where it kept it")
      ->excludes(keep);
  command->add_flag("--renew-identity", flags->renew_identity,
                    "Give new certificates also to hosts that have valid ones");
  AddTurns(*command, *flags);
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunInstall(context, *flags); };
  });
}

void AddUpgrade(CLI::App& agent, Action& action) {
  CLI::App* command = agent.add_subcommand(
      "upgrade",
      "Replaces the agent's program and what starts it where there is one; configuration, "
      "identity,\n"
      "drift and unsent reports stay. Hosts without an agent are named and left alone.\n\n"
      "  fleetsync agent upgrade --serial 10\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 usage, 3 --check found changes.");
  auto flags = std::make_shared<AgentFlags>();
  AddTurns(*command, *flags);
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunUpgrade(context, *flags); };
  });
}

void AddRemove(CLI::App& agent, Action& action) {
  CLI::App* command = agent.add_subcommand(
      "remove",
      "Stops the agent and takes its program, configuration and unit away. Where it kept the "
      "clock,\n"
      "the daemons that it had taken that from have it again.\n\n"
      "  fleetsync agent remove --limit web07\n"
      "  fleetsync agent remove --purge           also identity, unsent reports, log and users");
  auto flags = std::make_shared<AgentFlags>();
  command->add_flag("--purge", flags->purge,
                    "Also the identity, unsent reports, the log and the agent's users");
  command->add_flag("--check", flags->check, "Say what is there and touch nothing");
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunRemove(context, *flags); };
  });
}

}  // namespace

void AddAgent(CLI::App& app, Action& action) {
  CLI::App* agent = app.add_subcommand("agent",
                                       "The agent on hosts: install, upgrade, remove, status.\n\n"
                                       "  fleetsync agent install --controller 10.0.0.5:8123\n"
                                       "  fleetsync agent status\n"
                                       "  fleetsync agent remove --limit web07");
  agent->require_subcommand(1);
  AddInstall(*agent, action);
  AddUpgrade(*agent, action);
  AddRemove(*agent, action);
  CLI::App* status = agent->add_subcommand(
      "status",
      "Whether the agent is on each host, its version, whether it runs and starts at boot, who "
      "keeps\n"
      "the clock, how long its certificate is valid and when it was last heard here.\n\nExit code: "
      "1 when it does not run on one of the hosts.");
  status->callback([&action] { action = RunStatus; });
  for (CLI::App* command : agent->get_subcommands({})) command->fallthrough();
}

}  // namespace fleetsync::cli
