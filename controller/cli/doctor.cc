#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/doctor/conversation.h"
#include "controller/doctor/fleet_rules.h"
#include "controller/doctor/rules.h"
#include "controller/ui/fold.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Patient {
  const inventory::Host* host = nullptr;
  StatusOr<std::vector<doctor::Finding>> findings = absl::UnavailableError("not asked");
  std::vector<std::string> jobs = {};  // that set its clock
};

// What shows only when hosts are looked at together.
void CompareJobs(std::vector<Patient>& patients) {
  std::vector<doctor::HostJobs> jobs;
  for (const Patient& patient : patients) jobs.push_back({patient.host->name, patient.jobs});
  const auto crowded = doctor::SameMinute(jobs);
  for (Patient& patient : patients) {
    const auto found = crowded.find(patient.host->name);
    if (found != crowded.end() && patient.findings.ok()) patient.findings->push_back(found->second);
  }
}

// What the inventory names by an address is meant.
std::set<std::string> AddressesOf(const inventory::Inventory& inventory) {
  std::set<std::string> addresses;
  for (const inventory::Host& host : inventory.hosts) {
    addresses.insert(host.name);
    addresses.insert(host.connection.address);
    for (const auto* sources : {&host.time.upstreams, &host.time.servers, &host.time.peers})
      for (const inventory::TimeSource& source : *sources) addresses.insert(source.address);
  }
  return addresses;
}

class Collector : public ssh::FleetObserver {
 public:
  Collector(std::vector<Patient>& patients, const inventory::Inventory& inventory,
            ui::Progress& progress)
      : fleet_(AddressesOf(inventory)), progress_(progress) {
    for (Patient& patient : patients) by_host_[patient.host] = &patient;
  }
  void OnStage(const inventory::Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const inventory::Host& host, ssh::Conversation& conversation,
                  const ssh::Failure*) override {
    const auto& read = dynamic_cast<doctor::Conversation&>(conversation);
    Patient& patient = *by_host_[&host];
    // A failure of the connection has reached the conversation as well.
    if (!read.facts().ok()) {
      patient.findings = read.facts().status();
    } else if (!read.observation().ok()) {
      patient.findings = read.observation().status();
    } else if (!read.answers().ok()) {
      patient.findings = read.answers().status();
    } else {
      patient.jobs = read.facts()->time_jobs;
      patient.findings = doctor::Examine({.host = host,
                                          .facts = *read.facts(),
                                          .observation = *read.observation(),
                                          .answers = *read.answers(),
                                          .fleet = fleet_,
                                          .ahead = read.ahead()});
    }
    progress_.OnHostDone(host.name,
                         patient.findings.ok() ? "" : Message(patient.findings.status()));
  }

 private:
  std::set<std::string> fleet_;
  ui::Progress& progress_;
  std::map<const inventory::Host*, Patient*> by_host_;
};

std::string TextOf(const std::vector<doctor::Finding>& findings) {
  if (findings.empty())
    return fmt::format("nothing wrong found (looked at: {})\n", doctor::WhatWasLookedAt());
  std::string text = "\n";
  for (const doctor::Finding& finding : findings)
    text += fmt::format("  {}: {} [{}]\n    {}\n", doctor::ToString(finding.severity), finding.what,
                        finding.id, finding.todo);
  return text;
}

std::string ToJson(const std::vector<Patient>& patients) {
  Json hosts = Json::array();
  for (const Patient& patient : patients) {
    Json entry = {{"host", patient.host->name}};
    if (!patient.findings.ok()) {
      entry["error"] = Message(patient.findings.status());
    } else {
      entry["findings"] = Json::array();
      for (const doctor::Finding& finding : *patient.findings)
        entry["findings"].push_back({{"id", finding.id},
                                     {"severity", doctor::ToString(finding.severity)},
                                     {"what", finding.what},
                                     {"todo", finding.todo}});
    }
    hosts.push_back(std::move(entry));
  }
  return Json{{"hosts", std::move(hosts)}}.dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

void Print(const Context& context, const std::vector<Patient>& patients) {
  std::string text;
  if (context.json()) {
    text = ToJson(patients);
  } else {
    std::vector<ui::HostText> texts;
    for (const Patient& patient : patients)
      if (patient.findings.ok()) texts.push_back({patient.host->name, TextOf(*patient.findings)});
    for (const ui::Folded& folded : ui::Fold(texts))
      text += fmt::format("{}: {}", folded.names, folded.text);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (context.json()) return;
  for (const Patient& patient : patients)
    if (!patient.findings.ok())
      PrintError(
          fmt::format("{}: {}", patient.host->name, Printable(Message(patient.findings.status()))));
}

bool IsIll(const Patient& patient) {
  return !patient.findings.ok() ||
         std::any_of(patient.findings->begin(), patient.findings->end(), [](const auto& finding) {
           return finding.severity == doctor::Severity::kError;
         });
}

int RunDoctor(Context context, const std::vector<std::string>& patterns) {
  auto& limits = context.options.selection.limits;
  limits.insert(limits.end(), patterns.begin(), patterns.end());
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  std::vector<Patient> patients;
  for (const inventory::Host* host : chosen->hosts) patients.emplace_back().host = host;
  ui::Progress progress("examining", patients.size(), context.options.verbose);
  Collector collector(patients, chosen->inventory, progress);
  const Status run = ssh::RunFleet(
      chosen->hosts, FleetOptionsFrom(context.options),
      [&context](const inventory::Host&) {
        return std::make_unique<doctor::Conversation>(context.options.timeout);
      },
      collector, *context.stop);
  progress.Finish();
  if (!run.ok()) {
    PrintError(Message(run));
    return kHostFailed;
  }
  CompareJobs(patients);
  Print(context, patients);
  std::vector<std::string> failed;
  for (const Patient& patient : patients)
    if (IsIll(patient)) failed.push_back(patient.host->name);
  RememberFailed(context, failed);
  if (*context.stop) return kInterrupted;
  return failed.empty() ? kAllWell : kHostFailed;
}

}  // namespace

void AddDoctor(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "What is wrong with the time of hosts, why, and what to do: daemons that fight, jobs of "
      "cron\n"
      "beside them, sources that do not answer, clocks that claim to be right. Reads only.\n\n"
      "  fleetsync doctor web07\n"
      "  fleetsync push --group web || fleetsync doctor --failed\n\n"
      "Exit code: 0 no error was found, 1 one was, or a host could not be asked.");
  auto patterns = std::make_shared<std::vector<std::string>>();
  command->add_option("HOSTS", *patterns, "Host names and patterns, as --limit takes them [all]");
  command->callback([&action, patterns] {
    action = [patterns](const Context& context) { return RunDoctor(context, *patterns); };
  });
}

}  // namespace fleetsync::cli
