#include "controller/deploy/install_plan.h"

#include "base/sha256.h"
#include "controller/deploy/scripts.h"
#include "gmock/gmock.h"

namespace fleetsync::deploy {
namespace {

using testing::HasSubstr;

constexpr std::string_view kConfig = "host web01\n";

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
  state.files[std::string(kSystemdUnitPath)] = {.sha256 = Sha256Hex(SystemdUnit()),
                                                .mode = "-rw-r--r--"};
  state.has_user = state.running = state.enabled = true;
  return state;
}

InstallPlan Plan(const HostState& state) {
  const auto plan = PlanInstall(state, Binary(), kConfig);
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
  EXPECT_EQ(Message(PlanInstall(state, Binary(), kConfig).status()),
            "installing needs root; log in as root or give the host become: sudo");
}

TEST(InstallPlan, AProgramForAnotherCpuIsNotSent) {
  HostState state = EmptyHost();
  state.facts.machine = "aarch64";
  EXPECT_EQ(Message(PlanInstall(state, Binary(), kConfig).status()),
            "the agent's program is for x86_64, this host is aarch64; give a build for it with "
            "--binary");
}

TEST(InstallPlan, WithoutAChecksumProgramNothingIsSent) {
  HostState state = EmptyHost();
  state.sha256_tool.clear();
  EXPECT_EQ(PlanInstall(state, Binary(), kConfig).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(InstallScript, ATextWithQuotesReachesTheShellAsItIs) {
  InstallPlan plan;
  plan.write_config = true;
  EXPECT_THAT(InstallScriptFor(plan, EmptyHost(), Binary(), "host a'$(reboot)`x`\n"),
              HasSubstr("config='host a'\\''$(reboot)`x`\n'\n"));
}

TEST(UnitFor, EveryInitHasItsFile) {
  EXPECT_EQ(UnitFor(facts::Init::kSystemd).path, kSystemdUnitPath);
  EXPECT_THAT(UnitFor(facts::Init::kSystemd).text, HasSubstr("ExecStart=/usr/local/sbin/"));
  EXPECT_EQ(UnitFor(facts::Init::kSysv).path, kInitScriptPath);
  EXPECT_EQ(UnitFor(facts::Init::kSysv).mode, 0755U);
  EXPECT_THAT(UnitFor(facts::Init::kOpenrc).text, HasSubstr("#!/sbin/openrc-run"));
}

}  // namespace
}  // namespace fleetsync::deploy
