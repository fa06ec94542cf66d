#include "agent/daemon/serving.h"

#include <utility>

#include "agent/net/address_text.h"
#include "agent/serve/serve_text.h"
#include "agent/server/vars_text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

// The kernel slews away a quarter of an offset in a second: of 1 ms, 30 us in this time.
constexpr Duration kPublishInterval = std::chrono::milliseconds(125);

}  // namespace

Serving::Serving(std::unique_ptr<serve::TimeServer> server, const ServingConfig& config, Log log)
    : server_(std::move(server)),
      vars_(config.precision),
      fallback_(config.local_stratum, config.local_after),
      log_(std::move(log)) {}

Serving::~Serving() { log_(fmt::format("served {}", serve::CountsText(server_->TakeCounts()))); }

StatusOr<std::unique_ptr<Serving>> Serving::Bind(ServingConfig config, Log log) {
  FS_ASSIGN_OR_RETURN(auto server, serve::TimeServer::Bind(std::move(config.server)));
  for (const ntp::Address& address : server->addresses())
    log(fmt::format("serving time on {} port {}", net::AddressText(address), address.port));
  if (const std::string warning = serve::BufferWarning(server->receive_buffer()); !warning.empty())
    log(warning);
  return std::unique_ptr<Serving>(new Serving(std::move(server), config, std::move(log)));
}

void Serving::Publish(const ntp::Snapshot& snapshot) {
  next_ = snapshot.at.mono + kPublishInterval;
  const server::ServerVars vars = fallback_.Apply(vars_.Take(snapshot));
  server_->Publish(vars);
  std::string source(fallback_.active() ? server::kOwnClock : server::kNowhere);
  if (!fallback_.active() && vars.synchronised()) source = server::SourceText(snapshot);
  if (source == source_told_) return;
  source_told_ = std::move(source);
  log_(fmt::format("serving time from {}: {}", source_told_, server::VarsText(vars)));
}

}  // namespace fleetsync::daemon
