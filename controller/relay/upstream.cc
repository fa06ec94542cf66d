#include "controller/relay/upstream.h"

#include "agent/server/snapshot_vars.h"
#include "agent/server/vars_text.h"

namespace fleetsync::relay {
namespace {

class EngineUpstream : public Upstream {
 public:
  explicit EngineUpstream(const daemon::ShellConfig& config)
      : vars_(config.engine.precision), shell_(config) {}

  Status Start() override { return shell_.Start(); }
  Status Turn(MonoTime until, std::span<pollfd> extra) override {
    return shell_.Turn(until, extra);
  }
  server::ServerVars TakeVars() override { return vars_.Take(shell_.TakeSnapshot()); }
  std::string Describe() override { return server::SourceText(shell_.TakeSnapshot()); }

 private:
  server::SnapshotVars vars_;
  daemon::EngineShell shell_;
};

}  // namespace

std::unique_ptr<Upstream> MakeEngineUpstream(const daemon::ShellConfig& config) {
  return std::make_unique<EngineUpstream>(config);
}

}  // namespace fleetsync::relay
