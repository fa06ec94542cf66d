#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/policy/time_policy.h"
#include "controller/render/render.h"

namespace fleetsync::plan {

// A file's whole text, put in place of what was probed.
struct PutFile {
  std::string path;
  std::optional<std::string> before;  // nothing: the file is not there
  std::string after;
  unsigned mode = 0644;  // kept when the file is there
  std::string owner = "root", group = "root";
  render::Checker checker = render::Checker::kNone;
  std::string check_program;  // the daemon's binary, for the checker
};

// How to ask a daemon whether it works.
enum class Inquiry : uint8_t { kNone, kChronyc, kNtpq };

struct SetService {
  enum class Run : uint8_t { kLeft, kStarted, kRestarted };

  std::string service;
  std::string program;  // name of the daemon's processes: "chronyd"
  facts::Init init = facts::Init::kUnknown;
  Run run = Run::kLeft;
  bool enable = false;       // at boot, because it is not
  bool was_running = false;  // where the host goes back to when the change fails
  Inquiry inquiry = Inquiry::kNone;
};

using Change = std::variant<PutFile, SetService>;

// The order of a transaction; within a phase the order of the vector.
enum class Phase : uint8_t { kFiles, kService };

struct PlannedChange {
  Phase phase;
  Change change;
  std::string because;  // "the policy differs in 3 lines", "chrony does not run"
};

// What has to happen on one host, in this order.
struct HostPlan {
  std::string host;
  facts::Daemon daemon = facts::Daemon::kChrony;
  std::vector<PlannedChange> changes;
  std::vector<std::string> notes;  // what the daemon cannot do of the policy
  bool empty() const { return changes.empty(); }
};

// Policy − facts. Pure. FailedPrecondition when this host cannot be brought to the policy (no
// daemon, a rival that runs, not root), InvalidArgument when the policy cannot be written for its
// daemon; both say what to do and leave the host's name to the caller.
StatusOr<HostPlan> Diff(const policy::TimePolicy& desired, const facts::Facts& actual);

// "chrony.conf, restart chrony"; with `done`: "chrony.conf, restarted chrony".
enum class Tense : uint8_t { kPlanned, kDone };
std::string Summary(const HostPlan& plan, Tense tense);

// What `push --check --diff` prints for a host: each change with its reason and, for files, the
// unified diff. Ends with a line break; empty for an empty plan.
std::string ToText(const HostPlan& plan);

}  // namespace fleetsync::plan
