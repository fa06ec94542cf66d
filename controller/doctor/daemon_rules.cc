#include <array>
#include <chrono>
#include <cstdlib>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/doctor/config.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {

using facts::Daemon;
using facts::DaemonFact;

namespace {

constexpr Duration kNtpdPanic = std::chrono::seconds(1000);

// ntpd's option -g, alone or among others.
bool HasPanicGate(std::string_view arguments) {
  constexpr std::string_view kTakeValues = "cDfikIlprstuUvVwj";
  for (std::string_view word : SplitWords(arguments)) {
    while (!word.empty() && (word.front() == '"' || word.front() == '\'')) word.remove_prefix(1);
    if (word.starts_with("--panicgate")) return true;
    if (!word.starts_with("-") || word.starts_with("--")) continue;
    for (const char option : word.substr(1)) {
      if (option == 'g') return true;
      if (kTakeValues.find(option) != std::string_view::npos) break;
    }
  }
  return false;
}

// What ntpd is, or will be, started with. Nothing when that is not known.
std::optional<std::string> NtpdArguments(const Case& patient) {
  if (!patient.answers.arguments.empty()) return patient.answers.arguments;
  constexpr std::array kFiles = {"/etc/default/ntpsec", "/etc/default/ntp", "/etc/sysconfig/ntpd"};
  for (const char* path : kFiles) {
    const auto file = patient.facts.files.find(path);
    if (file == patient.facts.files.end()) continue;
    for (std::string_view line : Split(file->second.content, '\n')) {
      line = Trim(line);
      for (const std::string_view name : {"NTPD_OPTS=", "OPTIONS="})
        if (line.starts_with(name)) return std::string(line.substr(name.size()));
    }
  }
  return std::nullopt;
}

// Beyond what offset a daemon gives up, and what says so.
struct Limit {
  Duration offset{};
  std::string because;
};

std::optional<Limit> NtpdLimit(const Case& patient) {
  for (const ConfigLine& line : ConfigLines(patient.facts)) {
    const std::string_view panic = line.After("panic");
    if (line.words[0] != "tinker" || panic.empty()) continue;
    const long seconds = std::strtol(std::string(panic).c_str(), nullptr, 10);
    if (seconds <= 0) return std::nullopt;
    return Limit{std::chrono::seconds(seconds), fmt::format("{}: \"{}\"", line.where, line.Text())};
  }
  const auto arguments = NtpdArguments(patient);
  if (!arguments || HasPanicGate(*arguments)) return std::nullopt;
  return Limit{kNtpdPanic, "ntpd's 1000 s, without -g"};
}

std::optional<Limit> ChronyLimit(const Case& patient) {
  for (const ConfigLine& line : ConfigLines(patient.facts))
    if (line.words[0] == "maxchange" && line.words.size() > 1)
      return Limit{std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                       std::strtod(std::string(line.words[1]).c_str(), nullptr))),
                   fmt::format("{}: \"{}\"", line.where, line.Text())};
  return std::nullopt;
}

std::optional<Limit> LimitOf(const Case& patient) {
  const DaemonFact* keeper = Keeper(patient.facts);
  if (keeper == nullptr) return std::nullopt;
  if (keeper->daemon == Daemon::kChrony) return ChronyLimit(patient);
  if (keeper->daemon == Daemon::kNtpClassic || keeper->daemon == Daemon::kNtpsec)
    return NtpdLimit(patient);
  return std::nullopt;
}

}  // namespace

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

void Answers(const Case& patient, Findings& findings) {
  const observe::DaemonState& state = patient.observation.state;
  if (!state.daemon.empty() && !state.answered)
    Add(findings, "mute", Severity::kError,
        fmt::format("{} runs and does not answer: {}", state.daemon, state.trouble),
        "restart it, and look at its log");
}

void Panic(const Case& patient, Findings& findings) {
  if (!patient.ahead) return;
  const Duration off = Abs(*patient.ahead);
  const std::string apart = fmt::format("{} {} this machine's", FormatDuration(off),
                                        *patient.ahead < Duration::zero() ? "behind" : "ahead of");
  const std::string todo = fmt::format("fleetsync sync-all --limit {}", patient.host.name);
  const std::optional<Limit> limit = LimitOf(patient);
  if (limit && off > limit->offset)
    Add(findings, "beyond-panic", Severity::kError,
        fmt::format("the clock is {}: the daemon does not believe such an offset and exits ({})",
                    apart, limit->because),
        todo + " sets it; then start the daemon");
  else if (off > kNtpdPanic)
    Add(findings, "far-off", Severity::kError,
        fmt::format("the clock is {}: logs and certificates go wrong, and slewing takes hours",
                    apart),
        todo);
}

}  // namespace fleetsync::doctor
