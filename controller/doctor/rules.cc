#include "controller/doctor/rules.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

using facts::DaemonFact;
using inventory::Role;
using observe::DaemonState;
using observe::SourceState;

using Findings = std::vector<Finding>;

void Add(Findings& findings, std::string id, Severity severity, std::string what,
         std::string todo) {
  findings.push_back({std::move(id), severity, Printable(what), Printable(todo)});
}

std::string Push(const Case& patient) {
  return fmt::format("fleetsync push --limit {}", patient.host.name);
}

// ---- who keeps the clock

void OneKeeper(const Case& patient, Findings& findings) {
  std::vector<std::string> running;
  for (const DaemonFact& daemon : patient.facts.daemons)
    if (daemon.running && daemon.daemon != facts::Daemon::kAgent)
      running.push_back(fmt::format("{} ({})", facts::ToString(daemon.daemon), daemon.pid));
  if (patient.facts.busybox_ntpd && patient.facts.busybox_ntpd->pid > 0)
    running.push_back(fmt::format("busybox ntpd ({})", patient.facts.busybox_ntpd->pid));
  if (running.size() > 1)
    Add(findings, "two-daemons", Severity::kError,
        fmt::format("{} all keep this clock, and fight over it", Join(running, ", ")),
        Push(patient) + " keeps one and stops the others");
  if (running.empty() && patient.facts.time_jobs.empty())
    Add(findings, "no-daemon", Severity::kError, "nothing keeps this clock: no time daemon runs",
        patient.facts.daemons.empty() ? "set time.packages to install, then " + Push(patient)
                                      : Push(patient) + " starts it");
}

void StartsAtBoot(const Case& patient, Findings& findings) {
  for (const DaemonFact& daemon : patient.facts.daemons)
    if (daemon.running && !daemon.enabled && !daemon.service.empty() &&
        patient.facts.init != facts::Init::kUnknown && patient.facts.init != facts::Init::kBusybox)
      Add(findings, "not-at-boot", Severity::kWarning,
          fmt::format("{} runs and does not start at boot", facts::ToString(daemon.daemon)),
          Push(patient) + " enables it");
}

void Port123(const Case& patient, Findings& findings) {
  const std::string& holder = patient.facts.udp123_holder;
  if (holder.empty()) return;
  for (const std::string_view known : {"chronyd", "ntpd", "openntpd", "busybox", "fleetsync-agent"})
    if (holder.starts_with(known)) return;
  Add(findings, "port-held", Severity::kError,
      fmt::format(
          "UDP 123 is held by {}: no time daemon can serve, and ntpdate says \"the NTP socket "
          "is in use\"",
          holder),
      "stop that program");
}

void MaySetClock(const Case& patient, Findings& findings) {
  if (patient.facts.can_set_clock) return;
  Add(findings, "no-cap-sys-time", Severity::kError,
      fmt::format(
          "nothing here may set the clock: CAP_SYS_TIME is missing{}",
          patient.facts.container ? fmt::format(" ({})", patient.facts.container_kind) : ""),
      "keep the clock of the machine that this container runs on");
}

// ---- jobs of cron

void Jobs(const Case& patient, Findings& findings) {
  const DaemonFact* running = patient.facts.Running();
  for (const std::string& job : patient.facts.time_jobs) {
    const std::string line = job.substr(std::min(job.find(": ") + 2, job.size()));
    const std::vector<std::string_view> words = SplitWords(line);
    if (job.starts_with("/etc/cron.d/fleetsync:")) continue;
    if (words.size() > 5 && words[0] == "*" && words[1].starts_with("*/"))
      Add(findings, "every-minute", Severity::kError,
          fmt::format("{}: \"* {}\" runs every minute, not every {} hours", job, words[1],
                      words[1].substr(2)),
          Push(patient) + " retires it");
    if (running != nullptr)
      Add(findings, "job-beside-daemon", Severity::kError,
          fmt::format("{} keeps this clock, and cron sets it as well: {}",
                      facts::ToString(running->daemon), job),
          Push(patient) + " retires it");
    else
      Add(findings, "job-steps-clock", Severity::kWarning,
          fmt::format(
              "{}: it steps the clock now and then, backwards too, instead of keeping it right",
              job),
          "let a daemon keep it: " + Push(patient));
  }
}

// ---- what the daemon says

void Answers(const Case& patient, Findings& findings) {
  const DaemonState& state = patient.observation.state;
  if (!state.daemon.empty() && !state.answered)
    Add(findings, "mute", Severity::kError,
        fmt::format("{} runs and does not answer: {}", state.daemon, state.trouble),
        "restart it, and look at its log");
}

void Sources(const Case& patient, Findings& findings) {
  const DaemonState& state = patient.observation.state;
  if (!state.answered) return;
  size_t reached = 0;
  std::vector<std::string> silent, wrong;
  for (const observe::Source& source : state.sources) {
    const bool answers = !source.reach || *source.reach != 0;
    if (answers) ++reached;
    if (!answers) silent.push_back(source.name);
    if (source.state == SourceState::kFalseticker) wrong.push_back(source.name);
  }
  const std::string names = Join(silent, ", ");
  if (!state.sources.empty() && reached == 0)
    Add(findings, "no-source", Severity::kError,
        fmt::format(
            "no source answers ({}): a firewall on the way, a server that is down, or one that "
            "does not allow this host",
            names),
        "fleetsync doctor on the relay; nft list ruleset, iptables -S there and here");
  else if (!silent.empty())
    Add(findings, "silent-source", Severity::kWarning, fmt::format("{} does not answer", names),
        "look whether it runs and allows this host");
  for (const std::string& name : wrong)
    Add(findings, "falseticker", Severity::kWarning,
        fmt::format("{} disagrees with the others (x: a falseticker)", name),
        "compare it with: fleetsync sources " + patient.host.name);
  if (state.sources.empty() && !state.own_clock && !state.daemon.empty())
    Add(findings, "no-sources", Severity::kError, fmt::format("{} has no sources", state.daemon),
        Push(patient));
  if (state.sources.size() == 2 && patient.host.role == Role::kClient)
    Add(findings, "two-sources", Severity::kNote,
        "two sources: when they disagree, nothing tells which one is right",
        "name three or more (RFC 8633: four)");
  if (!state.synchronised() && reached > 0)
    Add(findings, "unsynchronised", Severity::kError,
        fmt::format("{} is not synchronised, though {} of its sources answer", state.daemon,
                    reached),
        "wait a few minutes after a start; then: fleetsync sources " + patient.host.name);
}

