#include "agent/cli/serve_setup.h"

#include <string_view>

#include "agent/serve/access_rule.h"
#include "agent/serve/this_host.h"

namespace fleetsync::agent {
namespace {

constexpr Duration kLocalAfter = std::chrono::seconds(30);  // for servers to be heard after a start

}  // namespace

daemon::ServingConfig ServingOf(const ServeConfig& config, uint64_t seed,
                                ntp::EngineConfig& engine) {
  daemon::ServingConfig serving{.server = {.listen = config.addresses,
                                           .workers = config.workers,
                                           .access = config.access,
                                           .limit = config.limit,
                                           .keys = {},
                                           .seed = seed},
                                .precision = serve::MeasurePrecision(),
                                .local_stratum = config.local_stratum,
                                .slewed = engine.control_clock};
  if (config.addresses.empty()) serving.server.listen = serve::AllAddresses(config.port);
  for (ntp::Address& address : serving.server.listen) address.port = config.port;
  // This host may always ask itself, as a push does, but where a rule says otherwise.
  for (const std::string_view own : {"127.0.0.1", "::1"})
    serving.server.access.push_back(*serve::ParseAccessRule(own, true));
  // Where nobody else could be asked there is nobody to wait for.
  if (!engine.sources.empty()) serving.local_after = kLocalAfter;
  engine.precision = serving.precision;
  if (engine.orphan_stratum) engine.own_reference_id = serve::OwnReferenceId(serving.server.listen);
  return serving;
}

}  // namespace fleetsync::agent
