#include "controller/doctor/packet_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

using Verdict = FilterRule::Verdict;
using Words = std::vector<std::string_view>;

constexpr int kNtp = 123;

bool Has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view After(const Words& words, std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  return at == words.end() || at + 1 == words.end() ? std::string_view() : *(at + 1);
}

int ToInt(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "123", "ntp", "100:200", "100-200".
bool IsNtpPort(std::string_view port) {
  if (port == "ntp") return true;
  const size_t dash = port.find_first_of(":-");
  const int first = ToInt(port.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : ToInt(port.substr(dash + 1));
  return first >= 0 && first <= kNtp && kNtp <= last;
}

bool HasNtpPort(std::string_view ports) {
  const auto list = Split(ports, ',');
  return std::any_of(list.begin(), list.end(),
                     [](std::string_view port) { return IsNtpPort(Trim(port)); });
}

bool IsOtherProtocol(const Words& words) {
  constexpr std::array kOthers = {"icmp", "icmpv6", "ipv6-icmp", "igmp", "gre",
                                  "esp",  "ah",     "sctp",      "ospf", "vrrp"};
  return std::any_of(kOthers.begin(), kOthers.end(),
                     [&](const char* other) { return Has(words, other); });
}

// States without that of a new conversation.
bool IsOldOnly(std::string_view text) {
  const bool states = text.find("established") != std::string_view::npos ||
                      text.find("ESTABLISHED") != std::string_view::npos;
  return states && text.find("new") == std::string_view::npos &&
         text.find("NEW") == std::string_view::npos;
}

Verdict IptablesVerdict(std::string_view jump) {
  if (jump == "ACCEPT") return Verdict::kAccept;
  return jump == "DROP" || jump == "REJECT" ? Verdict::kDrop : Verdict::kNone;
}

// Nothing but a protocol, its port and what happens.
bool IsPlainIptables(const Words& words) {
  constexpr std::array kPlain = {"-p", "--dport", "--dports", "-j", "--reject-with"};
  for (size_t i = 2; i < words.size(); i += 2) {
    const bool match =
        words[i] == "-m" && i + 1 < words.size() &&
        (words[i + 1] == "udp" || words[i + 1] == "tcp" || words[i + 1] == "multiport");
    if (!match && std::find(kPlain.begin(), kPlain.end(), words[i]) == kPlain.end()) return false;
  }
  return true;
}

void ReadIptables(const std::string& line, PacketFilterRules& filter) {
  const Words words = SplitWords(line);
  if (words.size() < 3) return;
  if (words[0] == "-P" && words[1] == "INPUT") {
    filter.input.insert("INPUT");
    if (words[2] == "DROP") filter.dropping.insert("INPUT");
  }
  if (words[0] != "-A") return;
  FilterRule rule;
  rule.text = line;
  rule.chain = words[1];
  rule.verdict = IptablesVerdict(After(words, "-j"));
  rule.plain = IsPlainIptables(words);
  const std::string_view protocol = After(words, "-p");
  const std::string_view port = After(words, Has(words, "--dports") ? "--dports" : "--dport");
  const bool ntp = HasNtpPort(port);
  rule.udp123 = ntp && protocol == "udp";
  rule.tcp123 = ntp && protocol == "tcp";
  rule.may_take_ntp = protocol != "tcp" && !IsOtherProtocol(words) && (port.empty() || ntp) &&
                      After(words, "-i") != "lo" && !IsOldOnly(line);
  filter.rules.push_back(std::move(rule));
}

// What follows "dport" in a rule of nft: "123", "{ 53, 123 }", "!= 123"; empty: no port.
std::string NftPorts(const Words& words) {
  const auto at = std::find(words.begin(), words.end(), "dport");
  if (at == words.end() || at + 1 == words.end()) return "";
  if (*(at + 1) != "{") return std::string(*(at + 1));
  std::string ports;
  for (auto word = at + 2; word != words.end() && *word != "}"; ++word) ports += *word;
  return ports;
}

// "udp dport … counter packets N bytes N drop", or the verdict alone.
bool IsPlainNft(const Words& words) {
  Words rest = words;
  if (rest.size() > 2 && rest[1] == "dport") {
    const auto end = rest[2] == "{" ? std::find(rest.begin(), rest.end(), "}") : rest.begin() + 2;
    if (end == rest.end()) return false;
    rest.erase(rest.begin(), end + 1);
  }
  if (rest.size() > 5 && rest[0] == "counter") rest.erase(rest.begin(), rest.begin() + 5);
  return !rest.empty() && (rest[0] == "drop" || rest[0] == "reject" || rest[0] == "accept");
}

FilterRule NftRule(const Words& words, std::string_view line, std::string chain) {
  FilterRule rule;
  rule.text = Trim(line);
  rule.chain = std::move(chain);
  if (Has(words, "accept")) rule.verdict = Verdict::kAccept;
  if (Has(words, "drop") || Has(words, "reject")) rule.verdict = Verdict::kDrop;
  rule.plain = IsPlainNft(words);
  const std::string ports = NftPorts(words);
  const bool ntp = HasNtpPort(ports), listed = !ports.empty() && ports[0] != '@' && ports[0] != '$';
  rule.udp123 = ntp && Has(words, "udp");
  rule.tcp123 = ntp && Has(words, "tcp") && !rule.udp123;
  const std::string_view in = Has(words, "iif") ? After(words, "iif") : After(words, "iifname");
  rule.may_take_ntp = !(Has(words, "tcp") && !Has(words, "udp")) && !IsOtherProtocol(words) &&
                      (!listed || ntp || ports[0] == '!') && in != "lo" && in != "\"lo\"" &&
                      !IsOldOnly(line);
  return rule;
}

void ReadNft(const std::vector<std::string>& lines, PacketFilterRules& filter) {
  std::string table, chain;
  for (const std::string& line : lines) {
    const Words words = SplitWords(line);
    if (words.empty()) continue;
    if (words[0] == "table" && words.size() > 2) {
      table = fmt::format("{} {}", words[1], words[2]);
    } else if (words[0] == "chain" && words.size() > 1) {
      chain = fmt::format("{} {}", table, words[1]);
    } else if (words[0] == "}") {
      chain.clear();
    } else if (chain.empty()) {
      continue;
    } else if (words[0] == "type") {
      if (After(words, "hook") != "input" || table.starts_with("ip6 ")) continue;
      filter.input.insert(chain);
      if (line.find("policy drop") != std::string::npos) filter.dropping.insert(chain);
    } else {
      filter.rules.push_back(NftRule(words, line, chain));
    }
  }
}

}  // namespace

PacketFilterRules ReadPacketFilter(const HostAnswers& answers) {
  PacketFilterRules filter;
  for (const std::string& line : answers.iptables) ReadIptables(line, filter);
  ReadNft(answers.nft, filter);
  return filter;
}

}  // namespace fleetsync::doctor