// ---- what its file says

// Lines of the configuration file in force, without comments, in words.
std::vector<std::vector<std::string_view>> ConfigLines(const Case& patient) {
  std::vector<std::vector<std::string_view>> lines;
  const DaemonFact* running = patient.facts.Running();
  if (running == nullptr) return lines;
  const auto file = patient.facts.files.find(running->config_path);
  if (file == patient.facts.files.end()) return lines;
  for (const std::string_view line : Split(file->second.content, '\n')) {
    std::vector<std::string_view> words = SplitWords(line.substr(0, line.find('#')));
    if (!words.empty()) lines.push_back(std::move(words));
  }
  return lines;
}

bool Holds(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string LineText(const std::vector<std::string_view>& words) {
  std::string line;
  for (const std::string_view word : words) line += (line.empty() ? "" : " ") + std::string(word);
  return line;
}

void LocalClock(const Case& patient, Findings& findings) {
  for (const auto& words : ConfigLines(patient)) {
    const std::string line = LineText(words);
    const bool fudge = words[0] == "fudge" && words.size() >= 4;
    const auto stratum = std::find(words.begin(), words.end(), "stratum");
    if (fudge && stratum != words.end() && stratum + 1 != words.end() && *(stratum + 1) == "0")
      Add(findings, "fudge-stratum-0", Severity::kError,
          fmt::format("\"{}\": this host's own clock claims the top of the tree", line),
          Push(patient));
    const bool own =
        (words[0] == "server" && words.size() > 1 && words[1].starts_with("127.127.1."));
    if ((own || words[0] == "local") && patient.host.role != Role::kRelay)
      Add(findings, "local-clock", Severity::kWarning,
          fmt::format("\"{}\" on a host that is no relay: it goes on claiming to be right when its "
                      "servers are gone",
                      line),
          Push(patient) + " takes it out");
  }
}

void Access(const Case& patient, Findings& findings) {
  for (const auto& words : ConfigLines(patient)) {
    if (words[0] != "restrict" || words.size() < 2) continue;
    const std::string line = LineText(words);
    const bool everyone = words[1] == "default" || (words.size() > 2 && words[2] == "default");
    const bool allows_nobody = Holds(words, "ignore") || Holds(words, "noserve");
    const auto opens = [&](const auto& other) {
      return other[0] == "restrict" && Holds(other, "mask");
    };
    const auto lines = ConfigLines(patient);
    if (patient.host.role == Role::kRelay && everyone && allows_nobody &&
        std::none_of(lines.begin(), lines.end(), opens))
      Add(findings, "serves-nobody", Severity::kError,
          fmt::format("\"{}\" refuses every client of this relay", line), Push(patient));
    const auto mask = std::find(words.begin(), words.end(), "mask");
    if (mask == words.end() || mask + 1 == words.end()) continue;
    const bool host_part = !words[1].ends_with(".0") && *(mask + 1) != "255.255.255.255" &&
                           words[1].find('.') != std::string_view::npos;
    if (host_part)
      Add(findings, "mask-opens-more", Severity::kWarning,
          fmt::format("\"{}\" is for the whole network, not for {} alone", line, words[1]),
          "write the network, or leave the mask out");
  }
}

// ---- zone and hardware clock

void ZoneAndRtc(const Case& patient, Findings& findings) {
  const std::string& wanted = patient.host.time.timezone;
  if (!wanted.empty() && patient.facts.timezone != wanted)
    Add(findings, "timezone", Severity::kWarning,
        fmt::format("the time zone is {}, the inventory says {}: a right clock looks wrong",
                    patient.facts.timezone.empty() ? "not known" : patient.facts.timezone, wanted),
        Push(patient));
  if (patient.facts.rtc_is_local)
    Add(findings, "rtc-local", Severity::kWarning,
        "the hardware clock keeps local time: it is wrong by hours after a start in another zone "
        "or "
        "season",
        "hwclock --systohc --utc");
}

struct Rule {
  std::string_view about;
  void (*find)(const Case&, Findings&);
};
constexpr Rule kRules[] = {{"who keeps the clock", OneKeeper},
                           {"start at boot", StartsAtBoot},
                           {"UDP 123", Port123},
                           {"the right to set the clock", MaySetClock},
                           {"jobs of cron", Jobs},
                           {"the daemon's answers", Answers},
                           {"its sources", Sources},
                           {"local clocks", LocalClock},
                           {"access lists", Access},
                           {"time zone and hardware clock", ZoneAndRtc}};

}  // namespace

std::string_view ToString(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::vector<Finding> Examine(const Case& patient) {
  Findings findings;
  for (const Rule& rule : kRules) rule.find(patient, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

std::string WhatWasLookedAt() {
  std::string text;
  for (const Rule& rule : kRules) text += (text.empty() ? "" : ", ") + std::string(rule.about);
  return text;
}

}  // namespace fleetsync::doctor
