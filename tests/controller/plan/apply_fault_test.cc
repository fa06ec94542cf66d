#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>

#include "controller/plan/apply_result.h"
#include "controller/plan/apply_script.h"
#include "fmt/format.h"
#include "tests/controller/plan/fake_host.h"

// The apply script is broken at every program that it calls. Afterwards the host is wholly the old
// one or wholly the new one (a file, a file that goes, a link, the packet filter and the daemon),
// and the next script sets all right. At the end the matrix of faults and stages is printed: how
// many cells of each were tried.
namespace fleetsync::plan {
namespace {

constexpr const char* kOld = "server old\n";
constexpr const char* kNew = "server new\nserver newer\n";

class ApplyFault : public testing::TestWithParam<Shell> {};

INSTANTIATE_TEST_SUITE_P(Shells, ApplyFault, testing::Values(Shell::kDash, Shell::kBusybox),
                         [](const auto& shell) {
                           return shell.param == Shell::kDash ? "Dash" : "Busybox";
                         });

bool IsWhole(const std::string& text) { return text == kOld || text == kNew; }

// The packet filter is a file that has one name or the other.
enum class Firewall : uint8_t { kLeft, kOpened };

void MakeOld(FakeHost& host) {
  host.Write("closed", "");
  host.Write("etc/old.cron", "a job\n");
  std::filesystem::create_symlink("utc", host.Path("etc/localtime"));
  host.Write("etc/berlin", "");
}

// What leads from the state that is there to the new one.
HostPlan PlanFor(const FakeHost& host, Firewall firewall = Firewall::kLeft,
                 const std::string& after = kNew) {
  HostPlan plan = host.PlanFor(after);
  const std::string zone = std::filesystem::read_symlink(host.Path("etc/localtime"));
  if (host.Exists("etc/old.cron"))
    plan.changes.insert(plan.changes.begin() + 1, {PutFile{.path = host.Path("etc/old.cron"),
                                                           .before = "a job\n",
                                                           .after = {},
                                                           .check_program = {}},
                                                   "it has had its day"});
  if (zone == "utc")
    plan.changes.insert(plan.changes.begin() + 1,
                        {PutLink{host.Path("etc/localtime"), zone, host.Path("etc/berlin")}, "x"});
  const std::string closed = host.Path("closed"), open = host.Path("open");
  if (firewall == Firewall::kOpened && host.Exists("closed"))
    plan.changes.insert(plan.changes.begin() + 1,
                        {SetFirewall{.kind = "nftables",
                                     .opened = {},
                                     .closed = {},
                                     .commands = {"mv " + closed + " " + open},
                                     .undo = {"mv " + open + " " + closed}},
                         "x"});
  return plan;
}

void ExpectAllOf(const FakeHost& host, bool is_new) {
  EXPECT_EQ(host.Config(), is_new ? kNew : kOld);
  EXPECT_EQ(host.Read("etc/old.cron"), is_new ? "(absent)" : "a job\n");
  EXPECT_EQ(std::filesystem::read_symlink(host.Path("etc/localtime")),
            is_new ? host.Path("etc/berlin") : "utc");
}

void ExpectSetRightByTheNext(FakeHost& host) {
  const HostPlan plan = [&] {
    // What the probe of the next push would find once the journal has been dealt with.
    if (host.Exists("state/journal") || host.Exists("state/committed"))
      host.Apply({.host = "web07"});
    ExpectAllOf(host, host.Config() == kNew);
    return PlanFor(host);
  }();
  EXPECT_EQ(host.Loaded(), host.Config()) << "the daemon and its file differ after the recovery";
  const Ran ran = host.Apply(plan);
  EXPECT_EQ(ParseApplyResult(ran.output).outcome, ApplyResult::Outcome::kDone)
      << ran.output << ran.errors;
  ExpectAllOf(host, true);
  EXPECT_EQ(host.Loaded(), kNew);
  EXPECT_EQ(host.Leftovers(), "");
}

// How many cells were tried: by the stage that was the last to be heard of, and the fault.
class Matrix : public testing::Environment {
 public:
  static void Add(const std::string& fault, const Ran& ran) {
    std::string stage = ParseApplyResult(ran.output).stage;
    if (stage.empty()) stage = "begin";
    ++Cells()[stage][fault];
    Faults().insert(fault);
  }
  void TearDown() override {
    if (Cells().empty()) return;
    std::cout << fmt::format("{:10}", "stage");
    for (const std::string& fault : Faults())
      std::cout << fmt::format("  {:>{}}", fault, fault.size());
    int all = 0;
    for (auto& [stage, faults] : Cells()) {
      std::cout << fmt::format("\n{:10}", stage);
      for (const std::string& fault : Faults()) {
        std::cout << fmt::format("  {:>{}}", faults[fault], fault.size());
        all += faults[fault];
      }
    }
    std::cout << fmt::format("\n{} cells\n", all);
  }

