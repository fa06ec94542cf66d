#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/server/access_list.h"
#include "agent/server/local_fallback.h"
#include "agent/server/responder.h"
#include "agent/server/snapshot_vars.h"
#include "tests/sim/clock.h"

namespace fleetsync::sim {

struct SiteConfig {
  std::vector<OscillatorConfig> relays{};  // each relay names all the others and the upstream
  std::optional<uint8_t> local_stratum{};
  double way = 0.5e-3;  // between any two, seconds
  uint64_t seed = 1;
};

// Several relays and a true upstream, which can be cut off: engines that measure, real responders
// that serve what they believe, as `fleetsync relay run` does. Relay N is 10.0.0.N+1. Answers come
// at once: what a way takes is added to the clocks' readings.
class Site {
 public:
  explicit Site(const SiteConfig& config);

  void RunFor(double seconds);
  void CutUpstream() { upstream_answers_ = false; }
  void RestoreUpstream() { upstream_answers_ = true; }

  // The time that a relay serves, less the truth; seconds.
  double ServedError(size_t relay) const;
  // What it says the error may be, seconds.
  double Claim(size_t relay) const;
  uint8_t Stratum(size_t relay) const { return relays_[relay]->vars.stratum; }
  // The largest difference between any two relays' times.
  double Disagreement() const;

 private:
  struct Relay {
    Relay(const SiteConfig& config, size_t index, const server::AccessList& access);

    HostClock clock;
    ntp::Engine engine;
    server::Responder responder;
    server::LocalFallback fallback;
    server::SnapshotVars believed;
    server::ServerVars vars;
  };

  void Perform(Relay& relay, const ntp::Actions& actions);
  void Ask(Relay& relay, const ntp::Send& send);
  std::optional<std::vector<std::byte>> AnswerOf(const ntp::Address& to, const ntp::Send& send);
  void Publish(Relay& relay);
  static ntp::Address AddressOf(size_t index);

  double way_;
  double now_ = 0;
  bool upstream_answers_ = true;
  server::AccessList access_;
  std::vector<std::unique_ptr<Relay>> relays_;
};

}  // namespace fleetsync::sim
