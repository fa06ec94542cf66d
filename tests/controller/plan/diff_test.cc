#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "controller/plan/plan.h"
#include "controller/render/heading.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::plan {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using facts::Facts;
using samples::HostWith;
using testing::HasSubstr;

HostPlan PlanOf(const policy::TimePolicy& policy, const Facts& facts) {
  const StatusOr<HostPlan> plan = Diff(policy, facts);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : HostPlan{};
}

std::string Refusal(const policy::TimePolicy& policy, const Facts& facts) {
  const StatusOr<HostPlan> plan = Diff(policy, facts);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kFailedPrecondition);
  return Message(plan.status());
}

// A host as it is after a push.
Facts Settled(const policy::TimePolicy& policy, const DaemonFact& daemon) {
  const Facts facts = HostWith(daemon, "");
  return HostWith(daemon,
                  render::RenderTimeService(policy, render::PlatformOf(facts, daemon))->text);
}

const PutFile& FileIn(const HostPlan& plan, size_t at = 0) {
  return std::get<PutFile>(plan.changes.at(at).change);
}
const SetService& ServiceIn(const HostPlan& plan, size_t at) {
  return std::get<SetService>(plan.changes.at(at).change);
}

TEST(Diff, AHostThatIsAsItShouldBeHasNoChange) {
  for (const DaemonFact& daemon : {samples::Chrony(), samples::Ntpsec(), samples::NtpClassic()})
    for (const policy::TimePolicy& policy : {samples::Client(), samples::Relay()})
      EXPECT_TRUE(PlanOf(policy, Settled(policy, daemon)).empty());
}

TEST(Diff, ADifferentFileIsReplacedAndTheServiceRestarted) {
  const HostPlan plan =
      PlanOf(samples::Client(), HostWith(samples::Chrony(), "pool debian.pool.ntp.org\n"));
  ASSERT_EQ(plan.changes.size(), 2U);
  EXPECT_EQ(plan.changes[0].because, "not written by fleetsync so far: 1 line removed, 12 added");
  EXPECT_EQ(FileIn(plan).path, "/etc/chrony/chrony.conf");
  EXPECT_EQ(FileIn(plan).before, "pool debian.pool.ntp.org\n");
  EXPECT_EQ(FileIn(plan).mode, 0640U);
  EXPECT_EQ(FileIn(plan).owner, "root");
  EXPECT_EQ(FileIn(plan).group, "_chrony");
  EXPECT_EQ(FileIn(plan).checker, render::Checker::kChronyd);
  EXPECT_EQ(FileIn(plan).check_program, "/usr/sbin/chronyd");
  EXPECT_EQ(plan.changes[1].because, "its file changes");
  EXPECT_EQ(ServiceIn(plan, 1).service, "chrony");
  EXPECT_EQ(ServiceIn(plan, 1).program, "chronyd");
  EXPECT_EQ(ServiceIn(plan, 1).run, SetService::Run::kRestarted);
  EXPECT_TRUE(ServiceIn(plan, 1).was_running);
  EXPECT_EQ(ServiceIn(plan, 1).boot, SetService::Boot::kLeft);
  EXPECT_EQ(ServiceIn(plan, 1).inquiry, Inquiry::kChronyc);
}

TEST(Diff, SaysWhetherTheFileWasOursOrEditedByHand) {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  std::string& content = facts.files.begin()->second.content;
  content += "server 10.0.0.66\n";
  EXPECT_EQ(PlanOf(samples::Client(), facts).changes[0].because,
            "edited by hand since the last push: 1 line removed, 0 added");
  policy::TimePolicy other = samples::Client();
  other.sources.pop_back();
  EXPECT_THAT(PlanOf(other, Settled(samples::Client(), samples::Chrony())).changes[0].because,
              HasSubstr("the policy changed: "));
}

TEST(Diff, AMissingFileIsMadeReadableForAll) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.files.clear();
  facts.daemons[0].running = false;
  const HostPlan plan = PlanOf(samples::Client(), facts);
  EXPECT_FALSE(FileIn(plan).before.has_value());
  EXPECT_EQ(FileIn(plan).mode, 0644U);
  EXPECT_EQ(FileIn(plan).owner, "root");
  EXPECT_EQ(plan.changes[0].because, "the file is not there");
}

