#include "controller/tunnel/log.h"

#include "base/status.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::tunnel {
namespace {

std::string AddressText(const std::string& address, uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

}  // namespace

Log::Log(spdlog::logger& log, const ForwardOptions& options, size_t hosts,
         std::function<void()> on_first_round_over)
    : log_(log),
      host_port_(options.host_port),
      to_(AddressText(options.to, options.to_port)),
      hosts_(hosts),
      on_first_round_over_(std::move(on_first_round_over)) {}

void Log::OnForwarding(const inventory::Host& host) {
  log_.info("{}: 127.0.0.1:{} there leads to {} here", host.name, host_port_, to_);
}

void Log::OnFailed(const inventory::Host& host, const ssh::Failure& failure) {
  log_.warn("{}: {} (will try again)", host.name, Printable(ToString(failure)));
}

void Log::OnReachedHere(int error) {
  if (error == 0)
    log_.info("{} answers again", to_);
  else
    log_.error("hosts' connections are refused: {}; is 'fleetsync serve' running there?",
               Message(ErrnoStatus(error, "connecting to " + to_)));
}

void Log::OnFirstRoundOver(size_t forwarding) {
  log_.info("{} of {} hosts lead to {}", forwarding, hosts_, to_);
  if (on_first_round_over_) on_first_round_over_();
}

}  // namespace fleetsync::tunnel
