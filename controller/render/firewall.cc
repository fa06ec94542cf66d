#include "controller/render/firewall.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::Network;

constexpr std::string_view kMark = "fleetsync";

bool IsIpv6(const std::string& network) { return network.find(':') != std::string::npos; }

std::string Command(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + ShellQuote(word);
  return line;
}

// What is wanted and not there, what is ours and not wanted.
struct Difference {
  std::vector<std::string> missing, superfluous;
};
Difference Compare(const std::set<std::string>& wanted, const std::set<std::string>& present) {
  Difference difference;
  std::set_difference(wanted.begin(), wanted.end(), present.begin(), present.end(),
                      std::back_inserter(difference.missing));
  std::set_difference(present.begin(), present.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(difference.superfluous));
  return difference;
}

// The word behind `key` in a rule, without a mask that stands for one address.
std::string WordAfter(std::string_view rule, std::string_view key) {
  const std::vector<std::string_view> words = SplitWords(rule);
  const auto found = std::find(words.begin(), words.end(), key);
  if (found == words.end() || found + 1 == words.end()) return {};
  std::string word(*(found + 1));
  for (const std::string_view whole : {"/32", "/128"})
    if (word.ends_with(whole)) word.erase(word.size() - whole.size());
  return word;
}

bool IsOurs(std::string_view rule) {
  return rule.find("123") != std::string_view::npos && rule.find(kMark) != std::string_view::npos;
}

void Note(const Difference& difference, FirewallChange& change) {
  const auto add = [](const std::vector<std::string>& from, std::vector<std::string>& to) {
    for (const std::string& network : from)
      if (std::find(to.begin(), to.end(), network) == to.end()) to.push_back(network);
  };
  add(difference.missing, change.opened);
  add(difference.superfluous, change.closed);
}

// Lines of `text` but ours, with those of `ours` put in where `place` first holds for a line:
// before it, or after it.
std::string WithLines(std::string_view text, const std::vector<std::string>& ours, bool after,
                      const std::function<bool(std::string_view)>& place) {
  std::string result;
  bool placed = ours.empty();
  const auto put = [&] {
    for (const std::string& line : ours) result += line + "\n";
    placed = true;
  };
  const std::vector<std::string_view> lines = Split(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    if (IsOurs(lines[i])) continue;
    const bool here = !placed && place(lines[i]);
    if (here && !after) put();
    result += lines[i];
    if (i + 1 < lines.size()) result += '\n';
    if (here && after) put();
  }
  return result;
}

void ChangeFile(const FirewallState& state, const std::string& path,
                const std::vector<std::string>& ours, bool after,
                const std::function<bool(std::string_view)>& place, FirewallChange& change) {
  const auto file = state.files.find(path);
  if (file == state.files.end() || !file->second.exists) return;
  std::string text = WithLines(file->second.content, ours, after, place);
  if (text != file->second.content) change.files[path] = std::move(text);
}

// ---- iptables

std::vector<std::string> IptablesRule(const std::string& network) {
  return {"INPUT",
          "-s",
          network,
          "-p",
          "udp",
          "-m",
          "udp",
          "--dport",
          "123",
          "-m",
          "comment",
          "--comment",
          std::string(kMark),
          "-j",
          "ACCEPT"};
}

void Iptables(const std::string& program, const std::string& rules, bool ipv6,
              const std::set<std::string>& networks, FirewallChange& change) {
  std::set<std::string> wanted, present;
  for (const std::string& network : networks)
    if (IsIpv6(network) == ipv6) wanted.insert(network);
  for (const std::string_view rule : Split(rules, '\n'))
    if (IsOurs(rule)) present.insert(WordAfter(rule, "-s"));
  const Difference difference = Compare(wanted, present);
  const auto call = [&](const char* verb, const std::string& network) {
    std::vector<std::string> words = {program, "-w", verb};
    const std::vector<std::string> rule = IptablesRule(network);
    words.insert(words.end(), rule.begin(), rule.end());
    return Command(words);
  };
  for (const std::string& network : difference.missing) {
    change.commands.push_back(call("-I", network));
    change.undo.push_back(call("-D", network));
  }
  for (const std::string& network : difference.superfluous) {
    change.commands.push_back(call("-D", network));
    change.undo.push_back(call("-I", network));
  }
  Note(difference, change);
}

void PersistedIptables(const FirewallState& state, const std::set<std::string>& networks,
                       FirewallChange& change) {
  const auto lines = [&](bool ipv6) {
    std::vector<std::string> ours;
    for (const std::string& network : networks)
      if (IsIpv6(network) == ipv6) ours.push_back("-A " + Join(IptablesRule(network), " "));
    return ours;
  };
  // Before the first rule of the chain; a file without any gets them before its COMMIT.
  const auto place = [](std::string_view line) {
    return line.starts_with("-A INPUT") || line == "COMMIT";
  };
  for (const char* path : {"/etc/iptables/rules.v4", "/etc/sysconfig/iptables"})
    ChangeFile(state, path, lines(false), false, place, change);
  for (const char* path : {"/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"})
    ChangeFile(state, path, lines(true), false, place, change);
}

// ---- nftables

struct NftChain {
  std::string family, table, chain;
  std::set<std::string> ours;
};

// The base chains that filter what comes in.
std::vector<NftChain> InputChains(std::string_view ruleset) {
  std::vector<NftChain> chains;
  NftChain now;
  bool input = false;
  for (const std::string_view line : Split(ruleset, '\n')) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.size() >= 3 && words[0] == "table") {
      now.family = words[1];
      now.table = words[2];
    } else if (words.size() >= 2 && words[0] == "chain") {
      now.chain = words[1];
      now.ours.clear();
      input = false;
    } else if (line.find("type filter hook input") != std::string_view::npos) {
      input = now.family == "inet" || now.family == "ip" || now.family == "ip6";
    } else if (!words.empty() && words[0] == "}" && input) {
      chains.push_back(now);
      input = false;
    } else if (input && IsOurs(line)) {
      now.ours.insert(WordAfter(line, "saddr"));
    }
  }
  return chains;
}

