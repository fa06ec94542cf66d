#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "controller/doctor/answers.h"

namespace fleetsync::doctor {

// One rule of nftables or iptables, as far as it decides about NTP.
struct FilterRule {
  enum class Verdict : uint8_t { kNone, kAccept, kDrop };

  std::string text;   // as it is listed
  std::string chain;  // "INPUT", "inet filter input"
  Verdict verdict = Verdict::kNone;
  bool udp123 = false, tcp123 = false;  // is for port 123 of that protocol
  bool plain = false;                   // for all packets to that port, or for all there are
  bool may_take_ntp = true;             // false: it is plainly for other packets
};

struct PacketFilterRules {
  std::vector<FilterRule> rules;          // in the order of the listing
  std::set<std::string> input, dropping;  // chains of packets to the host; those whose policy drops
};

PacketFilterRules ReadPacketFilter(const HostAnswers& answers);

}  // namespace fleetsync::doctor
