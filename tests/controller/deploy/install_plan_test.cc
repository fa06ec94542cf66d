#include "controller/deploy/install_plan.h"

#include "base/sha256.h"
#include "controller/deploy/scripts.h"
#include "gmock/gmock.h"

namespace fleetsync::deploy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kConfig = "host web01\n";

AgentWish Wish() { return {.config = std::string(kConfig)}; }
AgentWish KeepingWish() { return {.config = std::string(kConfig), .keeps_clock = true}; }

std::string UnitSum(bool keeps_clock) {
  return Sha256Hex(UnitFor(facts::Init::kSystemd, keeps_clock).text);
}

AgentBinary Binary() {
  AgentBinary binary;
  binary.machine = "x86_64";
  binary.sha256 = Sha256Hex("program");
  return binary;
}

HostState EmptyHost() {
  HostState state;
  state.facts.machine = "x86_64";
  state.facts.is_root = true;
  state.facts.init = facts::Init::kSystemd;
  state.sha256_tool = "sha256sum";
  state.has_gzip = state.can_enable = true;
  return state;
}

HostState InstalledHost() {
  HostState state = EmptyHost();
  state.files[std::string(kBinaryPath)] = {.sha256 = Binary().sha256, .mode = "-rwxr-xr-x"};
  state.files[std::string(kConfigPath)] = {.sha256 = Sha256Hex(kConfig), .mode = "-rw-r-----"};
  state.files[std::string(kSystemdUnitPath)] = {.sha256 = UnitSum(false), .mode = "-rw-r--r--"};
  state.has_user = state.running = state.enabled = true;
  return state;
}

InstallPlan Plan(const HostState& state) {
  const auto plan = PlanInstall(state, Binary(), Wish());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : InstallPlan{};
}

TEST(InstallPlan, OnAnEmptyHostEverythingIsToBeDone) {
  const InstallPlan plan = Plan(EmptyHost());
  EXPECT_TRUE(plan.send_binary && plan.write_config && plan.write_unit && plan.add_user &&
              plan.enable && plan.start);
}

TEST(InstallPlan, WhenAllIsThereNothingIsToBeDone) { EXPECT_TRUE(Plan(InstalledHost()).empty()); }

TEST(InstallPlan, OnlyWhatDiffersIsSent) {
  HostState state = InstalledHost();
  state.files[std::string(kConfigPath)].sha256 = Sha256Hex("host other\n");
  const InstallPlan plan = Plan(state);
  EXPECT_TRUE(plan.write_config);
  EXPECT_FALSE(plan.send_binary || plan.write_unit || plan.add_user || plan.enable);
}

TEST(InstallPlan, AFileThatOthersMayWriteIsReplaced) {
  HostState state = InstalledHost();
  state.files[std::string(kBinaryPath)].mode = "-rwxrwxrwx";
  EXPECT_TRUE(Plan(state).send_binary);
  state = InstalledHost();
  state.files[std::string(kConfigPath)].mode = "-rw-r--r--";
  EXPECT_TRUE(Plan(state).write_config);
}

TEST(InstallPlan, AStoppedAgentIsStarted) {
  HostState state = InstalledHost();
  state.running = false;
  const InstallPlan plan = Plan(state);
  EXPECT_TRUE(plan.start);
  EXPECT_FALSE(plan.send_binary);
}

TEST(InstallPlan, WhereNothingCanStartItAtBootThatIsNoDifference) {
  HostState state = InstalledHost();
  state.can_enable = state.enabled = false;
  EXPECT_TRUE(Plan(state).empty());
}

TEST(InstallPlan, AfterAKilledInstallationEverythingIsDoneAgain) {
  HostState state = InstalledHost();
  state.unfinished = true;
  const InstallPlan plan = Plan(state);
  EXPECT_TRUE(plan.recover && plan.send_binary && plan.write_config && plan.write_unit);
}

TEST(InstallPlan, WithoutRootItSaysSo) {
  HostState state = EmptyHost();
  state.facts.is_root = false;
  EXPECT_EQ(Message(PlanInstall(state, Binary(), Wish()).status()),
            "installing needs root; log in as root or give the host become: sudo");
}

TEST(InstallPlan, AProgramForAnotherCpuIsNotSent) {
  HostState state = EmptyHost();
  state.facts.machine = "aarch64";
  EXPECT_EQ(Message(PlanInstall(state, Binary(), Wish()).status()),
            "the agent's program is for x86_64, this host is aarch64; give a build for it with "
            "--binary");
}

