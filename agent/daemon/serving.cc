#include "agent/daemon/serving.h"

#include <algorithm>
#include <utility>

#include "agent/net/address_text.h"
#include "agent/serve/serve_text.h"
#include "agent/server/vars_text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr Duration kPublishInterval = std::chrono::milliseconds(125);
// A start with a clock that is some milliseconds off: for the seconds that it takes.
constexpr Duration kWhileSlewing = std::chrono::milliseconds(10);
constexpr Duration kShortestLook =
    std::chrono::milliseconds(5);  // in less the readings differ more
constexpr double kSlewing = 1e-3;
constexpr double kFastestSlew = 0.05;  // of the engine's discipline

}  // namespace

Serving::Serving(std::unique_ptr<serve::TimeServer> server, const ServingConfig& config, Log log)
    : server_(std::move(server)),
      vars_(config.precision),
      fallback_(config.local_stratum, config.local_after),
      slewed_(config.slewed),
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

// The engine takes an offset away within a second or more, never faster than its limit; a slew that
// is under way may outlast what is left of the offset.
double Serving::SlewRate(const ntp::Snapshot& snapshot) {
  const Duration elapsed = snapshot.at.mono - last_.at;
  if (elapsed >= kShortestLook) {
    seen_rate_ = ToSeconds(Abs(snapshot.offset - last_.offset)) / ToSeconds(elapsed);
    last_ = {snapshot.at.mono, snapshot.offset};
  }
  if (!slewed_) return 0;
  return std::min(std::max(ToSeconds(Abs(snapshot.offset)), seen_rate_), kFastestSlew);
}

void Serving::Publish(const ntp::Snapshot& snapshot) {
  const double rate = SlewRate(snapshot);
  next_ = snapshot.at.mono + (rate > kSlewing ? kWhileSlewing : kPublishInterval);
  server::ServerVars believed = vars_.Take(snapshot);
  believed.wander = std::max(believed.wander, rate);  // also when the next publication is late
  const server::ServerVars vars = fallback_.Apply(believed);
  server_->Publish(vars);
  std::string source(fallback_.active() ? server::kOwnClock : server::kNowhere);
  if (!fallback_.active() && vars.synchronised()) source = server::SourceText(snapshot);
  if (source == source_told_) return;
  source_told_ = std::move(source);
  log_(fmt::format("serving time from {}: {}", source_told_, server::VarsText(vars)));
}

}  // namespace fleetsync::daemon
