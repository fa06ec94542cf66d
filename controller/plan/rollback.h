#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/plan/plan.h"

namespace fleetsync::plan {

// What one run replaced on a host, and what is there now.
struct BackupFile {
  std::string path;
  bool is_link = false;
  facts::FileFact before, now;  // of a file
  std::string link_before, link_now;
};

struct BackupService {
  std::string service, program;
  facts::Init init = facts::Init::kUnknown;
  bool was_running = false;
  SetService::Boot boot = SetService::Boot::kLeft;  // what the run did
  Inquiry inquiry = Inquiry::kNone;
};

struct BackupRun {
  std::string run;
  std::vector<BackupFile> files;
  std::vector<BackupService> services;
  std::vector<std::string> firewall;  // shell lines that take its rules back
};

struct Backups {
  std::vector<BackupRun> runs;  // to be gone back over, newest first
  bool reached = false;         // the run asked for is there
};

// POSIX sh, put before a probe: tells the runs after `to`, or with an empty `to` the newest alone.
std::string BackupsQuestion(const std::string& state_folder, const std::string& to);
std::string_view BackupsScript();

// From the output of both. DataLoss when it is cut off or no answer of ours.
StatusOr<Backups> ParseBackups(std::string_view output);

// What brings the host back to where it was before `runs`, as a change like any other: with its own
// backup, from which a further rollback comes back. FailedPrecondition: there is nothing to go
// back to, or `to` is none of the host's runs.
StatusOr<HostPlan> PlanRollback(const Backups& backups, const facts::Facts& actual,
                                const std::string& host, const std::string& to);

}  // namespace fleetsync::plan