TEST(InstallPlan, WithoutAChecksumProgramNothingIsSent) {
  HostState state = EmptyHost();
  state.sha256_tool.clear();
  EXPECT_EQ(PlanInstall(state, Binary(), Wish()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(InstallScript, ATextWithQuotesReachesTheShellAsItIs) {
  InstallPlan plan;
  plan.write_config = true;
  const AgentWish wish{.config = "host a'$(reboot)`x`\n"};
  EXPECT_THAT(InstallInputFor(plan, EmptyHost(), Binary(), wish, nullptr).script,
              HasSubstr("config='host a'\\''$(reboot)`x`\n'\n"));
}

// ---- secrets

ca::Identity SomeIdentity() {
  return {.authority = "AUTHORITY\n", .certificate = "CERTIFICATE\n", .key = Secret("PRIVATE\n")};
}

TEST(InstallScript, SecretsAreBesideTheScriptAndNotInIt) {
  InstallPlan plan;
  plan.write_identity = plan.write_keys = true;
  AgentWish wish = Wish();
  wish.keys = Secret("7 SHA1 HEX:00\n");
  const ca::Identity identity = SomeIdentity();
  const InstallInput input = InstallInputFor(plan, EmptyHost(), Binary(), wish, &identity);
  EXPECT_EQ(input.secrets.Reveal(), "7 SHA1 HEX:00\nAUTHORITY\nCERTIFICATE\nPRIVATE\n");
  EXPECT_THAT(input.script, HasSubstr("keys_size=14\ntls_sizes='10 12 8'\n"));
  EXPECT_THAT(input.script, Not(HasSubstr("PRIVATE")));
  EXPECT_THAT(input.script, Not(HasSubstr("SHA1")));
}

TEST(InstallPlan, KeysAreComparedByTheirChecksum) {
  HostState state = InstalledHost();
  AgentWish wish = Wish();
  wish.keys = Secret("7 SHA1 HEX:00\n");
  EXPECT_TRUE(PlanInstall(state, Binary(), wish)->write_keys);
  state.files[std::string(kKeysPath)] = {.sha256 = Sha256Hex(wish.keys.Reveal()),
                                         .mode = "-rw-------"};
  EXPECT_FALSE(PlanInstall(state, Binary(), wish)->write_keys);
  state.files[std::string(kKeysPath)].mode = "-rw-r--r--";
  EXPECT_TRUE(PlanInstall(state, Binary(), wish)->write_keys);
}

// ---- who keeps the clock

TEST(InstallPlan, AnAgentThatIsToKeepTheClockGetsItsUnitAndUserAndRetiresTheOthers) {
  AgentWish wish = KeepingWish();
  wish.rivals.push_back({.service = "chrony",
                         .program = "chronyd",
                         .run = plan::SetService::Run::kStopped,
                         .boot = plan::SetService::Boot::kDisabled});
  const auto plan = PlanInstall(InstalledHost(), Binary(), wish);
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->write_unit && plan->add_time_user && plan->keeps_clock && !plan->observes);
  EXPECT_THAT(InstallInputFor(*plan, InstalledHost(), Binary(), wish, nullptr).script,
              HasSubstr("rivals='chrony chronyd yes yes\n'\nkeeps_clock=1\n"));
}

TEST(InstallPlan, AnAgentThatKeptTheClockLeavesIt) {
  HostState state = InstalledHost();
  state.keeps_clock = true;
  EXPECT_TRUE(Plan(state).leaves_clock);
  EXPECT_THAT(RemoveScriptFor(state, false), HasSubstr("leaves_clock=1\n"));
  EXPECT_THAT(RemoveScriptFor(InstalledHost(), false), HasSubstr("leaves_clock=''\n"));
}

TEST(InstallPlan, AnUpgradeIsTheProgramAndWhatStartsItAlone) {
  HostState state = InstalledHost();
  state.keeps_clock = true;
  state.files[std::string(kConfigPath)].sha256 = Sha256Hex("host other\n");
  state.files[std::string(kBinaryPath)].sha256 = Sha256Hex("old");
  const auto plan = PlanUpgrade(state, Binary());
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->send_binary && plan->write_unit && plan->keeps_clock);
  EXPECT_FALSE(plan->write_config || plan->enable || plan->leaves_clock || plan->observes);
}

TEST(UnitFor, EveryInitHasItsFile) {
  EXPECT_EQ(UnitFor(facts::Init::kSystemd, false).path, kSystemdUnitPath);
  EXPECT_THAT(UnitFor(facts::Init::kSystemd, false).text, HasSubstr("ExecStart=/usr/local/sbin/"));
  EXPECT_EQ(UnitFor(facts::Init::kSysv, false).path, kInitScriptPath);
  EXPECT_EQ(UnitFor(facts::Init::kSysv, false).mode, 0755U);
  EXPECT_THAT(UnitFor(facts::Init::kOpenrc, false).text, HasSubstr("#!/sbin/openrc-run"));
}

TEST(UnitFor, OnlyAnAgentThatKeepsTheClockMaySetIt) {
  const std::string observes = UnitFor(facts::Init::kSystemd, false).text;
  const std::string keeps = UnitFor(facts::Init::kSystemd, true).text;
  EXPECT_THAT(observes, HasSubstr("CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP "
                                  "CAP_KILL\n"));
  EXPECT_THAT(keeps, HasSubstr("CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL "
                               "CAP_CHOWN CAP_NET_BIND_SERVICE CAP_SYS_TIME\n"));
  for (const std::string& text : {observes, keeps})
    EXPECT_EQ(text.substr(text.find('\n')).find('@'),
              text.find("@system-service") - text.find('\n'))
        << "nothing is left to be replaced";
}

}  // namespace
}  // namespace fleetsync::deploy