TEST(Diff, AServiceThatDoesNotRunIsStartedAndEnabledWithoutTouchingItsFile) {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.daemons[0].running = false;
  facts.daemons[0].enabled = false;
  const HostPlan plan = PlanOf(samples::Client(), facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(ServiceIn(plan, 0).run, SetService::Run::kStarted);
  EXPECT_EQ(ServiceIn(plan, 0).boot, SetService::Boot::kEnabled);
  EXPECT_FALSE(ServiceIn(plan, 0).was_running);
  EXPECT_EQ(plan.changes[0].because, "it does not run, it does not start at boot");
}

TEST(Diff, AServiceThatRunsButNotAtBootIsEnabledAndNotRestarted) {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.daemons[0].enabled = false;
  const HostPlan plan = PlanOf(samples::Client(), facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(ServiceIn(plan, 0).run, SetService::Run::kLeft);
  EXPECT_EQ(Summary(plan, Tense::kPlanned), "enable chrony");
}

TEST(Diff, WhereNothingIsKnownOfBootNothingIsEnabled) {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.daemons[0].enabled = false;
  facts.init = facts::Init::kUnknown;
  EXPECT_TRUE(PlanOf(samples::Client(), facts).empty());
}

TEST(Diff, TheDaemonThatRunsIsTakenElseChronyBeforeNtpsecBeforeNtp) {
  Facts facts = HostWith(samples::NtpClassic(), "");
  facts.daemons.push_back(samples::Chrony());
  facts.daemons[1].running = false;
  EXPECT_EQ(PlanOf(samples::Client(), facts).daemon, Daemon::kNtpClassic);
  facts.daemons[0].running = false;
  EXPECT_EQ(PlanOf(samples::Client(), facts).daemon, Daemon::kChrony);
}

TEST(Diff, NtpMeansWhicheverNtpdIsInstalled) {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kNtp;
  EXPECT_EQ(PlanOf(policy, HostWith(samples::Ntpsec(), "")).daemon, Daemon::kNtpsec);
  EXPECT_EQ(PlanOf(policy, HostWith(samples::NtpClassic(), "")).daemon, Daemon::kNtpClassic);
}

TEST(Diff, AHostWithoutTheDaemonIsToldWhatToInstall) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.daemons.clear();
  EXPECT_EQ(Refusal(samples::Client(), facts),
            "chrony, ntpsec or ntp is not installed here (no time daemon is); set time.packages to "
            "install, or install chrony");
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kNtpsec;
  EXPECT_EQ(Refusal(policy, HostWith(samples::Chrony(), "")),
            "ntpsec is not installed here (chrony is); set time.packages to install, or install "
            "ntpsec, or change time.daemon");
}

policy::TimePolicy Installing(policy::DaemonChoice daemon) {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = daemon;
  policy.settings.packages = inventory::TimeSettings::Packages::kInstall;
  return policy;
}

TEST(Diff, TheMissingDaemonsPackageComesFirstAndAlone) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.daemons.clear();
  facts.package_manager = "dnf";
  const HostPlan plan = PlanOf(Installing(policy::DaemonChoice::kAuto), facts);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(std::get<InstallPackage>(plan.changes[0].change).manager, "dnf");
  EXPECT_EQ(Summary(plan, Tense::kPlanned), "install chrony");
}

TEST(Diff, NtpIsNtpsecWhereTheDistributionHasNothingElse) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.daemons.clear();
  facts.package_manager = "apt";
  facts.os_id = "debian";
  const auto package = [&](std::string version) {
    facts.os_version = std::move(version);
    const HostPlan plan = PlanOf(Installing(policy::DaemonChoice::kNtp), facts);
    return std::get<InstallPackage>(plan.changes.at(0).change).package;
  };
  EXPECT_EQ(package("11"), "ntp");
  EXPECT_EQ(package("12"), "ntpsec");
}

TEST(Diff, WithoutAPackageManagerNothingCanBeInstalled) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.daemons.clear();
  EXPECT_THAT(Refusal(Installing(policy::DaemonChoice::kAuto), facts),
              HasSubstr("there is no package manager that push knows"));
}

Facts WithTimesyncd(bool running) {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.daemons.emplace_back().daemon = Daemon::kTimesyncd;
  facts.daemons[1].service = "systemd-timesyncd";
  facts.daemons[1].running = running;
  facts.daemons[1].enabled = true;
  return facts;
}

