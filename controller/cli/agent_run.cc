#include "controller/cli/agent_run.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/ui/progress.h"

namespace fleetsync::cli {
namespace {

using deploy::AgentConversation;
using deploy::HostReport;
using inventory::Host;

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

std::optional<std::vector<HostReport>> RunTurn(const Context& context,
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

}  // namespace

std::optional<std::vector<HostReport>> RunOn(const Context& context,
                                             const std::vector<const Host*>& hosts, size_t turn,
                                             std::string_view doing, const DecideFor& decide) {
  if (turn == 0) turn = hosts.size();
  std::vector<HostReport> all;
  bool failed = false;
  for (size_t begin = 0; begin < hosts.size(); begin += turn) {
    const size_t end = std::min(begin + turn, hosts.size());
    const std::vector<const Host*> some(hosts.begin() + static_cast<ptrdiff_t>(begin),
                                        hosts.begin() + static_cast<ptrdiff_t>(end));
    if (failed || *context.stop) {
      for (const Host* host : some) {
        all.emplace_back().host = host->name;
        all.back().outcome.failure = "not begun, since a host before it failed";
      }
      continue;
    }
    auto reports = RunTurn(context, some, doing, decide);
    if (!reports) return std::nullopt;
    for (HostReport& report : *reports) {
      failed = failed || report.outcome.kind == deploy::Outcome::Kind::kFailed;
      all.push_back(std::move(report));
    }
  }
  return all;
}

int Finish(const Context& context, const std::vector<HostReport>& reports) {
  const std::string text =
      context.json() ? deploy::ReportJson(reports) : deploy::ReportText(reports);
  std::fwrite(text.data(), 1, text.size(), stdout);
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

}  // namespace fleetsync::cli
