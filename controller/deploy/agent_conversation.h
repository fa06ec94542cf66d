#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "controller/deploy/agent_binary.h"
#include "controller/deploy/host_state.h"
#include "controller/deploy/install_plan.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::deploy {

// What became of one host.
struct Outcome {
  enum class Kind : uint8_t {
    kFailed,
    kUnchanged,
    kNoAgent,  // nothing to upgrade
    kWouldChange,
    kInstalled,
    kUpdated,
    kRemoved
  };
  Kind kind = Kind::kFailed;
  std::vector<std::string>
      changes;  // "binary", "config", "identity", "retired chrony", "started", …
  std::vector<std::string> warnings;  // printable
  std::string failure;                // printable, one line; empty unless kFailed
  // A failed installation was undone: the host is as it was before. False when it failed before
  // anything had been changed, and when undoing failed too, which `failure` then says.
  bool restored = false;
};
std::string_view ToString(Outcome::Kind kind);  // "failed", "unchanged", …

// What install.sh printed: what it did, in its order. `success` is what it is when all went well.
Outcome ParseOutcome(std::string_view output, Outcome::Kind success);

// Reads what is on a host and, where something is to be done, does it: one command when nothing is,
// two otherwise. Tells nothing before it is done.
class AgentConversation : public ssh::Conversation {
 public:
  // What to do there: a script and what it reads after it. No script: nothing is to be done, and
  // the outcome stands as it is set.
  struct Work {
    std::string script;
    Secret secrets = {};  // what it reads first
    std::shared_ptr<const std::string> input = nullptr;
    Outcome outcome = {};
  };
  // Called once, when the host's state is known. An error is the host's failure.
  using Decide = std::function<StatusOr<Work>(const HostState&)>;

  // `deadline`: of the reading; the work has kWorkDeadline at least, since it carries a program.
  AgentConversation(Decide decide, Duration deadline)
      : decide_(std::move(decide)), deadline_(deadline) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const Outcome& outcome() const { return outcome_; }
  // Null when it could not be read; without the content of the host's files.
  const HostState* state() const { return state_.get(); }

  static constexpr Duration kWorkDeadline = std::chrono::minutes(10);

 private:
  Next Fail(std::string text);
  Next AfterReading(const ssh::Exit& exit);

  Decide decide_;
  Duration deadline_;
  bool working_ = false;
  Outcome::Kind success_ = Outcome::Kind::kFailed;
  std::string output_, errors_;
  std::unique_ptr<HostState> state_;
  Outcome outcome_;
};

// What `install` and `upgrade` decide on each host. One for all hosts, which must outlive their
// conversations; used by one thread.
class Installer {
 public:
  struct Options {
    bool check = false;  // nothing is changed, what would change is told
    // Where agents have what they prove their names with; null: they report without TLS.
    const IdentitySource* identities = nullptr;
    SystemTime now = {};
  };
  Installer(AgentBinary binary, const Options& options)
      : binary_(std::move(binary)), options_(options) {}

  // `wish`: what the agent of this host is to be, or why it cannot be.
  StatusOr<AgentConversation::Work> Decide(const HostState& state, const std::string& host,
                                           const StatusOr<AgentWish>& wish);
  // The program and what starts it alone, where there is an agent.
  StatusOr<AgentConversation::Work> DecideUpgrade(const HostState& state);

 private:
  StatusOr<AgentConversation::Work> WorkFor(const InstallPlan& plan, const HostState& state,
                                            const AgentWish& wish, const std::string& host);

  AgentBinary binary_;
  Options options_;
  std::shared_ptr<const std::string> uncompressed_;  // once a host without gzip was met
};

// What `remove` decides.
StatusOr<AgentConversation::Work> DecideRemove(const HostState& state, bool purge, bool check);

}  // namespace fleetsync::deploy
