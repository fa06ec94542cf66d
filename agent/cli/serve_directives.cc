#include "agent/cli/serve_directives.h"

#include <algorithm>
#include <array>

#include "agent/net/address_text.h"
#include "agent/serve/access_rule.h"
#include "proto/ntp/time.h"

namespace fleetsync::agent {
namespace {

constexpr uint8_t kLocalStratum = 10;  // chronyd's
constexpr int kInterval = 3;           // log2 seconds; chronyd's
constexpr int kBurst = 8;

Error AddRule(std::string_view directive, Words words, bool allow, AgentConfig& config) {
  if (words.size() > 1) {
    return fmt::format("\"{}\" after {} is one word too many", Printable(words[1]),
                       Printable(words[0]));
  }
  const std::string_view network = words.empty() ? "all" : words[0];
  const auto rule = serve::ParseAccessRule(network, allow);
  if (!rule) {
    return fmt::format("{} \"{}\" is not a network; write {}", directive, Printable(network),
                       serve::kNetworkForms);
  }
  config.serve.access.push_back(*rule);
  return std::nullopt;
}

}  // namespace

bool AgentConfig::Serves() const {
  return serve.port != 0 && std::any_of(serve.access.begin(), serve.access.end(),
                                        [](const server::AccessRule& r) { return r.allow; });
}

Error SetAllow(Words words, AgentConfig& config) { return AddRule("allow", words, true, config); }

Error SetDeny(Words words, AgentConfig& config) { return AddRule("deny", words, false, config); }

Error SetLocal(Words words, AgentConfig& config) {
  config.serve.local_stratum = kLocalStratum;
  bool orphan = false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "orphan") {
      orphan = true;
    } else if (words[i] == "stratum") {
      if (++i == words.size()) return "stratum needs a value";
      if (auto error = SetNumber("stratum", words[i], 1, 15, *config.serve.local_stratum))
        return error;
    } else {
      constexpr std::array<std::string_view, 2> kKnown = {"stratum", "orphan"};
      return Unknown("option of local", words[i], kKnown);
    }
  }
  if (orphan) config.engine.orphan_stratum = config.serve.local_stratum;
  return std::nullopt;
}

Error SetRateLimit(Words words, AgentConfig& config) {
  int interval = kInterval;
  int burst = kBurst;
  for (size_t i = 0; i < words.size(); i += 2) {
    constexpr std::array<std::string_view, 2> kKnown = {"interval", "burst"};
    if (std::find(kKnown.begin(), kKnown.end(), words[i]) == kKnown.end())
      return Unknown("option of ratelimit", words[i], kKnown);
    if (i + 1 == words.size()) return fmt::format("{} needs a value", words[i]);
    auto error = words[i] == "interval" ? SetNumber("interval", words[i + 1], -19, 12, interval)
                                        : SetNumber("burst", words[i + 1], 1, 255, burst);
    if (error) return error;
  }
  config.serve.limit = {.interval = ntp::FromLog2(interval), .burst = burst};
  return std::nullopt;
}

Error SetBindAddress(std::string_view value, AgentConfig& config) {
  const auto address = net::ParseNumericAddress(std::string(value), 0);
  if (!address) {
    return fmt::format("bindaddress \"{}\" is not an address; write 192.0.2.1 or 2001:db8::1",
                       Printable(value));
  }
  config.serve.addresses.push_back(*address);
  return std::nullopt;
}

}  // namespace fleetsync::agent