TEST(Diff, ARivalIsStoppedAndDisabledAndTheChosenDaemonIsLeftAlone) {
  const HostPlan plan = PlanOf(samples::Client(), WithTimesyncd(true));
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(ServiceIn(plan, 0).run, SetService::Run::kStopped);
  EXPECT_TRUE(ServiceIn(plan, 0).was_running);
  EXPECT_EQ(Summary(plan, Tense::kDone), "disabled and stopped systemd-timesyncd");
  EXPECT_EQ(plan.changes[0].because, "chrony keeps this clock");
}

TEST(Diff, ARivalThatWouldStartAtTheNextBootIsDisabled) {
  EXPECT_EQ(Summary(PlanOf(samples::Client(), WithTimesyncd(false)), Tense::kPlanned),
            "disable systemd-timesyncd");
}

TEST(Diff, ARivalIsStoppedBeforeTheChosenDaemonStarts) {
  Facts facts = WithTimesyncd(true);
  facts.daemons[0].running = false;
  EXPECT_EQ(Summary(PlanOf(samples::Client(), facts), Tense::kPlanned),
            "disable and stop systemd-timesyncd, start chrony");
}

TEST(Diff, ARivalThatThePolicyLeavesAloneIsNamed) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.rivals = inventory::TimeSettings::Rivals::kRefuse;
  EXPECT_EQ(
      Refusal(policy, WithTimesyncd(true)),
      "timesyncd runs here beside chrony, and one clock can have one keeper; stop and disable "
      "systemd-timesyncd, or set time.daemon to it");
  EXPECT_TRUE(PlanOf(policy, WithTimesyncd(false)).empty());
}

TEST(Diff, ARivalThatWasStartedByHandIsNamed) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.busybox_ntpd = facts::BusyboxNtpd{.service = "", .pid = 7};
  EXPECT_THAT(Refusal(samples::Client(), facts), HasSubstr("busybox's ntpd runs here"));
  facts.busybox_ntpd->service = "ntpd";
  EXPECT_THAT(Summary(PlanOf(samples::Client(), facts), Tense::kPlanned), HasSubstr("stop ntpd"));
}

// ---- what was edited by hand

Facts Edited() {
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.files.at("/etc/chrony/chrony.conf").content += "server 10.9.9.9\n";
  return facts;
}

TEST(Diff, AHandEditIsPlannedAndNamed) {
  const HostPlan plan = PlanOf(samples::Client(), Edited());
  EXPECT_THAT(plan.edited_files, testing::ElementsAre("/etc/chrony/chrony.conf"));
  EXPECT_EQ(plan.changes[0].because, "edited by hand since the last push: 1 line removed, 0 added");
}

TEST(Diff, AHandEditMayBeOverwrittenByThePolicyOrTheRun) {
  policy::TimePolicy policy = samples::Client();
  EXPECT_TRUE(Diff(policy, Edited(), {.overwrite_edits = true})->edited_files.empty());
  policy.settings.hand_edits = inventory::TimeSettings::HandEdits::kOverwrite;
  EXPECT_TRUE(PlanOf(policy, Edited()).edited_files.empty());
}

TEST(Diff, AFileThatWasNeverOursIsNoHandEdit) {
  EXPECT_TRUE(
      PlanOf(samples::Client(), HostWith(samples::Chrony(), "pool x\n")).edited_files.empty());
}

// ---- the clock, the time zone

std::string PlannedWithOffset(Duration offset, bool allow_backward = true) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.allow_backward = allow_backward;
  const auto plan = Diff(policy, HostWith(samples::Chrony(), "pool x\n"), {.clock_offset = offset});
  EXPECT_TRUE(plan.ok());
  return Summary(*plan, Tense::kPlanned);
}

TEST(Diff, AClockThatIsFarOffIsSetBeforeTheDaemonStarts) {
  using std::chrono::seconds;
  EXPECT_EQ(PlannedWithOffset(seconds(37)), "chrony.conf, set the clock, restart chrony");
  EXPECT_EQ(PlannedWithOffset(-seconds(37)), "chrony.conf, set the clock, restart chrony");
  EXPECT_EQ(PlannedWithOffset(-seconds(37), false), "chrony.conf, restart chrony");
  EXPECT_EQ(PlannedWithOffset(seconds(2)), "chrony.conf, restart chrony");
}

