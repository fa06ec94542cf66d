#include "controller/sync/diagnose.h"

#include <algorithm>

#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string DiagnoseOne(const std::string& server, const HostResult& result,
                        const std::vector<RelayState>& relays) {
  if (Contains(result.unresolved, server)) {
    return fmt::format("{} has no address on this host: the name is wrong, or its resolver is",
                       server);
  }
  const auto relay = std::find_if(relays.begin(), relays.end(), [&](const RelayState& candidate) {
    return candidate.address == server || candidate.name == server;
  });
  if (relay == relays.end()) return fmt::format("{} did not answer", server);
  switch (relay->kind) {
    case RelayState::Kind::kSynchronised:
      return fmt::format(
          "{} answers this machine but not the host: UDP 123 between them is "
          "filtered; look at the firewalls of both and on the way",
          DisplayName(*relay));
    case RelayState::Kind::kUnsynchronised:
      return fmt::format("{}: it must be synchronised first", Describe(*relay));
    case RelayState::Kind::kSilent:
    case RelayState::Kind::kNotAsked:
      return fmt::format(
          "{} does not answer this machine either: it is down, or UDP 123 to it is "
          "closed",
          DisplayName(*relay));
    case RelayState::Kind::kUnknownName:
      return fmt::format("{} has no address", server);
  }
  return "";
}

}  // namespace

std::string DiagnoseNoServer(const HostResult& result, const std::vector<RelayState>& relays) {
  std::string text = "no NTP server was heard: ";
  for (const std::string& server : result.servers) {
    if (&server != &result.servers.front()) text += "; ";
    text += DiagnoseOne(server, result, relays);
  }
  return text + ". --over-ssh sets the clock without NTP";
}

}  // namespace fleetsync::sync
