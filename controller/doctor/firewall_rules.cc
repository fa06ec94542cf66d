#include <algorithm>
#include <set>

#include "controller/doctor/packet_filter.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

using Verdict = FilterRule::Verdict;

bool OpensNtp(const FileLine& line) {
  const std::string& text = line.text;
  const bool service = text.find("name=\"ntp\"") != std::string::npos;
  const bool port =
      text.find("\"123\"") != std::string::npos && text.find("tcp") == std::string::npos;
  return service || port;
}

void TcpOnly(const Case& patient, const PacketFilterRules& filter, Findings& findings) {
  const FilterRule* tcp = nullptr;
  for (const FilterRule& rule : filter.rules) {
    if (rule.verdict != Verdict::kAccept) continue;
    if (rule.udp123) return;
    if (rule.tcp123) tcp = &rule;
  }
  if (tcp == nullptr) return;
  const bool serves = patient.host.role == inventory::Role::kRelay;
  Add(findings, "firewall-tcp-123", serves ? Severity::kError : Severity::kWarning,
      fmt::format("{}: \"{}\" opens TCP 123: NTP is UDP, and no rule opens that", tcp->chain,
                  tcp->text),
      serves ? Push(patient) + " opens UDP 123" : "take the rule out, or make it udp");
}

// Rules that drop NTP before one of their chain lets it in.
void Drops(const Case& patient, const PacketFilterRules& filter, Findings& findings) {
  std::set<std::string> accepted;
  for (const FilterRule& rule : filter.rules) {
    if (rule.verdict == Verdict::kAccept && rule.may_take_ntp) accepted.insert(rule.chain);
    if (rule.verdict == Verdict::kDrop && rule.udp123 && rule.plain &&
        !accepted.contains(rule.chain))
      Add(findings, "firewall-drops-ntp", Severity::kError,
          fmt::format("{}: \"{}\" drops the questions of this relay's clients", rule.chain,
                      rule.text),
          "take the rule out; " + Push(patient) + " opens UDP 123");
  }
}

// A chain that drops all that no rule lets in, and no rule that lets NTP in.
void Closed(const Case& patient, const PacketFilterRules& filter, Findings& findings) {
  std::set<std::string> dropping = filter.dropping;
  for (const FilterRule& rule : filter.rules) {
    if (rule.verdict == Verdict::kAccept && rule.may_take_ntp) return;
    if (rule.text.find("vmap") != std::string::npos) return;
    if (rule.verdict == Verdict::kDrop && rule.plain && !rule.udp123 && !rule.tcp123 &&
        rule.may_take_ntp && filter.input.contains(rule.chain))
      dropping.insert(rule.chain);
  }
  for (const std::string& chain : dropping)
    Add(findings, "firewall-closed", Severity::kError,
        fmt::format("{}: it drops what no rule lets in, and none lets UDP 123 in: this relay's "
                    "clients get no answer",
                    chain),
        Push(patient) + " opens UDP 123");
}

}  // namespace

void Firewalld(const Case& patient, Findings& findings) {
  const HostAnswers& answers = patient.answers;
  if (answers.firewalld_service.empty() ||
      std::any_of(answers.firewalld_zones.begin(), answers.firewalld_zones.end(), OpensNtp))
    return;
  const bool serves = patient.host.role == inventory::Role::kRelay;
  Add(findings, "firewalld-new-service", serves ? Severity::kError : Severity::kWarning,
      fmt::format("{}: made with --new-service, it defines ntp and opens nothing: no zone has it",
                  answers.firewalld_service),
      "rm /etc/firewalld/services/ntp.xml" +
          (serves ? "; firewall-cmd --permanent --add-service=ntp && firewall-cmd --reload"
                  : std::string("; firewall-cmd --reload")));
}

void PacketFilter(const Case& patient, Findings& findings) {
  const PacketFilterRules filter = ReadPacketFilter(patient.answers);
  TcpOnly(patient, filter, findings);
  if (patient.host.role != inventory::Role::kRelay) return;
  Drops(patient, filter, findings);
  Closed(patient, filter, findings);
}

}  // namespace fleetsync::doctor
