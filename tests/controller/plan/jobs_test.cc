#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/plan/plan.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::plan {
namespace {

using facts::Facts;
using inventory::TimeSettings;
using testing::ElementsAre;
using testing::HasSubstr;

// A host whose daemon is as it should be.
Facts Settled(const policy::TimePolicy& policy) {
  const Facts facts = samples::HostWith(samples::Chrony(), "");
  Facts settled = samples::HostWith(
      samples::Chrony(),
      render::RenderTimeService(policy, render::PlatformOf(facts, samples::Chrony()))->text);
  settled.cron = "cron.d";
  settled.tools.emplace_back("hwclock");
  return settled;
}

void Put(Facts& facts, const std::string& path, const std::string& content) {
  facts::FileFact& file = facts.files[path];
  file.exists = file.readable = true;
  file.content = content;
  file.mode = 0600;
}

HostPlan PlanOf(const policy::TimePolicy& policy, const Facts& facts) {
  const StatusOr<HostPlan> plan = Diff(policy, facts);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : HostPlan{};
}

const PutFile& FileIn(const HostPlan& plan, size_t at = 0) {
  return std::get<PutFile>(plan.changes.at(at).change);
}

TEST(Jobs, AJobThatSetsTheClockIsCommentedOutAndKeepsItsMode) {
  const policy::TimePolicy policy = samples::Client();
  Facts facts = Settled(policy);
  facts.time_jobs = {"/var/spool/cron/crontabs/root: * */1 * * * ntpdate relay"};
  Put(facts, "/var/spool/cron/crontabs/root", "* */1 * * * ntpdate relay\n0 1 * * * backup\n");
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(FileIn(plan).after,
            "# retired by fleetsync: * */1 * * * ntpdate relay\n0 1 * * * backup\n");
  EXPECT_EQ(FileIn(plan).mode, 0600U);
  EXPECT_EQ(plan.changes[0].because, "it sets the clock: * */1 * * * ntpdate relay");
}

TEST(Jobs, AScriptThatSetsTheClockIsItsOwnersAndNamed) {
  const policy::TimePolicy policy = samples::Client();
  Facts facts = Settled(policy);
  facts.time_jobs = {"/etc/cron.daily/clock: ntpdate relay"};
  const HostPlan plan = PlanOf(policy, facts);
  EXPECT_TRUE(plan.empty());
  EXPECT_THAT(plan.notes,
              ElementsAre("/etc/cron.daily/clock sets the clock as well; take that out by hand"));
}

TEST(Jobs, ThePolicysJobComesAndGoes) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.job = TimeSettings::Job::kRtc;
  Facts facts = Settled(policy);
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(FileIn(plan).path, "/etc/cron.d/fleetsync");
  EXPECT_THAT(*FileIn(plan).after,
              HasSubstr(" root (hwclock --systohc) 2>&1 | logger -t fleetsync\n"));
  Put(facts, "/etc/cron.d/fleetsync", *FileIn(plan).after);
  EXPECT_TRUE(PlanOf(policy, facts).empty());
  policy.settings.job = TimeSettings::Job::kNone;
  const HostPlan gone = PlanOf(policy, facts);
  EXPECT_EQ(Summary(gone, Tense::kDone), "removed fleetsync");
}

TEST(Jobs, AHostWithoutADaemonIsSetByItsJobAlone) {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kNone;
  policy.settings.job = TimeSettings::Job::kSync;
  Facts facts = Settled(policy);
  facts.tools.emplace_back("ntpdate");
  const HostPlan plan = PlanOf(policy, facts);
  EXPECT_EQ(Summary(plan, Tense::kPlanned), "fleetsync, disable and stop chrony");
  EXPECT_THAT(*FileIn(plan).after, HasSubstr("(ntpdate -b ntp1.example 10.77.0.2) 2>&1"));
}