TEST(Diff, AClockIsNotSetWhereTheDaemonGoesOnRunning) {
  const auto plan = Diff(samples::Client(), Settled(samples::Client(), samples::Chrony()),
                         {.clock_offset = std::chrono::hours(1)});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->empty());
}

TEST(Diff, TheTimeZoneIsALinkAndDebiansNameOfIt) {
  policy::TimePolicy policy = samples::Client();
  policy.settings.timezone = "Europe/Berlin";
  Facts facts = Settled(samples::Client(), samples::Chrony());
  facts.timezone = "Etc/UTC";
  facts.localtime_link = "/usr/share/zoneinfo/Etc/UTC";
  facts.files["/etc/timezone"].exists = true;
  facts.files["/etc/timezone"].content = "Etc/UTC\n";
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 2U);
  EXPECT_EQ(std::get<PutLink>(plan.changes[0].change).before, "/usr/share/zoneinfo/Etc/UTC");
  EXPECT_EQ(Summary(plan, Tense::kDone),
            "/etc/localtime -> /usr/share/zoneinfo/Europe/Berlin, timezone");
  facts.timezone = "Europe/Berlin";
  facts.files["/etc/timezone"].content = "Europe/Berlin\n";
  EXPECT_TRUE(PlanOf(policy, facts).empty());
}

TEST(Diff, AnAgentThatWatchesIsNoRival) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.daemons.emplace_back().daemon = Daemon::kAgent;
  facts.daemons[1].running = true;
  EXPECT_TRUE(Diff(samples::Client(), facts).ok());
}

// ---- daemon: agent

// A host whose agent has `config`, beside chrony that runs when `chrony`.
Facts WithAgent(const std::string& config, bool chrony = false) {
  Facts facts = HostWith(samples::Agent(), config);
  facts.files["/etc/fleetsync/agent.conf"].group = "fleetsync";
  if (chrony) facts.daemons.push_back(samples::Chrony());
  return facts;
}

policy::TimePolicy KeptByTheAgent() {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kAgent;
  return policy;
}

TEST(Diff, AnAgentThatKeepsTheClockGetsThePolicyAndOthersGiveWay) {
  const HostPlan plan = PlanOf(KeptByTheAgent(), WithAgent(samples::kAgentReports, true));
  EXPECT_EQ(Summary(plan, Tense::kPlanned),
            "agent.conf, disable and stop chrony, restart fleetsync-agent");
  const PutFile& put = FileIn(plan);
  EXPECT_EQ(put.path, "/etc/fleetsync/agent.conf");
  EXPECT_EQ(put.group, "fleetsync");
  EXPECT_EQ(put.checker, render::Checker::kAgent);
  EXPECT_THAT(*put.after, HasSubstr("\ncontroller 10.0.0.5:8123\n"));

  Facts settled = WithAgent(*put.after);
  EXPECT_TRUE(PlanOf(KeptByTheAgent(), settled).empty());
  policy::TimePolicy automatic = samples::Client();
  EXPECT_TRUE(PlanOf(automatic, settled).empty()) << "auto: what the host has";
}

TEST(Diff, AnAgentThatIsARelayIsWaitedForUntilItServes) {
  policy::TimePolicy relay = samples::Relay();
  relay.daemon = policy::DaemonChoice::kAgent;
  const HostPlan plan = PlanOf(relay, WithAgent(samples::kAgentReports));
  EXPECT_THAT(*FileIn(plan).after, HasSubstr("\nallow 192.168.0.0/16\n"));
  const auto& service = std::get<SetService>(plan.changes.back().change);
  EXPECT_EQ(service.await, SetService::Await::kServing);
  EXPECT_EQ(service.inquiry, Inquiry::kAgent);
}

TEST(Diff, AnAgentThatIsNotThereOrOnlyWatchesIsInstalledFirst) {
  constexpr char kWhatToDo[] =
      "; run: fleetsync agent install --keep-clock --controller HOST:PORT --limit web07.example";
  EXPECT_EQ(Refusal(KeptByTheAgent(), HostWith(samples::Chrony(), "")),
            std::string("fleetsync's agent is not installed here") + kWhatToDo);
  EXPECT_EQ(Refusal(KeptByTheAgent(), WithAgent("no-clock-control\n", true)),
            std::string("fleetsync's agent only watches this clock") + kWhatToDo);
}

