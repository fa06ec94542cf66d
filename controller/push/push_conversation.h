#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "controller/facts/probe_conversation.h"
#include "controller/plan/apply_result.h"
#include "controller/plan/apply_script.h"
#include "controller/plan/plan.h"
#include "controller/policy/time_policy.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::push {

enum class Outcome : uint8_t {
  kUnchanged,  // nothing differed: one round trip, nothing touched
  kPending,    // --check: `plan` is what would be done
  kChanged,    // `plan` is what was done
  kFailed,
  kSkipped,  // not begun
};
std::string_view ToString(Outcome outcome);  // stable words for JSON

// What became of one host. Texts are printable.
struct PushResult {
  Outcome outcome = Outcome::kSkipped;
  plan::HostPlan plan;
  std::string stage;      // where it failed: "connect", "probe", "plan", "validate", "swap", …
  std::string fault;      // the transport's word for it ("timed_out"); empty for other failures
  std::string why;        // why it failed or was skipped
  std::string next_step;  // what to do about it; may be empty
  plan::ApplyResult::Undo undo = plan::ApplyResult::Undo::kNotNeeded;
  std::vector<std::string> notes;  // what the host said beside it
  std::string recovered;           // the earlier run that was broken off there and has been undone
  bool provisional = false;        // changed, and undone again by the host unless confirmed
  int round_trips = 0;             // commands run on the host
  // Of a host that was found as it should be: see ProbeRequest::settled.
  std::string fingerprint;
};

struct PushOptions {
  bool check = false;               // stop after the plan
  bool overwrite_edits = false;     // files edited by hand since the last push, too
  bool await_synchronised = false;  // a client whose daemon starts has failed until it has a source
  plan::ApplyOptions apply;
  Duration deadline = std::chrono::seconds(60);  // of each command
};

// What is to become of one host.
struct HostTask {
  std::string host;
  // POSIX sh that runs before the probe, for what the plan needs beside the facts; may be empty.
  std::string question;
  // `settled` is the fingerprint that the host had when this very task found nothing to do there.
  facts::ProbeRequest probe = {};
  // The plan, from the output of both.
  std::function<StatusOr<plan::HostPlan>(std::string_view output, const facts::Facts& actual,
                                         const plan::DiffOptions& options)>
      plan;
};
HostTask BringTo(policy::TimePolicy policy);
// Back to before the newest run, or to how run `to` left it.
HostTask RollBack(const std::string& host, const std::string& to,
                  const plan::ApplyOptions& options);

// Brings one host to what its task says: probe, plan, and only when something differs apply. Pure.
class PushConversation : public ssh::Conversation {
 public:
  PushConversation(HostTask task, PushOptions options)
      : task_(std::move(task)), options_(std::move(options)) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const ssh::Exit& exit) override;
  void OnFailed(const ssh::Failure& failure) override;

  const PushResult& result() const { return result_; }

 private:
  enum class State : uint8_t { kProbing, kRecovering, kInstalling, kApplying, kRemoving };

  Next Probe();
  Next Apply(State state, const plan::HostPlan& plan);
  Next Run(State state, ssh::Command command);
  Next AfterProbe(Now now, const ssh::Exit& exit);
  Next AfterPlan();
  Next AfterApply(const ssh::Exit& exit);
  void ShowInstalled();
  Next Fail(std::string_view stage, std::string why, std::string next_step);
  Next AfterRemoval();
  void SetFailure(std::string_view stage, std::string why, std::string next_step);

  HostTask task_;
  PushOptions options_;
  State state_ = State::kProbing;
  std::string output_, errors_;                 // of the running command
  std::vector<plan::PlannedChange> installed_;  // by this run, in a transaction before
  PushResult result_;
};

}  // namespace fleetsync::push
