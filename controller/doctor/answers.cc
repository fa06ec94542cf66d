#include "controller/doctor/answers.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/text.h"
#include "controller/doctor/config.h"
#include "controller/facts/answer_lines.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

constexpr size_t kMostNames = 16;
constexpr size_t kMaxOutput = size_t{4} << 20;
constexpr int kNotFound = 2, kTimedOut = 124,
              kTerminated = 143;                  // getent(1), timeout(1), busybox's
constexpr unsigned kUnsynchronisedPacket = 0x20;  // ntpd's flash code, TEST6

template <class Int>
Int ToInt(std::string_view text, int base = 10) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

bool IsHostName(std::string_view name) {
  return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

// "PATH:NUMBER:TEXT", as grep -Hn prints it.
FileLine ReadFileLine(std::string_view line) {
  const size_t first = std::min(line.find(':'), line.size());
  const size_t second = std::min(line.find(':', first + 1), line.size());
  return {.where = std::string(line.substr(0, second)),
          .path = std::string(line.substr(0, first)),
          .text = std::string(line.substr(std::min(second + 1, line.size())))};
}

void ReadUnresolved(std::string_view value, HostAnswers& answers) {
  const auto words = SplitWords(value);
  if (words.size() != 2) return;
  const int code = ToInt<int>(words[0]);
  if (code == kNotFound || code == kTimedOut || code == kTerminated)
    answers.unresolved.push_back({std::string(words[1]), code != kNotFound});
}

// "Remote address  : 198.18.1.1 (C6120101)" begins what chronyd heard of one source.
void ReadNtpData(std::string_view line, std::vector<Heard>& heard) {
  const size_t colon = line.find(" : ");
  if (colon == std::string_view::npos) return;
  const std::string_view key = Trim(line.substr(0, colon)), value = Trim(line.substr(colon + 3));
  if (key == "Remote address")
    heard.push_back({.address = std::string(value.substr(0, value.find(' ')))});
  if (heard.empty()) return;
  if (key == "Total RX") heard.back().anything = value != "0";
  if (key == "Leap status") heard.back().synchronised = value != "Not synchronised";
}

// "srcadr=198.18.1.1, flash=1620 pkt_stratum, …" of each association in turn. What a source said
// is known only of one that may not be followed.
void ReadPeer(std::string_view line, std::vector<Heard>& heard) {
  for (const std::string_view item : Split(line, ',')) {
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = Trim(item.substr(0, equals)),
                           value = Trim(item.substr(equals + 1));
    if (key == "srcadr") heard.push_back({.address = std::string(value)});
    if (heard.empty()) continue;
    if (key == "flash") {
      const std::string_view code = value.substr(0, value.find(' '));
      const auto hex = code.starts_with("0x") ? code.substr(2) : code;
      heard.back().anything = (ToInt<unsigned>(hex, 16) & kUnsynchronisedPacket) != 0;
      heard.back().synchronised = !heard.back().anything;
    }
  }
}

void ReadLine(std::string_view key, std::string_view raw, HostAnswers& answers) {
  if (key == "unresolved") ReadUnresolved(raw, answers);
  if (key == "ntpdata") ReadNtpData(raw, answers.heard);
  if (key == "peer") ReadPeer(raw, answers.heard);
  if (key == "arguments") answers.arguments = facts::Unescape(raw);
  if (key == "nft") answers.nft.emplace_back(raw);
  if (key == "iptables") answers.iptables.emplace_back(raw);
  if (key == "firewalld_service") answers.firewalld_service = facts::Unescape(raw);
  if (key == "firewalld_zone") answers.firewalld_zones.push_back(ReadFileLine(raw));
  if (key == "services") answers.services.push_back(ReadFileLine(raw));
  if (key == "tz") answers.tz.push_back(ReadFileLine(raw));
  if (key == "loop") answers.loops.push_back(ReadFileLine(raw));
  if (key == "expect") answers.expect_sends.push_back(ReadFileLine(raw).where);
  if (key == "password_list") answers.password_lists.push_back(facts::Unescape(raw));
}

}  // namespace

ssh::Command AskCommand(const facts::Facts& facts, Duration deadline) {
  std::set<std::string> names;
  for (const NamedSource& source : NamedSources(facts))
    if (!IsIpAddress(source.address) && IsHostName(source.address) && names.size() < kMostNames)
      names.insert(source.address);
  const facts::DaemonFact* running = facts.Running();
  ssh::Command command;
  command.line = "sh -s";
  command.standard_input =
      fmt::format("names={}\ndaemon={}\npid={}\nfilter={}\n",
                  ShellQuote(Join(std::vector<std::string>(names.begin(), names.end()), " ")),
                  ShellQuote(running == nullptr ? "" : facts::ToString(running->daemon)),
                  ShellQuote(running == nullptr ? "" : std::to_string(running->pid)),
                  ShellQuote(facts.firewall));
  command.standard_input += QuestionsScript();
  command.max_output = kMaxOutput;
  command.deadline = deadline;
  return command;
}

StatusOr<HostAnswers> ParseAnswers(std::string_view output) {
  FS_ASSIGN_OR_RETURN(facts::AnswerLines lines,
                      facts::AnswerLines::Find(output, "fleetsync-doctor 1", "examining the host"));
  HostAnswers answers;
  while (const auto line = lines.Next()) ReadLine(line->key, line->raw, answers);
  return answers;
}

}  // namespace fleetsync::doctor
