#pragma once

#include <string>
#include <vector>

#include "controller/facts/facts.h"
#include "controller/plan/apply_script.h"
#include "controller/plan/plan.h"

namespace fleetsync::plan {

enum class Shell { kDash, kBusybox };

// What goes wrong while a script runs: at the `at`th program that it calls (0: nothing does).
struct Fault {
  enum class Kind {
    kNone,
    kKill,         // the shell and what it runs, at once
    kHangUp,       // SIGHUP to the shell
    kFail,         // the program fails as on a full disk
    kCloseOutput,  // nobody reads the script's output any more
  } kind = Kind::kNone;
  bool after = false;  // once that program has done its work, not before
  int at = 0;
  bool ignore_pipe = false;  // the script inherits SIGPIPE ignored
};

struct Ran {
  std::string output, errors;
  bool killed = false;
  int code = 0;
  int calls = 0;  // programs called
};

// A temporary folder that an apply script takes for a host: it runs under a real shell with real
// tools, but the init system, chronyd and chronyc are scripts that keep their state in files. The
// "daemon" has loaded what its file held when it was last started.
class FakeHost {
 public:
  explicit FakeHost(Shell shell);
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  // `chrony.conf` replaced by `after` and chrony restarted, as the folder is now.
  HostPlan PlanFor(const std::string& after) const;
  Ran Run(std::string script, const Fault& fault = {});
  Ran Apply(const HostPlan& plan, const Fault& fault = {});

  std::string Path(const std::string& name) const { return root_ + "/" + name; }
  std::string ConfigPath() const { return Path("etc/chrony/chrony.conf"); }
  std::string Read(const std::string& name) const;  // "(absent)" when there is none
  void Write(const std::string& name, const std::string& text) const;
  void MakeProgram(const std::string& name, const std::string& script) const;
  bool Exists(const std::string& name) const;
  std::string Config() const { return Read("etc/chrony/chrony.conf"); }
  std::string Loaded() const { return Read("loaded"); }  // "(absent)": it does not run
  int Starts() const;
  std::vector<std::string> Files(const std::string& folder) const;  // names, sorted
  // What a transaction must not leave: journal, staged files.
  std::string Leftovers() const;
  std::string Trace() const { return Read("shim/trace"); }
  ApplyOptions Options() const;

  int patience_s = 20;  // of what is not to fail, on a machine that is busy

 private:
  void InstallPrograms(Shell shell) const;

  std::string root_, shell_;
};

}  // namespace fleetsync::plan
