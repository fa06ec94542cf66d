#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "controller/tunnel/reverse_forwards.h"
#include "spdlog/logger.h"

namespace fleetsync::tunnel {

// Says what becomes of forwards, a line for each change.
class Log : public Observer {
 public:
  // `log` outlives it. `on_first_round_over` is called after its line; may be empty.
  Log(spdlog::logger& log, const ForwardOptions& options, size_t hosts,
      std::function<void()> on_first_round_over = {});

  void OnForwarding(const inventory::Host& host) override;
  void OnFailed(const inventory::Host& host, const ssh::Failure& failure) override;
  void OnReachedHere(int error) override;
  void OnFirstRoundOver(size_t forwarding) override;

 private:
  spdlog::logger& log_;
  const uint16_t host_port_;
  const std::string to_;  // "127.0.0.1:7312"
  const size_t hosts_;
  const std::function<void()> on_first_round_over_;
};

}  // namespace fleetsync::tunnel