TEST(Diff, AnotherDaemonDoesNotTakeTheClockFromTheAgentThatKeepsIt) {
  policy::TimePolicy policy = samples::Client();
  policy.daemon = policy::DaemonChoice::kChrony;
  EXPECT_THAT(Refusal(policy, WithAgent(samples::kAgentReports, true)),
              HasSubstr("fleetsync agent install --observe --controller HOST:PORT --limit "
                        "web07.example, or set time.daemon to agent"));
}

TEST(Diff, KeysAreComparedByTheirChecksumAndShownNowhere) {
  const policy::TimePolicy policy = samples::WithKey(inventory::NtpKey::Type::kSha1, "s3cretword");
  Facts facts = Settled(policy, samples::Chrony());
  facts::FileFact& keys = facts.files["/etc/chrony/chrony.keys"];
  keys.exists = true;
  keys.mode = 0640;
  keys.group = "_chrony";
  keys.sha256 = std::string(64, '0');
  const HostPlan plan = PlanOf(policy, facts);
  ASSERT_EQ(plan.changes.size(), 2U);
  const PutFile& put = FileIn(plan);
  EXPECT_EQ(put.path, "/etc/chrony/chrony.keys");
  EXPECT_EQ(put.group, "_chrony");
  EXPECT_THAT(*put.after, HasSubstr("7 SHA1 HEX:"));
  EXPECT_EQ(ServiceIn(plan, 1).run, SetService::Run::kRestarted);
  EXPECT_THAT(ToText(plan), HasSubstr("/etc/chrony/chrony.keys: 1 key of time.keys (secrets"));
  EXPECT_THAT(ToText(plan), testing::Not(HasSubstr("HEX")));

  keys.sha256 = Sha256Hex(*put.after);
  EXPECT_TRUE(PlanOf(policy, facts).empty());
  keys.sha256.clear();
  EXPECT_THAT(Refusal(policy, facts), HasSubstr("there is no sha256sum on this host"));
  facts.files.erase("/etc/chrony/chrony.keys");
  EXPECT_EQ(FileIn(PlanOf(policy, facts)).mode, 0640U);
}

TEST(Diff, AClientIsWaitedForUntilItHasASourceWhenTheRunAsksForThat) {
  Facts facts = HostWith(samples::Chrony(), "server elsewhere\n");
  const auto await = [&](const DiffOptions& options) {
    const auto plan = Diff(samples::Client(), facts, options);
    return std::get<SetService>(plan->changes.back().change).await;
  };
  EXPECT_EQ(await({}), SetService::Await::kNothing);
  EXPECT_EQ(await({.await_synchronised = true}), SetService::Await::kSynchronised);
  facts.tools.clear();
  EXPECT_EQ(await({.await_synchronised = true}), SetService::Await::kNothing)
      << "there is nothing to ask";
}

TEST(Diff, WithoutRootNothingIsPlanned) {
  Facts facts = HostWith(samples::Chrony(), "");
  facts.is_root = false;
  EXPECT_EQ(Refusal(samples::Client(), facts),
            "the commands there did not run as root; set become: sudo, or log in as root");
}

TEST(Diff, AFileThatTheProbeCouldNotReadWholeIsNotReplaced) {
  Facts facts = HostWith(samples::Chrony(), "x");
  facts.files.begin()->second.truncated = true;
  EXPECT_EQ(Refusal(samples::Client(), facts),
            "/etc/chrony/chrony.conf is larger than 64 KiB; move it out of the way");
  facts.files.clear();
  EXPECT_THAT(Refusal(samples::Client(), facts), HasSubstr("which push does not read"));
  facts.daemons[0].config_path = "/run/ntpsec/ntp.conf.dhcp";
  EXPECT_THAT(Refusal(samples::Client(), facts), HasSubstr("which DHCP writes"));
}

TEST(Diff, ADaemonWithoutAServiceCannotBeRestarted) {
  Facts facts = HostWith(samples::Chrony(), "x");
  facts.daemons[0].service.clear();
  EXPECT_THAT(Refusal(samples::Client(), facts), HasSubstr("has no unit or init script here"));
}

TEST(Diff, APolicyThatTheDaemonsFileCannotHoldIsAnError) {
  policy::TimePolicy policy = samples::Client();
  policy.extra = {"makestep 1 3"};
  EXPECT_EQ(Diff(policy, HostWith(samples::Ntpsec(), "")).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Diff(policy, HostWith(samples::Chrony(), "")).ok());
}

}  // namespace
}  // namespace fleetsync::plan
