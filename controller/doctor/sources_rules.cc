#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <set>

#include "base/text.h"
#include "controller/doctor/config.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

using observe::DaemonState;
using observe::SourceState;

bool SaysUnsynchronised(const Case& patient, const std::string& address) {
  const auto& heard = patient.answers.heard;
  return std::any_of(heard.begin(), heard.end(), [&](const Heard& one) {
    return one.address == address && one.anything && !one.synchronised;
  });
}

// "ntp1 (/etc/ntp.conf:12)", as far as its line is known.
std::string WithPlace(const Case& patient, const std::string& name) {
  for (const NamedSource& source : NamedSources(patient.facts))
    if (source.address == name) return fmt::format("{} ({})", name, source.where);
  return name;
}

// A daemon's sources by what can be said of them.
struct Sorted {
  size_t reached = 0;
  std::vector<std::string> silent, unsynchronised, wrong;
};

Sorted Sort(const Case& patient) {
  Sorted sorted;
  for (const observe::Source& source : patient.observation.state.sources) {
    const std::string name = WithPlace(patient, source.name);
    if (SaysUnsynchronised(patient, source.name)) {
      sorted.unsynchronised.push_back(name);
    } else if (source.reach && *source.reach == 0) {
      sorted.silent.push_back(name);
    } else {
      ++sorted.reached;
    }
    if (source.state == SourceState::kFalseticker) sorted.wrong.push_back(name);
  }
  return sorted;
}

void Unheard(const Sorted& sorted, Findings& findings) {
  const Severity severity = sorted.reached == 0 ? Severity::kError : Severity::kWarning;
  if (!sorted.unsynchronised.empty())
    Add(findings, "unsynchronised-source", severity,
        fmt::format("{} answers, and says that it is not synchronised itself: nobody may follow it",
                    Join(sorted.unsynchronised, ", ")),
        "mend that server: fleetsync tracking and fleetsync doctor on it");
  if (sorted.silent.empty()) return;
  const std::string names = Join(sorted.silent, ", ");
  if (sorted.reached == 0 && sorted.unsynchronised.empty())
    Add(findings, "no-source", Severity::kError,
        fmt::format(
            "no source answers ({}): a firewall on the way, a server that is down, or one that "
            "does not allow this host",
            names),
        "fleetsync doctor on the relay; nft list ruleset, iptables -S there and here");
  else
    Add(findings, "silent-source", severity, fmt::format("{} does not answer", names),
        "look whether it runs and allows this host");
}

bool IsWithin(uint32_t address, uint32_t network, int bits) {
  return (address ^ network) >> (32 - bits) == 0;
}

// Addresses that anybody's server may have: not private, local, for documentation or benchmarks.
bool IsPublic(const std::string& text) {
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) == 1)
    return (six.s6_addr[0] & 0xe0) == 0x20 && !(six.s6_addr[0] == 0x20 && six.s6_addr[1] == 0x01 &&
                                                six.s6_addr[2] == 0x0d && six.s6_addr[3] == 0xb8);
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) != 1) return false;
  struct Network {
    uint32_t address;
    int bits;
  };
  constexpr std::array kNotPublic = {
      Network{0x00000000, 8},  Network{0x0a000000, 8},  Network{0x64400000, 10},
      Network{0x7f000000, 8},  Network{0xa9fe0000, 16}, Network{0xac100000, 12},
      Network{0xc0000000, 24}, Network{0xc0000200, 24}, Network{0xc0a80000, 16},
      Network{0xc6120000, 15}, Network{0xc6336400, 24}, Network{0xcb007100, 24},
      Network{0xe0000000, 3}};
  const uint32_t address = ntohl(four.s_addr);
  return std::none_of(kNotPublic.begin(), kNotPublic.end(), [&](const Network& network) {
    return IsWithin(address, network.address, network.bits);
  });
}

}  // namespace

void Sources(const Case& patient, Findings& findings) {
  const DaemonState& state = patient.observation.state;
  if (!state.answered) return;
  const Sorted sorted = Sort(patient);
  Unheard(sorted, findings);
  for (const std::string& name : sorted.wrong)
    Add(findings, "falseticker", Severity::kWarning,
        fmt::format("{} disagrees with the others (x: a falseticker)", name),
        "compare it with: fleetsync sources " + patient.host.name);
  if (state.sources.empty() && !state.own_clock && !state.daemon.empty())
    Add(findings, "no-sources", Severity::kError, fmt::format("{} has no sources", state.daemon),
        Push(patient));
  if (state.sources.size() == 2 && patient.host.role == inventory::Role::kClient)
    Add(findings, "two-sources", Severity::kNote,
        "two sources: when they disagree, nothing tells which one is right",
        "name three or more (RFC 8633: four)");
  if (!state.synchronised() && sorted.reached > 0)
    Add(findings, "unsynchronised", Severity::kError,
        fmt::format("{} is not synchronised, though {} of its sources answer", state.daemon,
                    sorted.reached),
        "wait a few minutes after a start; then: fleetsync sources " + patient.host.name);
}

void Names(const Case& patient, Findings& findings) {
  for (const Unresolved& unresolved : patient.answers.unresolved) {
    const std::string name = WithPlace(patient, unresolved.name);
    if (unresolved.no_answer)
      Add(findings, "resolver-silent", Severity::kError,
          fmt::format("{}: the resolver of this host gave no answer in 4 s, so that its daemon "
                      "cannot ask this source",
                      name),
          "look at the servers in /etc/resolv.conf");
    else
      Add(findings, "unresolved-name", Severity::kError,
          fmt::format("{} has no address on this host: its daemon never asks this source", name),
          fmt::format("getent ahosts {} there; correct the name, or /etc/resolv.conf",
                      ShellQuote(unresolved.name)));
  }
}

void PublicLiterals(const Case& patient, Findings& findings) {
  std::set<std::string> seen;
  for (const NamedSource& source : NamedSources(patient.facts))
    if (IsPublic(source.address) && !patient.fleet.contains(source.address) &&
        seen.insert(source.address).second)
      Add(findings, "public-address", Severity::kWarning,
          fmt::format(
              "{}: {} is a public server by its address: when it moves, nobody learns of it",
              source.where, source.address),
          "name a relay, or the server by its name, in the inventory; then " + Push(patient));
}

}  // namespace fleetsync::doctor