 private:
  static std::map<std::string, std::map<std::string, int>>& Cells() {
    static std::map<std::string, std::map<std::string, int>> cells;
    return cells;
  }
  static std::set<std::string>& Faults() {
    static std::set<std::string> faults;
    return faults;
  }
};

const testing::Environment* const kMatrix = testing::AddGlobalTestEnvironment(new Matrix);

std::string NameOf(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::kKill:
      return "shell killed";
    case Fault::Kind::kHangUp:
      return "hung up";
    case Fault::Kind::kFail:
      return "disk full";
    case Fault::Kind::kCloseOutput:
      return "connection or controller gone";
    case Fault::Kind::kNone:
      break;
  }
  return "none";
}

// Runs `check` for a fault at call 1, 2, 3 … of `script` until it ends before the fault is met.
template <class Script, class Check>
int ForEachFault(Shell shell, Fault fault, Script script, Check check) {
  for (fault.at = 1; fault.at < 500; ++fault.at) {
    FakeHost host(shell);
    MakeOld(host);
    const Ran ran = host.Run(script(host), fault);
    if (ran.calls < fault.at) return fault.at - 1;
    Matrix::Add(NameOf(fault), ran);
    SCOPED_TRACE(testing::Message() << "at call " << fault.at << ":\n" << host.Trace());
    check(host, ran);
    if (testing::Test::HasFailure()) return fault.at;
  }
  return 500;
}

std::string Pushed(const FakeHost& host) { return ToApplyScript(PlanFor(host), host.Options()); }

// Killed before a program is called, which is after the one before it has done its work.
TEST_P(ApplyFault, KilledAtAnyStepTheHostIsOldOrNewAndTheNextPushSucceeds) {
  const int steps = ForEachFault(GetParam(), {.kind = Fault::Kind::kKill}, Pushed,
                                 [](FakeHost& host, const Ran& ran) {
                                   EXPECT_TRUE(ran.killed);
                                   EXPECT_TRUE(IsWhole(host.Config())) << host.Config();
                                   ExpectSetRightByTheNext(host);
                                 });
  EXPECT_GT(steps, 25);
}

// A hang-up or a failing program: the host itself goes back, at once.
void ExpectOldOrCommitted(FakeHost& host, const Ran& ran) {
  EXPECT_FALSE(ran.killed);
  const ApplyResult result = ParseApplyResult(ran.output);
  const bool done = result.outcome == ApplyResult::Outcome::kDone;
  ExpectAllOf(host, done);
  EXPECT_EQ(host.Loaded(), done ? kNew : kOld) << ran.output;
  EXPECT_EQ(host.Leftovers(), "") << ran.output;
}

TEST_P(ApplyFault, HungUpAtAnyStepTheHostGoesBackByItself) {
  EXPECT_GT(ForEachFault(GetParam(), {.kind = Fault::Kind::kHangUp}, Pushed, ExpectOldOrCommitted),
            25);
}

TEST_P(ApplyFault, WhereAnyProgramFailsTheHostIsOldOrNew) {
  const int steps = ForEachFault(GetParam(), {.kind = Fault::Kind::kFail}, Pushed,
                                 [](FakeHost& host, const Ran& ran) {
                                   EXPECT_FALSE(ran.killed);
                                   EXPECT_TRUE(IsWhole(host.Config())) << host.Config();
                                   ExpectSetRightByTheNext(host);
                                 });
  EXPECT_GT(steps, 25);
}

// A connection that has gone: noticed before the next step, and at the latest before the commit.
TEST_P(ApplyFault, WhenNobodyReadsAnyMoreTheHostGoesBackByItself) {
  const bool dash = GetParam() == Shell::kDash;  // SIGPIPE comes in one, an error in the other
  const int steps =
      ForEachFault(GetParam(), {.kind = Fault::Kind::kCloseOutput, .ignore_pipe = dash}, Pushed,
                   [](FakeHost& host, const Ran& ran) {
                     const bool committed = ran.output.find("stage commit") != std::string::npos;
                     ExpectAllOf(host, committed);
                     EXPECT_EQ(host.Loaded(), committed ? kNew : kOld);
                     EXPECT_EQ(host.Leftovers(), "");
                   });
  EXPECT_GT(steps, 25);
}

// What the host's own programs refuse, with every sort of change around it.
TEST_P(ApplyFault, WhatIsRefusedDoesNotStartOrDoesNotAnswerIsTakenBack) {
  struct Case {
    const char* name;
    const char* stage;
    std::string config;
    bool mute;  // chronyc says nothing
  };
  for (const Case& what : {Case{"validation fails", "validate", "refuse\n", false},
                           Case{"service fails", "service", "server poison\n", false},
                           Case{"verify fails", "verify", kNew, true}})
    for (const Firewall firewall : {Firewall::kLeft, Firewall::kOpened}) {
      SCOPED_TRACE(what.name);
      FakeHost host(GetParam());
      MakeOld(host);
      const std::string chronyc = host.Read("programs/chronyc");
      if (what.mute) host.MakeProgram("chronyc", "#!/bin/sh\nexit 1\n");
      ApplyOptions options = host.Options();
      options.patience_s = 1;
      const Ran ran = host.Run(ToApplyScript(PlanFor(host, firewall, what.config), options));
      Matrix::Add(what.name, ran);
      EXPECT_EQ(ParseApplyResult(ran.output).stage, what.stage) << ran.output;
      ExpectAllOf(host, false);
      EXPECT_TRUE(host.Exists("closed"));
      EXPECT_EQ(host.Loaded(), kOld);
      host.MakeProgram("chronyc", chronyc);
      ExpectSetRightByTheNext(host);
    }
}

// With the packet filter among the changes, and while these wait to be confirmed.
std::string PushedWithFirewall(const FakeHost& host) {
  return ToApplyScript(PlanFor(host, Firewall::kOpened), host.Options());
}

std::string Confirmed(FakeHost& host) {
  EXPECT_TRUE(ParseApplyResult(host.Run(PushedWithFirewall(host)).output).provisional);
  return ConfirmCommand(host.Options()) + "\n";
}

// Old, new, or new until the guard takes it back; the next push begins by going back there.
void ExpectOneOrTheOther(FakeHost& host, const Ran&) {
  EXPECT_TRUE(IsWhole(host.Config())) << host.Config();
  if (host.Exists("state/journal") || host.Exists("state/committed")) host.Apply({.host = "web07"});
  const bool is_new = host.Config() == kNew;
  ExpectAllOf(host, is_new);
  EXPECT_EQ(host.Exists("open"), is_new);
  EXPECT_EQ(host.Loaded(), host.Config());
  ExpectSetRightByTheNext(host);
}

TEST_P(ApplyFault, TheFirewallGoesWithTheRest) {
  EXPECT_GT(ForEachFault(GetParam(), {.kind = Fault::Kind::kKill}, PushedWithFirewall,
                         ExpectOneOrTheOther),
            25);
}

TEST_P(ApplyFault, AConfirmationThatIsBrokenOffConfirmsOrDoesNot) {
  for (const Fault::Kind kind : {Fault::Kind::kKill, Fault::Kind::kFail})
    EXPECT_GT(ForEachFault(GetParam(), {.kind = kind}, Confirmed, ExpectOneOrTheOther), 3);
}

}  // namespace
}  // namespace fleetsync::plan
