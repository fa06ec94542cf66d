#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>

#include "controller/plan/apply_result.h"
#include "controller/plan/apply_script.h"
#include "tests/controller/plan/fake_host.h"

// The apply script is broken at every program that it calls. Afterwards the host is wholly the old
// one or wholly the new one (a file, a file that goes, a link and the daemon), and the next script
// sets all right. Each test prints how many cells of the matrix of faults and steps it has tried.
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

void MakeOld(FakeHost& host) {
  host.Write("etc/old.cron", "a job\n");
  std::filesystem::create_symlink("utc", host.Path("etc/localtime"));
  host.Write("etc/berlin", "");
}

// What leads from the state that is there to the new one.
HostPlan PlanFor(const FakeHost& host) {
  HostPlan plan = host.PlanFor(kNew);
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

// Runs `check` for a fault at call 1, 2, 3 … until the script ends before the fault is met.
template <class Check>
int ForEachFault(Shell shell, Fault fault, Check check) {
  for (fault.at = 1; fault.at < 500; ++fault.at) {
    FakeHost host(shell);
    MakeOld(host);
    const Ran ran = host.Apply(PlanFor(host), fault);
    if (ran.calls < fault.at) {
      std::cout << "  " << fault.at - 1 << " cells, none wrong\n";
      return fault.at - 1;
    }
    SCOPED_TRACE(testing::Message() << "at call " << fault.at << ":\n" << host.Trace());
    check(host, ran);
    if (testing::Test::HasFailure()) return fault.at;
  }
  return 500;
}

// Killed before a program is called, which is after the one before it has done its work.
TEST_P(ApplyFault, KilledAtAnyStepTheHostIsOldOrNewAndTheNextPushSucceeds) {
  const int steps =
      ForEachFault(GetParam(), {.kind = Fault::Kind::kKill}, [](FakeHost& host, const Ran& ran) {
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
  EXPECT_GT(ForEachFault(GetParam(), {.kind = Fault::Kind::kHangUp}, ExpectOldOrCommitted), 25);
}

TEST_P(ApplyFault, WhereAnyProgramFailsTheHostIsOldOrNew) {
  const int steps =
      ForEachFault(GetParam(), {.kind = Fault::Kind::kFail}, [](FakeHost& host, const Ran& ran) {
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
      ForEachFault(GetParam(), {.kind = Fault::Kind::kCloseOutput, .ignore_pipe = dash},
                   [](FakeHost& host, const Ran& ran) {
                     const bool committed = ran.output.find("stage commit") != std::string::npos;
                     ExpectAllOf(host, committed);
                     EXPECT_EQ(host.Loaded(), committed ? kNew : kOld);
                     EXPECT_EQ(host.Leftovers(), "");
                   });
  EXPECT_GT(steps, 25);
}

}  // namespace
}  // namespace fleetsync::plan
