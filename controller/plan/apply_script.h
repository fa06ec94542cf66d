#pragma once

#include <string>

#include "controller/plan/plan.h"

namespace fleetsync::plan {

struct ApplyOptions {
  std::string run_id;                               // letters, digits and "-": names the backup
  std::string state_folder = "/var/lib/fleetsync";  // on the host, root's alone
  int keep_backups = 10;
  int patience_s = 15;  // how long a daemon may take to stop, and to answer once it is started
  int serving_patience_s = 60;  // how long a relay may take until it gives time
  int confirm_s = 60;  // how long a change to the packet filter stands without being confirmed
};

// The plan as one POSIX sh script for `sh -s` on standard input, to be run as root: one transaction
// under a lock, with a journal from which the host itself, or the next script, goes back. Nothing
// runs before the last line has arrived. An empty plan only ends a transaction that was broken off.
std::string ToApplyScript(const HostPlan& plan, const ApplyOptions& options);

// A plan that may cut the host off: its script ends with the change in force for `confirm_s`, and
// the host goes back by itself unless ConfirmCommand is run there, over a connection made anew.
// What that prints is read by ParseApplyResult.
bool WantsConfirmation(const HostPlan& plan);
std::string ConfirmCommand(const ApplyOptions& options);

// Printed by this line, put before a probe, when a transaction was broken off on the host.
std::string JournalQuestion(const std::string& state_folder);
bool HasOpenJournal(std::string_view probe_output);

}  // namespace fleetsync::plan