std::string NftRule(const std::string& network) {
  return fmt::format("{} saddr {} udp dport 123 accept comment \"{}\"",
                     IsIpv6(network) ? "ip6" : "ip", network, kMark);
}

void Nftables(const FirewallState& state, const std::set<std::string>& networks,
              FirewallChange& change) {
  for (const NftChain& chain : InputChains(state.nft)) {
    std::set<std::string> wanted;
    for (const std::string& network : networks)
      if (chain.family == "inet" || (chain.family == "ip6") == IsIpv6(network))
        wanted.insert(network);
    const Difference difference = Compare(wanted, chain.ours);
    const auto open = [&](const std::string& network) {
      return Command(
          {"nft", "insert", "rule", chain.family, chain.table, chain.chain, NftRule(network)});
    };
    const auto close = [&](const std::string& network) {
      return Command({"nft_close", chain.family, chain.table, chain.chain, NftRule(network)});
    };
    for (const std::string& network : difference.missing) {
      change.commands.push_back(open(network));
      change.undo.push_back(close(network));
    }
    for (const std::string& network : difference.superfluous) {
      change.commands.push_back(close(network));
      change.undo.push_back(open(network));
    }
    Note(difference, change);
  }
  std::vector<std::string> lines;
  for (const std::string& network : networks) lines.push_back("\t\t" + NftRule(network));
  ChangeFile(
      state, "/etc/nftables.conf", lines, true,
      [](std::string_view line) {
        return line.find("type filter hook input") != std::string_view::npos;
      },
      change);
}

// ---- ufw

void Ufw(const FirewallState& state, const std::set<std::string>& networks,
         FirewallChange& change) {
  std::set<std::string> present;
  for (const std::string_view rule : Split(state.ufw, '\n'))
    if (IsOurs(rule)) present.insert(WordAfter(rule, "from"));
  const Difference difference = Compare(networks, present);
  const auto allow = [](const std::string& network) {
    return Command({"ufw", "allow", "from", network, "to", "any", "port", "123", "proto", "udp",
                    "comment", std::string(kMark)});
  };
  const auto forbid = [](const std::string& network) {
    return Command(
        {"ufw", "delete", "allow", "from", network, "to", "any", "port", "123", "proto", "udp"});
  };
  for (const std::string& network : difference.missing) {
    change.commands.push_back(allow(network));
    change.undo.push_back(forbid(network));
  }
  for (const std::string& network : difference.superfluous) {
    change.commands.push_back(forbid(network));
    change.undo.push_back(allow(network));
  }
  Note(difference, change);
}

// ---- firewalld

std::string RichRule(const std::string& network) {
  return fmt::format(
      "rule family=\"{}\" source address=\"{}\" port port=\"123\" protocol=\"udp\" accept",
      IsIpv6(network) ? "ipv6" : "ipv4", network);
}

// Its rules carry no comment: ours are those of exactly this form.
std::set<std::string> OursAmong(std::string_view rich_rules) {
  std::set<std::string> ours;
  for (const std::string_view rule : Split(rich_rules, '\n')) {
    constexpr std::string_view kAddress = "source address=\"";
    const size_t begin = rule.find(kAddress);
    if (begin == std::string_view::npos) continue;
    const std::string_view rest = rule.substr(begin + kAddress.size());
    const std::string network(rest.substr(0, rest.find('"')));
    if (RichRule(network) == rule) ours.insert(network);
  }
  return ours;
}

void Firewalld(const FirewallState& state, const std::set<std::string>& networks,
               FirewallChange& change) {
  const Difference difference = Compare(networks, OursAmong(state.rich_rules));
  // At once, and for the next start; firewalld needs no reload for that.
  const auto call = [&](std::string_view verb, const std::string& network,
                        std::vector<std::string>& to) {
    const std::string option = fmt::format("--{}-rich-rule={}", verb, RichRule(network));
    const std::string zone = "--zone=" + state.zone;
    to.push_back(Command({"firewall-cmd", "-q", "--permanent", zone, option}));
    to.push_back(Command({"firewall-cmd", "-q", zone, option}));
  };
  for (const std::string& network : difference.missing) {
    call("add", network, change.commands);
    call("remove", network, change.undo);
  }
  for (const std::string& network : difference.superfluous) {
    call("remove", network, change.commands);
    call("add", network, change.undo);
  }
  Note(difference, change);
}

}  // namespace

StatusOr<FirewallChange> OpenNtp(std::string_view kind, const FirewallState& state,
                                 const std::vector<Network>& networks) {
  FirewallChange change;
  std::set<std::string> wanted;
  for (const Network& network : networks) wanted.insert(inventory::ToString(network));
  if (kind == "iptables") {
    if (state.iptables.empty())
      return absl::FailedPreconditionError("the rules of iptables could not be read");
    Iptables("iptables", state.iptables, false, wanted, change);
    if (!state.ip6tables.empty()) Iptables("ip6tables", state.ip6tables, true, wanted, change);
    PersistedIptables(state, wanted, change);
  } else if (kind == "nftables") {
    Nftables(state, wanted, change);
  } else if (kind == "ufw") {
    Ufw(state, wanted, change);
  } else if (kind == "firewalld") {
    if (state.zone.empty())
      return absl::FailedPreconditionError("firewalld did not name its default zone");
    Firewalld(state, wanted, change);
  }
  std::reverse(change.undo.begin(), change.undo.end());
  return change;
}

}  // namespace fleetsync::render