TEST(Jobs, BusyboxHasOneCrontabForAllOfRootsJobs) {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kNone;
  policy.settings.job = TimeSettings::Job::kSync;
  Facts facts = Settled(policy);
  facts.daemons.clear();
  facts.cron = "busybox";
  facts.root_crontab = "/etc/crontabs/root";
  facts.tools = {"busybox-ntpd"};
  Put(facts, "/etc/crontabs/root", "1 1 * * * rdate -s relay\n");
  facts.time_jobs = {"/etc/crontabs/root: 1 1 * * * rdate -s relay"};
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_THAT(*FileIn(plan).after,
              testing::StartsWith("# retired by fleetsync: 1 1 * * * rdate -s relay\n"
                                  "# begin fleetsync\n"));
  EXPECT_THAT(*FileIn(plan).after, HasSubstr("; busybox ntpd -q -n -p ntp1.example -p 10.77.0.2)"));
  Put(facts, "/etc/crontabs/root", *FileIn(plan).after);
  facts.time_jobs.clear();
  EXPECT_TRUE(PlanOf(policy, facts).empty());
}

TEST(Jobs, WithoutCronDTheJobIsALineOfRootsCrontab) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.job = TimeSettings::Job::kRtc;
  Facts facts = Settled(policy);
  facts.init = facts::Init::kSysv;
  facts.cron = "crontab";
  facts.root_crontab = "/var/spool/cron/root";
  Put(facts, "/var/spool/cron/root", "0 1 * * * backup\n");
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(FileIn(plan).path, "/var/spool/cron/root");
  EXPECT_THAT(*FileIn(plan).after, testing::StartsWith("0 1 * * * backup\n# begin fleetsync\n"));
  EXPECT_THAT(*FileIn(plan).after, HasSubstr("; hwclock --systohc) 2>&1 | logger"));
}

TEST(Jobs, ASyncJobBesideADaemonIsRefused) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.job = TimeSettings::Job::kSync;
  EXPECT_THAT(Message(Diff(policy, Settled(policy)).status()),
              HasSubstr("a daemon keeps this clock already"));
}

TEST(Jobs, WithoutCronThereIsNoJob) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.job = TimeSettings::Job::kRtc;
  Facts facts = Settled(policy);
  facts.cron.clear();
  facts.init = facts::Init::kSysv;
  EXPECT_THAT(Message(Diff(policy, facts).status()), HasSubstr("there is no cron here"));
}

TEST(Jobs, WithoutCronATimerOfSystemdRunsIt) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.job = TimeSettings::Job::kRtc;
  Facts facts = Settled(policy);
  facts.cron.clear();
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 3U);
  const PutFile job = FileIn(plan, 0), timer = FileIn(plan, 1);
  EXPECT_EQ(job.path, "/etc/systemd/system/fleetsync-job.service");
  EXPECT_THAT(*job.after, HasSubstr("ExecStart=/bin/sh -c \"hwclock --systohc\"\n"));
  EXPECT_EQ(timer.path, "/etc/systemd/system/fleetsync-job.timer");
  const auto& set = std::get<SetService>(plan.changes[2].change);
  EXPECT_EQ(set.service, "fleetsync-job.timer");
  EXPECT_EQ(set.run, SetService::Run::kStarted);
  EXPECT_EQ(set.boot, SetService::Boot::kEnabled);

  Put(facts, job.path, *job.after);
  Put(facts, timer.path, *timer.after);
  facts.job_timer = true;
  EXPECT_TRUE(PlanOf(policy, facts).empty());
  policy.settings.job_every = std::chrono::hours(1);
  EXPECT_EQ(std::get<SetService>(PlanOf(policy, facts).changes.at(1).change).run,
            SetService::Run::kRestarted);

  policy.settings.job = TimeSettings::Job::kNone;
  const HostPlan gone = PlanOf(policy, facts);
  ASSERT_EQ(gone.changes.size(), 1U);
  EXPECT_EQ(std::get<SetService>(gone.changes[0].change).run, SetService::Run::kStopped);
  EXPECT_EQ(std::get<SetService>(gone.changes[0].change).boot, SetService::Boot::kDisabled);
}

}  // namespace
}  // namespace fleetsync::plan
