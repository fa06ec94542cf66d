#include "controller/plan/apply_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "controller/plan/apply_result.h"
#include "tests/controller/plan/fake_host.h"

namespace fleetsync::plan {
namespace {

using Outcome = ApplyResult::Outcome;
using Undo = ApplyResult::Undo;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The script runs under real shells: dash, and busybox with its own tools.
class ApplyScript : public testing::TestWithParam<Shell> {
 protected:
  FakeHost host{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Shells, ApplyScript, testing::Values(Shell::kDash, Shell::kBusybox),
                         [](const auto& shell) {
                           return shell.param == Shell::kDash ? "Dash" : "Busybox";
                         });

PutFile& FileOf(HostPlan& plan) { return std::get<PutFile>(plan.changes[0].change); }
SetService& ServiceOf(HostPlan& plan) { return std::get<SetService>(plan.changes[1].change); }

TEST_P(ApplyScript, PutsTheFileInPlaceRestartsVerifiesAndLeavesNothing) {
  const Ran ran = host.Apply(host.PlanFor("server new\n"));
  EXPECT_EQ(ran.output,
            "@fleetsync stage lock\n@fleetsync stage recover\n@fleetsync stage check\n"
            "@fleetsync stage backup\n@fleetsync stage stage\n@fleetsync stage validate\n"
            "@fleetsync stage swap\n@fleetsync stage service\n@fleetsync stage verify\n"
            "@fleetsync stage commit\n@fleetsync done run1\n");
  EXPECT_EQ(ran.errors, "");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(host.Config(), "server new\n");
  EXPECT_EQ(host.Loaded(), "server new\n");
  EXPECT_EQ(host.Starts(), 1);
  EXPECT_EQ(host.Leftovers(), "");
}

TEST_P(ApplyScript, KeepsABackupThatARollbackCanStartFrom) {
  host.Apply(host.PlanFor("server new\n"));
  EXPECT_EQ(host.Read("state/backup/run1/1.before"), "server old\n");
  EXPECT_EQ(host.Read("state/backup/run1/manifest"), "1 file " + host.ConfigPath() + "\n");
  struct stat status {};
  ASSERT_EQ(stat(host.Path("state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_P(ApplyScript, KeepsTheNewestBackupsOnly) {
  for (int i = 10; i < 16; ++i) {
    ApplyOptions options = host.Options();
    options.run_id = "run" + std::to_string(i);
    options.keep_backups = 3;
    host.Run(ToApplyScript(host.PlanFor("server " + std::to_string(i) + "\n"), options));
  }
  EXPECT_THAT(host.Files("state/backup"), ElementsAre("run13", "run14", "run15"));
}

TEST_P(ApplyScript, GivesTheFileTheModeOfThePlan) {
  host.Apply(host.PlanFor("server new\n"));
  struct stat status {};
  ASSERT_EQ(stat(host.ConfigPath().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST_P(ApplyScript, CarriesAnyBytes) {
  std::string all = "FLEETSYNC_END\n'\"$(touch x)`id`\\n\\ %s %%\n\t \n";
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& text :
       {all, std::string(), std::string("no line break"), std::string("\n\n"),
        std::string("FLEETSYNC_END\nFLEETSYNC_END_\n"), std::string("\xc3\xa4\n"),
        std::string(200'000, 'x') + "\n"}) {
    const Ran ran = host.Apply(host.PlanFor(text));
    EXPECT_EQ(ParseApplyResult(ran.output).outcome, Outcome::kDone) << ran.output << ran.errors;
    EXPECT_EQ(host.Config(), text);
  }
}

TEST_P(ApplyScript, NothingInAPlanIsExecuted) {
  const std::string canary = host.Path("canary");
  const std::string hostile = "it's $(touch " + canary + ") `touch " + canary + "` \"; touch " +
                              canary + "; #\n'\nFLEETSYNC_END\ntouch " + canary + "\n";
  HostPlan plan = host.PlanFor(hostile);
  std::filesystem::create_directory(host.Path("etc/a b"));
  FileOf(plan).path = host.Path("etc/a b/it's $(touch canary);\"`touch canary`.conf");
  FileOf(plan).before.reset();
  ServiceOf(plan).service = "$(touch " + canary + ")'";
  const Ran ran = host.Apply(plan);
  EXPECT_EQ(ParseApplyResult(ran.output).outcome, Outcome::kDone) << ran.output << ran.errors;
  EXPECT_EQ(host.Read("etc/a b/it's $(touch canary);\"`touch canary`.conf"), hostile);
  EXPECT_FALSE(host.Exists("canary"));
  EXPECT_FALSE(std::filesystem::exists("canary"));
}

TEST_P(ApplyScript, AScriptThatIsCutOffDoesNothing) {
  const std::string script = ToApplyScript(host.PlanFor("server new\n"), host.Options());
  for (size_t length = 0; length < script.size() - std::string("main </dev/null\n").size();
       length += 101)
    host.Run(script.substr(0, length));
  EXPECT_FALSE(host.Exists("state"));
  EXPECT_EQ(host.Config(), "server old\n");
}

TEST_P(ApplyScript, AFileThatHasChangedSinceTheProbeIsLeftAlone) {
  const HostPlan plan = host.PlanFor("server new\n");
  host.Write("etc/chrony/chrony.conf", "server somebody\n");
  const ApplyResult result = ParseApplyResult(host.Apply(plan).output);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.stage, "check");
  EXPECT_EQ(result.why, host.ConfigPath() + " has changed since it was read");
  EXPECT_EQ(result.undo, Undo::kNotNeeded);
  EXPECT_EQ(host.Config(), "server somebody\n");
  EXPECT_EQ(host.Starts(), 0);
}

TEST_P(ApplyScript, AFileThatHasAppearedOrGoneSinceTheProbeIsLeftAlone) {
  HostPlan plan = host.PlanFor("server new\n");
  FileOf(plan).before.reset();
  EXPECT_EQ(ParseApplyResult(host.Apply(plan).output).stage, "check");
  EXPECT_EQ(host.Config(), "server old\n");
  plan = host.PlanFor("server new\n");
  std::filesystem::remove(host.ConfigPath());
  EXPECT_EQ(ParseApplyResult(host.Apply(plan).output).why,
            host.ConfigPath() + " has gone since it was read");
  EXPECT_EQ(host.Config(), "(absent)");
}

TEST_P(ApplyScript, AFileThatDoesNotArriveWholeIsNotPutInPlace) {
  std::string script = ToApplyScript(host.PlanFor("server new\n"), host.Options());
  const size_t content = script.find("'server new\n'");
  ASSERT_NE(content, std::string::npos);
  script.erase(content + 8, 1);
  const ApplyResult result = ParseApplyResult(host.Run(std::move(script)).output);
  EXPECT_EQ(result.stage, "stage");
  EXPECT_THAT(result.why, testing::EndsWith(".chrony.conf.fleetsync-new did not arrive whole"));
  EXPECT_EQ(result.undo, Undo::kDone);
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Leftovers(), "");
}

TEST_P(ApplyScript, AFileThatChronydRefusesIsNotPutInPlace) {
  const ApplyResult result =
      ParseApplyResult(host.Apply(host.PlanFor("server new\nrefuse me\n")).output);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.stage, "validate");
  EXPECT_EQ(result.why, "chronyd refuses the file: Invalid directive at line 2 in file " +
                            host.Path("etc/chrony/.chrony.conf.fleetsync-new"));
  EXPECT_EQ(result.undo, Undo::kDone);
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Starts(), 0);
  EXPECT_EQ(host.Leftovers(), "");
}

TEST_P(ApplyScript, ADaemonThatDoesNotStartRunsAgainWithItsOldFile) {
  const ApplyResult result = ParseApplyResult(host.Apply(host.PlanFor("server poison\n")).output);
  EXPECT_EQ(result.stage, "service");
  EXPECT_EQ(result.why, "chrony does not start: Job for chrony.service failed.");
  EXPECT_EQ(result.undo, Undo::kDone);
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Loaded(), "server old\n");
  EXPECT_EQ(host.Leftovers(), "");
  EXPECT_THAT(host.Files("state/backup"), IsEmpty());
}

TEST_P(ApplyScript, ADaemonThatDoesNotAnswerRunsAgainWithItsOldFile) {
  host.patience_s = 3;  // whoever is not mute answers at once
  const ApplyResult result = ParseApplyResult(host.Apply(host.PlanFor("server mute\n")).output);
  EXPECT_EQ(result.stage, "verify");
  EXPECT_EQ(result.why, "chrony has been started and does not answer");
  EXPECT_EQ(result.undo, Undo::kDone);
  EXPECT_EQ(host.Loaded(), "server old\n");
}

TEST_P(ApplyScript, AServiceThatDidNotRunIsStoppedAgainAndDisabled) {
  std::filesystem::remove(host.Path("loaded"));
  std::filesystem::remove(host.Path("enabled"));
  HostPlan plan = host.PlanFor("server poison\n");
  ServiceOf(plan).run = SetService::Run::kStarted;
  ServiceOf(plan).was_running = false;
  ServiceOf(plan).boot = SetService::Boot::kEnabled;
  EXPECT_EQ(ParseApplyResult(host.Apply(plan).output).undo, Undo::kDone);
  EXPECT_EQ(host.Loaded(), "(absent)");
  EXPECT_FALSE(host.Exists("enabled"));
}

TEST_P(ApplyScript, AServiceIsStoppedAndDisabledAndNotAskedWhetherItRuns) {
  HostPlan plan = host.PlanFor("server new\n");
  ServiceOf(plan).run = SetService::Run::kStopped;
  ServiceOf(plan).boot = SetService::Boot::kDisabled;
  plan.changes.erase(plan.changes.begin());
  EXPECT_EQ(ParseApplyResult(host.Apply(plan).output).outcome, Outcome::kDone);
  EXPECT_EQ(host.Loaded(), "(absent)");
  EXPECT_FALSE(host.Exists("enabled"));
}

TEST_P(ApplyScript, AServiceThatWasStoppedRunsAgainWhenALaterChangeFails) {
  HostPlan plan = host.PlanFor("server new\n");
  ServiceOf(plan).run = SetService::Run::kStopped;
  ServiceOf(plan).boot = SetService::Boot::kDisabled;
  SetService broken = ServiceOf(plan);
  broken.service = "broken";
  broken.program = "broken";
  broken.run = SetService::Run::kStarted;
  broken.boot = SetService::Boot::kLeft;
  broken.was_running = false;
  plan.changes.push_back({broken, "breaks"});
  const ApplyResult result = ParseApplyResult(host.Apply(plan).output);
  EXPECT_EQ(result.stage, "service");
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Loaded(), "server old\n");
  EXPECT_TRUE(host.Exists("enabled"));
  EXPECT_EQ(host.Leftovers(), "");
}

TEST_P(ApplyScript, AFileIsTakenAwayAndComesBackWhenALaterChangeFails) {
  for (const bool fails : {true, false}) {
    HostPlan plan = host.PlanFor("server new\n");
    host.Write("etc/old.cron", "a job\n");
    PutFile gone{
        .path = host.Path("etc/old.cron"), .before = "a job\n", .after = {}, .check_program = {}};
    plan.changes.insert(plan.changes.begin(), {gone, "it has had its day"});
    if (fails) std::get<PutFile>(plan.changes[1].change).after = "server poison\n";
    const ApplyResult result = ParseApplyResult(host.Apply(plan).output);
    EXPECT_EQ(result.outcome, fails ? Outcome::kFailed : Outcome::kDone) << result.why;
    EXPECT_EQ(host.Read("etc/old.cron"), fails ? "a job\n" : "(absent)");
    EXPECT_EQ(host.Leftovers(), "");
  }
}

TEST_P(ApplyScript, ALinkIsTurnedAndComesBackWhenALaterChangeFails) {
  host.Write("etc/utc", "");
  host.Write("etc/berlin", "");
  std::filesystem::create_symlink("utc", host.Path("etc/localtime"));
  for (const bool fails : {true, false}) {
    HostPlan plan = host.PlanFor(fails ? "server poison\n" : "server new\n");
    plan.changes.insert(plan.changes.begin(),
                        {PutLink{host.Path("etc/localtime"), "utc", host.Path("etc/berlin")}, "x"});
    const ApplyResult result = ParseApplyResult(host.Apply(plan).output);
    EXPECT_EQ(result.outcome, fails ? Outcome::kFailed : Outcome::kDone) << result.why;
    EXPECT_EQ(std::filesystem::read_symlink(host.Path("etc/localtime")),
              fails ? "utc" : host.Path("etc/berlin"));
    EXPECT_EQ(host.Leftovers(), "");
  }
}

// A change of the packet filter stands until it is confirmed, or is taken back.
HostPlan PlanWithFirewall(const FakeHost& host) {
  HostPlan plan = host.PlanFor("server new\n");
  const std::string closed = host.Path("closed"), open = host.Path("open");
  plan.changes.insert(plan.changes.begin() + 1,
                      {SetFirewall{.kind = "nftables",
                                   .opened = {"198.18.0.0/16"},
                                   .closed = {},
                                   .commands = {"mv " + closed + " " + open},
                                   .undo = {"mv " + open + " " + closed}},
                       "x"});
  return plan;
}

TEST_P(ApplyScript, AChangeOfTheFirewallStandsOnceItIsConfirmed) {
  host.Write("closed", "");
  const ApplyResult result = ParseApplyResult(host.Apply(PlanWithFirewall(host)).output);
  EXPECT_EQ(result.outcome, Outcome::kDone) << result.why;
  EXPECT_TRUE(result.provisional);
  EXPECT_TRUE(host.Exists("state/journal")) << "it can still be undone";
  const ApplyResult confirmed =
      ParseApplyResult(host.Run(ConfirmCommand(host.Options()) + "\n").output);
  EXPECT_EQ(confirmed.outcome, Outcome::kDone) << confirmed.why;
  EXPECT_FALSE(confirmed.provisional);
  EXPECT_TRUE(host.Exists("open"));
  EXPECT_EQ(host.Config(), "server new\n");
  EXPECT_EQ(host.Loaded(), "server new\n");
  EXPECT_EQ(host.Leftovers(), "");
}

TEST_P(ApplyScript, AChangeOfTheFirewallThatNobodyConfirmsIsTakenBack) {
  host.Write("closed", "");
  ApplyOptions options = host.Options();
  options.confirm_s = 1;
  ASSERT_TRUE(ParseApplyResult(host.Run(ToApplyScript(PlanWithFirewall(host), options)).output)
                  .provisional);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (host.Exists("state/journal") && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(host.Exists("closed"));
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Loaded(), "server old\n");
  const ApplyResult late = ParseApplyResult(host.Run(ConfirmCommand(options) + "\n").output);
  EXPECT_NE(late.outcome, Outcome::kDone);
  EXPECT_EQ(host.Config(), "server old\n");
}

TEST_P(ApplyScript, ALinkToWhatIsNotThereIsRefused) {
  HostPlan plan = host.PlanFor("server new\n");
  plan.changes.insert(plan.changes.begin(),
                      {PutLink{host.Path("etc/localtime"), "", "/nosuch/zone"}, "x"});
  const ApplyResult result = ParseApplyResult(host.Apply(plan).output);
  EXPECT_EQ(result.stage, "check");
  EXPECT_EQ(result.why, "there is no /nosuch/zone on this host");
}

TEST_P(ApplyScript, TheClockIsSetWhileTheDaemonIsDown) {
  HostPlan plan = host.PlanFor("server new\n");
  host.MakeProgram("timeout", "#!/bin/sh\nshift\nexec \"$@\"\n");
  host.MakeProgram("set-clock",
                   "#!/bin/sh\n[ -e \"$SHIM_ROOT/loaded\" ] && exit 1\n"
                   "echo \"$@\" >\"$SHIM_ROOT/asked\"\n");
  plan.changes.insert(plan.changes.begin() + 1,
                      {SetClock{.program = host.Path("programs/set-clock"),
                                .service = ServiceOf(plan).service,
                                .process = ServiceOf(plan).program,
                                .servers = {"ntp1", "it's"}},
                       "far off"});
  const Ran ran = host.Apply(plan);
  const ApplyResult result = ParseApplyResult(ran.output);
  EXPECT_EQ(result.outcome, Outcome::kDone) << ran.output << ran.errors;
  EXPECT_EQ(host.Read("asked"), "-q server ntp1 iburst server it's iburst\n");
  EXPECT_THAT(result.notes, ElementsAre("the clock was set before the daemon was started"));
  EXPECT_EQ(host.Loaded(), "server new\n");
}

TEST_P(ApplyScript, AServiceCanBeEnabledAloneWithoutARestart) {
  std::filesystem::remove(host.Path("enabled"));
  HostPlan plan = host.PlanFor("server new\n");
  ServiceOf(plan).run = SetService::Run::kLeft;
  ServiceOf(plan).boot = SetService::Boot::kEnabled;
  plan.changes.erase(plan.changes.begin());
  EXPECT_EQ(ParseApplyResult(host.Apply(plan).output).outcome, Outcome::kDone);
  EXPECT_TRUE(host.Exists("enabled"));
  EXPECT_EQ(host.Starts(), 0);
}

TEST_P(ApplyScript, AFileThatWasNotThereGoesAgainWhenTheDaemonDoesNotStart) {
  std::filesystem::remove(host.ConfigPath());
  EXPECT_EQ(ParseApplyResult(host.Apply(host.PlanFor("server poison\n")).output).undo,
            Undo::kFailed);  // the daemon does not start without a file either
  EXPECT_EQ(host.Config(), "(absent)");
  EXPECT_EQ(host.Leftovers(), "");
  host.Apply(host.PlanFor("server new\n"));
  EXPECT_EQ(host.Config(), "server new\n");
  EXPECT_EQ(host.Read("state/backup/run1/manifest"), "1 absent " + host.ConfigPath() + "\n");
}

TEST_P(ApplyScript, ALinkStaysALinkAndItsFileIsReplaced) {
  std::filesystem::create_directory(host.Path("real"));
  std::filesystem::rename(host.ConfigPath(), host.Path("real/there.conf"));
  std::filesystem::create_symlink("../../real/there.conf", host.ConfigPath());
  EXPECT_EQ(ParseApplyResult(host.Apply(host.PlanFor("server new\n")).output).outcome,
            Outcome::kDone);
  EXPECT_TRUE(std::filesystem::is_symlink(host.ConfigPath()));
  EXPECT_EQ(host.Read("real/there.conf"), "server new\n");
  EXPECT_THAT(host.Files("real"), ElementsAre("there.conf"));
}

TEST_P(ApplyScript, TwoPushesAtOnceAreOneAndARefusal) {
  std::filesystem::create_directory(host.Path("state"));
  host.Write("state/lock", "");
  const int lock = ::open(host.Path("state/lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  // Where there is no flock(1), a link that names a living process.
  std::filesystem::create_symlink(std::to_string(getpid()), host.Path("state/lock.pid"));
  const ApplyResult result = ParseApplyResult(host.Apply(host.PlanFor("server new\n")).output);
  EXPECT_EQ(result.stage, "lock");
  EXPECT_THAT(result.why, testing::StartsWith("another push is at work on this host"));
  EXPECT_EQ(result.undo, Undo::kNotNeeded);
  EXPECT_EQ(host.Config(), "server old\n");
  close(lock);
  std::filesystem::remove(host.Path("state/lock.pid"));
  EXPECT_EQ(ParseApplyResult(host.Apply(host.PlanFor("server new\n")).output).outcome,
            Outcome::kDone);
}

TEST_P(ApplyScript, TheLockOfAProcessThatHasGoneIsNoLock) {
  std::filesystem::create_directory(host.Path("state"));
  std::filesystem::create_symlink("999999999", host.Path("state/lock.pid"));
  EXPECT_EQ(ParseApplyResult(host.Apply(host.PlanFor("server new\n")).output).outcome,
            Outcome::kDone);
}

TEST_P(ApplyScript, AnEmptyPlanEndsWhatWasBrokenOffAndNothingElse) {
  const HostPlan plan = host.PlanFor("server new\n");
  int at = 0;
  while (host.Config() == "server old\n" && at < 100)
    host.Apply(plan, {.kind = Fault::Kind::kKill, .after = true, .at = ++at});
  EXPECT_TRUE(HasOpenJournal(host.Run(JournalQuestion(host.Path("state"))).output));
  const ApplyResult result =
      ParseApplyResult(host.Apply({.host = "web07", .changes = {}, .notes = {}}).output);
  EXPECT_EQ(result.outcome, Outcome::kDone);
  EXPECT_EQ(result.recovered, "run1");
  EXPECT_EQ(host.Config(), "server old\n");
  EXPECT_EQ(host.Leftovers(), "");
  EXPECT_FALSE(HasOpenJournal(host.Run(JournalQuestion(host.Path("state"))).output));
}

TEST(JournalQuestion, IsNotAnsweredByWhatAHostsFilesHold) {
  EXPECT_TRUE(HasOpenJournal("Welcome!\nfleetsync-journal open\n\nfleetsync-probe 1 begin\n"));
  EXPECT_FALSE(HasOpenJournal("\nfleetsync-probe 1 begin\nfleetsync-journal open\n"));
  EXPECT_FALSE(HasOpenJournal(""));
}

}  // namespace
}  // namespace fleetsync::plan
