#include "controller/relay/upstream.h"

#include <algorithm>

#include "base/text.h"

namespace fleetsync::relay {
namespace {

class EngineUpstream : public Upstream {
 public:
  explicit EngineUpstream(const daemon::ShellConfig& config)
      : precision_(config.engine.precision), shell_(config) {}

  Status Start() override { return shell_.Start(); }
  Status Turn(MonoTime until, std::span<pollfd> extra) override {
    return shell_.Turn(until, extra);
  }
  server::ServerVars TakeVars() override {
    const server::ServerVars vars = server::FromSnapshot(shell_.TakeSnapshot(), precision_, last_);
    if (vars.synchronised()) last_ = vars;
    return vars;
  }
  std::string Describe() override {
    for (const ntp::SourceSnapshot& source : shell_.TakeSnapshot().sources) {
      if (source.state == ntp::SourceState::kSelected) return Printable(source.name);
    }
    return "what the upstreams said while they answered";
  }

 private:
  int8_t precision_;
  server::ServerVars last_;
  daemon::EngineShell shell_;
};

}  // namespace

std::unique_ptr<Upstream> MakeEngineUpstream(const daemon::ShellConfig& config) {
  return std::make_unique<EngineUpstream>(config);
}

}  // namespace fleetsync::relay
