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
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/deploy/agent_config.h"
#include "controller/deploy/agent_conversation.h"
#include "controller/deploy/report.h"
#include "controller/ui/progress.h"
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
  bool check = false;
  bool purge = false;
};

class Collector : public ssh::FleetObserver {
 public:
  Collector(const std::vector<const Host*>& hosts, std::vector<HostReport>& reports,
            ui::Progress& progress)
      : progress_(progress) {
    reports.resize(hosts.size());
    for (size_t i = 0; i < hosts.size(); ++i) {
      reports[i].host = hosts[i]->name;
      reports[i].outcome.failure = "not contacted";
      by_host_[hosts[i]] = &reports[i];
    }
  }

  void OnStage(const Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const Host& host, ssh::Conversation& conversation,
                  const ssh::Failure* failure) override {
    auto& agent = dynamic_cast<AgentConversation&>(conversation);
    if (failure != nullptr && agent.outcome().failure.empty()) agent.OnFailed(*failure);
    HostReport& report = *by_host_[&host];
    report.outcome = agent.outcome();
    if (agent.state() != nullptr) report.state = *agent.state();
    progress_.OnHostDone(host.name, report.outcome.failure);
  }

 private:
  ui::Progress& progress_;
  std::map<const Host*, HostReport*> by_host_;
};

using DecideFor =
    std::function<StatusOr<AgentConversation::Work>(const Host&, const deploy::HostState&)>;

// Runs `decide` on every host. Nothing when that could not even begin, which was said then.
std::optional<std::vector<HostReport>> RunOn(const Context& context,
                                             const std::vector<const Host*>& hosts,
                                             std::string_view doing, const DecideFor& decide) {
  std::vector<HostReport> reports;
  ui::Progress progress(doing, hosts.size(), context.options.verbose);
  Collector collector(hosts, reports, progress);
  const Status status = ssh::RunFleet(
      hosts, FleetOptionsFrom(context.options),
      [&](const Host& host) {
        return std::make_unique<AgentConversation>(
            [&host, &decide](const deploy::HostState& state) { return decide(host, state); },
            context.options.timeout);
      },
      collector, *context.stop);
  progress.Finish();
  if (!status.ok()) {
    PrintError(Message(status));
    return std::nullopt;
  }
  return reports;
}

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int Finish(const Context& context, const std::vector<HostReport>& reports) {
  Write(context.json() ? deploy::ReportJson(reports) : deploy::ReportText(reports));
  std::vector<std::string> failed;
  bool pending = false;
  for (const HostReport& report : reports) {
    if (report.outcome.kind == deploy::Outcome::Kind::kFailed) failed.push_back(report.host);
    pending = pending || report.outcome.kind == deploy::Outcome::Kind::kWouldChange;
  }
  RememberFailed(context, failed);
  if (*context.stop) return kInterrupted;
  if (!failed.empty()) return kHostFailed;
  return pending ? kChangesPending : kAllWell;
}

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
std::string CheckReport(const deploy::ReportSettings& report) {
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
  if (report.insecure) return "";
  return "agents report without TLS as yet; where nobody else can read or write on the network "
         "between them and the controller, say so with --insecure";
}

int RunInstall(const Context& context, const AgentFlags& flags) {
  if (const std::string wrong = CheckReport(flags.report); !wrong.empty()) {
    PrintError(wrong);
    return kUsage;
  }
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  StatusOr<deploy::AgentBinary> binary =
      deploy::LoadAgentBinary(flags.binary.empty() ? DefaultBinary() : flags.binary);
  if (!binary.ok()) {
    PrintError(Message(binary.status()) + "; name the agent's program with --binary");
    return kUsage;
  }
  deploy::Installer installer(*std::move(binary), flags.check);
  const auto reports =
      RunOn(context, chosen->hosts, flags.check ? "comparing" : "installing agents",
            [&](const Host& host, const deploy::HostState& state) {
              return installer.Decide(
                  state, deploy::RenderAgentConfig(chosen->inventory, host, flags.report));
            });
  return reports ? Finish(context, *reports) : kHostFailed;
}

int RunRemove(const Context& context, const AgentFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const auto reports = RunOn(context, chosen->hosts, flags.check ? "comparing" : "removing agents",
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
  auto reports = RunOn(context, chosen->hosts, "asking", [](const Host&, const deploy::HostState&) {
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

void AddInstall(CLI::App& agent, Action& action) {
  CLI::App* command = agent.add_subcommand(
      "install",
      "Puts the agent on hosts: program, configuration, unit or init script, a user of its own; "
      "starts\n"
      "it and waits until it stays up. Only what differs is sent; what fails is undone by the "
      "host.\n\n"
      "  fleetsync agent install --controller 10.0.0.5:8123 --insecure --check\n"
      "  fleetsync agent install --controller 10.0.0.5:8123 --insecure --group web\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 usage, 3 --check found changes.");
  auto flags = std::make_shared<AgentFlags>();
  command
      ->add_option("--controller", flags->report.controller,
                   "Where agents report to: 'fleetsync serve', as the hosts reach it")
      ->type_name("HOST:PORT")
      ->required();
  command->add_flag("--insecure", flags->report.insecure,
                    "Let agents report without TLS: only on a network of your own");
  command
      ->add_option("--binary", flags->binary,
                   "The agent's program [fleetsync-agent-static beside this program]")
      ->type_name("FILE");
  command->add_flag("--check", flags->check, "Compare only and touch nothing");
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunInstall(context, *flags); };
  });
}

void AddRemove(CLI::App& agent, Action& action) {
  CLI::App* command = agent.add_subcommand(
      "remove",
      "Stops the agent and takes its program, configuration and unit away.\n\n"
      "  fleetsync agent remove --limit web07\n"
      "  fleetsync agent remove --purge           also unsent reports, its log and its user");
  auto flags = std::make_shared<AgentFlags>();
  command->add_flag("--purge", flags->purge, "Also unsent reports, the log and the user fleetsync");
  command->add_flag("--check", flags->check, "Say what is there and touch nothing");
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunRemove(context, *flags); };
  });
}

}  // namespace

void AddAgent(CLI::App& app, Action& action) {
  CLI::App* agent =
      app.add_subcommand("agent",
                         "The agent on hosts: install, remove, status.\n\n"
                         "  fleetsync agent install --controller 10.0.0.5:8123 --insecure\n"
                         "  fleetsync agent status\n"
                         "  fleetsync agent remove --limit web07");
  agent->require_subcommand(1);
  AddInstall(*agent, action);
  AddRemove(*agent, action);
  CLI::App* status = agent->add_subcommand(
      "status",
      "Whether the agent is on each host, its version, whether it runs and starts at boot, and "
      "when it\n"
      "was last heard here.\n\nExit code: 1 when it does not run on one of the hosts.");
  status->callback([&action] { action = RunStatus; });
  for (CLI::App* command : agent->get_subcommands({})) command->fallthrough();
}

}  // namespace fleetsync::cli
