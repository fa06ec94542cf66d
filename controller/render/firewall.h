#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "inventory/network.h"

namespace fleetsync::render {

// What a relay's packet filter says now, as its tools print it.
struct FirewallState {
  std::string nft;                               // nft -a list ruleset
  std::string iptables, ip6tables;               // -S INPUT
  std::string ufw;                               // ufw show added
  std::string zone, rich_rules;                  // of firewalld's default zone, permanent
  std::map<std::string, facts::FileFact> files;  // persisted rules, by path
};

// What opens UDP 123 for the networks and for them alone. Only rules that carry our mark are ever
// touched; every other byte stays.
struct FirewallChange {
  // Shell lines with every word quoted; nft_close is a function of transaction.sh.
  std::vector<std::string> commands, undo;
  std::map<std::string, std::string> files;  // new texts of persisted rules
  std::vector<std::string> opened, closed;   // networks
  bool empty() const { return commands.empty() && files.empty(); }
};

// `kind` is that of facts::Facts::firewall; an empty one has nothing to open. FailedPrecondition:
// a filter whose rules could not be read.
StatusOr<FirewallChange> OpenNtp(std::string_view kind, const FirewallState& state,
                                 const std::vector<inventory::Network>& networks);

}  // namespace fleetsync::render
