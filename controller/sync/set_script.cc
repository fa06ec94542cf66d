#include "controller/sync/set_script.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "controller/facts/answer_lines.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

std::string_view ScriptName(Tool tool) {
  switch (tool) {
    case Tool::kChronyc:
      return "chronyc";
    case Tool::kChronyd:
      return "chronyd";
    case Tool::kNtpdate:
      return "ntpdate";
    case Tool::kNtpdig:
      return "ntpdig";
    case Tool::kSntp:
      return "sntp";
    case Tool::kNtpd:
      return "ntpd";
    case Tool::kBusyboxNtpd:
      return "busybox-ntpd";
    case Tool::kDate:
      return "date";
  }
  return "";
}

std::string Assign(std::string_view name, std::string_view value) {
  return fmt::format("{}={}\n", name, ShellQuote(value));
}

int ToInt(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A word that no shell and no tool takes for anything but a name.
bool IsPlainWord(std::string_view name, std::string_view marks) {
  return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

void TakeList(std::string_view key, const std::string& value, SetResult& result) {
  if (key == "unresolved") result.unresolved.push_back(value);
  if (key == "service.stopped") result.stopped.push_back(value);
  if (key == "service.started") result.started.push_back(value);
  if (key == "service.start_failed") result.start_failed.push_back(value);
  if (key == "note") result.notes.push_back(value);
  if (key == "service.stop_failed") result.notes.push_back("did not stop: " + value);
  if (key == "service.still_running") result.notes.push_back("still running: pid " + value);
}

}  // namespace

bool IsServerName(std::string_view name) { return IsPlainWord(name, "-_.:"); }

StatusOr<std::string> RenderSetScript(const SetRequest& request, const facts::Facts& facts) {
  std::string servers, services, pids;
  for (const std::string& server : request.servers) {
    if (!IsServerName(server)) {
      return absl::InvalidArgumentError(
          fmt::format("'{}' cannot be the name of an NTP server", Printable(server)));
    }
    servers += (servers.empty() ? "" : " ") + server;
  }
  for (const Rival& rival : Rivals(facts)) {
    if (!IsPlainWord(rival.service, "-_.@")) continue;  // nothing could start it again
    services += (services.empty() ? "" : " ") + rival.service;
    pids += fmt::format("{}{}", pids.empty() ? "" : " ", rival.pid);
  }
  return Assign("tool", ScriptName(request.tool)) + Assign("init", facts::ToString(facts.init)) +
         Assign("servers", servers) + Assign("services", services) + Assign("pids", pids) +
         Assign("offset_ns", fmt::format("{}", request.offset.count())) +
         Assign(
             "latency_us",
             fmt::format(
                 "{}",
                 std::chrono::duration_cast<std::chrono::microseconds>(request.latency).count())) +
         Assign("rtc", facts.has_rtc && facts.HasTool("hwclock") ? "1" : "0") +
         std::string(SetClockScript());
}

bool SetResult::NoServer() const {
  if (exit == 0) return false;
  if (!unresolved.empty()) return true;
  constexpr std::string_view kWords[] = {"no server suitable",         "no eligible server",
                                         "o suitable source",          "Timeout reached",
                                         "name server cannot be used", "no servers can be used",
                                         "Temporary failure in name",  "lookup of"};
  const bool said =
      std::any_of(std::begin(kWords), std::end(kWords),
                  [this](std::string_view word) { return output.find(word) != std::string::npos; });
  return said || exit == 124;  // ended after its time, still asking
}

StatusOr<SetResult> ParseSetResult(std::string_view output) {
  FS_ASSIGN_OR_RETURN(auto lines,
                      facts::AnswerLines::Find(output, "fleetsync-set 1", "setting the clock"));
  SetResult result;
  result.exit = -1;
  while (const auto line = lines.Next()) {
    const std::string value = facts::Unescape(line->raw);
    if (line->key == "exit") result.exit = ToInt(value);
    if (line->key == "tool") result.tool = value;
    if (line->key == "try") result.tries = ToInt(value);
    if (line->key == "output") result.output = value;
    if (line->key == "busy") result.busy = true;
    if (line->key == "socket_in_use") result.socket_in_use = true;
    if (line->key == "rtc") result.rtc_written = true;
    if (line->key == "rtc.failed") result.rtc_failed = value;
    TakeList(line->key, value, result);
  }
  return result;
}

}  // namespace fleetsync::sync
