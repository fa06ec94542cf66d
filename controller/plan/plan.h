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

// A file's whole text, put in place of what was probed; or the file taken away.
struct PutFile {
  std::string path;
  std::optional<std::string> before;  // nothing: the file is not there; of secret ones, empty
  std::optional<std::string> after;   // nothing: it goes
  unsigned mode = 0644;               // kept when the file is there
  std::string owner = "root", group = "root";
  render::Checker checker = render::Checker::kNone;
  std::string check_program;       // the daemon's binary, for the checker
  bool secret = false;             // what is in it is shown nowhere
  std::string before_sha256 = {};  // of a file whose content was not read
};

// A symbolic link, put in place of the link or file that was probed.
struct PutLink {
  std::string path;
  std::string before;  // where it pointed; empty: it was no link
  std::string after;
};

// How to ask a daemon whether it works.
enum class Inquiry : uint8_t { kNone, kChronyc, kNtpq, kNtpctl, kTimesyncd, kAgent };

struct SetService {
  enum class Run : uint8_t { kLeft, kStarted, kRestarted, kStopped };
  enum class Boot : uint8_t { kLeft, kEnabled, kDisabled };

  std::string service;
  std::string program;  // name of the daemon's processes: "chronyd"
  facts::Init init = facts::Init::kUnknown;
  Run run = Run::kLeft;
  Boot boot = Boot::kLeft;
  bool was_running = false;  // where the host goes back to when the change fails
  Inquiry inquiry = Inquiry::kNone;
  // What a (re)start is waited for beside the daemon's answers.
  enum class Await : uint8_t {
    kNothing,
    kServing,       // others take their time from it: until it gives some
    kSynchronised,  // until it has selected a source
  } await = Await::kNothing;
};

// The clock set once from the servers, by the daemon's own one-shot mode, before it starts.
struct SetClock {
  facts::Daemon daemon = facts::Daemon::kChrony;
  std::string program;           // the daemon's binary
  std::string service, process;  // stopped for it; the name of its processes
  std::vector<std::string> servers;
};

// Rules of a packet filter, live: shell lines with every word quoted.
struct SetFirewall {
  std::string kind;                         // nftables, iptables, ufw, firewalld
  std::vector<std::string> opened, closed;  // networks
  std::vector<std::string> commands, undo;
};

// A package and what it needs, by the host's package manager. A transaction of its own: what it
// brings along is known only afterwards.
struct InstallPackage {
  std::string manager;  // apt, dnf, yum, zypper, apk, pacman
  std::string package;
  bool away = false;  // instead: taken away again, with what it brought to /etc
};

using Change = std::variant<PutFile, PutLink, SetFirewall, SetService, SetClock, InstallPackage>;

struct PlannedChange {
  Change change;
  std::string because;  // "the policy differs in 3 lines", "chrony does not run"
};

// What has to happen on one host, in this order.
struct HostPlan {
  std::string host;
  facts::Daemon daemon = facts::Daemon::kChrony;
  std::vector<PlannedChange> changes = {};
  std::vector<std::string> notes = {};         // what the daemon cannot do of the policy
  std::vector<std::string> edited_files = {};  // by hand since the last push; to be left alone
  bool empty() const { return changes.empty(); }
};

// What this run may do beyond the policy.
struct DiffOptions {
  bool overwrite_edits = false;     // --overwrite-drift
  bool await_synchronised = false;  // a client is waited for until it has selected a source
  // The host's clock as seen from here, when it was looked at: positive when the host is behind.
  std::optional<Duration> clock_offset = {};
};

// Policy − facts. Pure. FailedPrecondition when this host cannot be brought to the policy (no
// daemon, a rival that runs, not root), InvalidArgument when the policy cannot be written for its
// daemon; both say what to do and leave the host's name to the caller.
StatusOr<HostPlan> Diff(const policy::TimePolicy& desired, const facts::Facts& actual,
                        const DiffOptions& options = {});

// "chrony.conf, restart chrony"; with `done`: "chrony.conf, restarted chrony".
enum class Tense : uint8_t { kPlanned, kDone };
std::string Summary(const HostPlan& plan, Tense tense);

// What `push --check --diff` prints for a host: each change with its reason and, for files, the
// unified diff. Ends with a line break; empty for an empty plan.
std::string ToText(const HostPlan& plan);

}  // namespace fleetsync::plan
