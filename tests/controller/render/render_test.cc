#include "controller/render/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/sha256.h"
#include "controller/render/heading.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::render {
namespace {

using policy::TimePolicy;
using samples::PlatformWith;
using testing::HasSubstr;
using testing::Not;

std::string Rendered(const TimePolicy& policy, const Platform& platform) {
  const StatusOr<RenderedFile> file = RenderTimeService(policy, platform);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? file->text : "";
}

// The whole file; FLEETSYNC_UPDATE_GOLDEN=1 writes it anew. Each is fed to the real daemon by
// tests/lab/tests/push_test.py.
void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = "tests/golden/" + name;
  if (std::getenv("FLEETSYNC_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(path, text, 0644).ok());
    return;
  }
  const StatusOr<std::string> golden = ReadFile(path, 1 << 20);
  ASSERT_TRUE(golden.ok()) << golden.status();
  EXPECT_EQ(text, *golden) << path;
}

TimePolicy WithExtra(TimePolicy policy, std::vector<std::string> extra) {
  policy.extra = std::move(extra);
  return policy;
}

facts::DaemonFact Version(facts::DaemonFact daemon, std::string version) {
  daemon.version = std::move(version);
  return daemon;
}

Platform OnRhel(facts::DaemonFact daemon) {
  Platform platform = PlatformWith(std::move(daemon));
  platform.os_id = "centos";
  return platform;
}

TEST(Golden, ChronyClient) {
  ExpectGolden("chrony/client.conf", Rendered(samples::Client(), PlatformWith(samples::Chrony())));
}

TEST(Golden, ChronyClientKeepsItsKeysAndGetsExtraLines) {
  const TimePolicy policy = WithExtra(
      samples::Client(), {"log tracking", "# it's $(touch /tmp/x) `id` \"quoted\" \\ %s"});
  ExpectGolden("chrony/client_keys_extra.conf",
               Rendered(policy, PlatformWith(samples::Chrony(),
                                             "#keyfile /no\nkeyfile /etc/chrony/chrony.keys\n")));
}

TEST(Golden, ChronyRelay) {
  ExpectGolden("chrony/relay.conf", Rendered(samples::Relay(), PlatformWith(samples::Chrony())));
}

TEST(Golden, ChronyRelayOfAnIsolatedSite) {
  TimePolicy policy = samples::Relay();
  policy.sources.clear();
  ExpectGolden("chrony/relay_isolated.conf", Rendered(policy, PlatformWith(samples::Chrony())));
}

TEST(Golden, AgentClient) {
  ExpectGolden("agent/client.conf",
               Rendered(samples::Client(), PlatformWith(samples::Agent(), samples::kAgentReports)));
}

TEST(Golden, AgentWithAllItCan) {
  TimePolicy policy = WithExtra(samples::WithKey(inventory::NtpKey::Type::kSha1, "secret"),
                                {"slew-only", "stepout 5m"});
  policy.sources = {{.address = "ntp1.example",
                     .prefer = true,
                     .trust = true,
                     .minpoll = 4,
                     .maxpoll = 8,
                     .key = 7,
                     .max_delay = std::chrono::milliseconds(30)},
                    {.address = "2001:db8::7",
                     .iburst = false,
                     .noselect = true,
                     .xleave = true,
                     .offset = std::chrono::microseconds(-250)}};
  inventory::TimeSettings& time = policy.settings;
  time.step_threshold = std::chrono::milliseconds(250);
  time.step_limit = -1;
  time.panic = std::chrono::minutes(5);
  time.max_distance = std::chrono::milliseconds(1500);
  time.min_sources = 2;
  time.leap = inventory::TimeSettings::Leap::kSystem;
  time.drift_file = "/var/lib/fleetsync-agent/frequency";
  ExpectGolden("agent/all.conf",
               Rendered(policy, PlatformWith(samples::Agent(), samples::kAgentReports)));
}

TEST(Golden, AgentRelay) {
  TimePolicy policy = samples::Relay();
  policy.sources.push_back(
      {.address = "relay2.example", .kind = inventory::TimeSource::Kind::kPeer});
  policy.settings.rate_limit = {.interval = 1, .burst = 16};
  ExpectGolden("agent/relay.conf",
               Rendered(policy, PlatformWith(samples::Agent(), samples::kAgentReports)));
}

TEST(Golden, AgentRelayOfAnIsolatedSite) {
  TimePolicy policy = samples::Relay();
  policy.sources.clear();
  ExpectGolden("agent/relay_isolated.conf",
               Rendered(policy, PlatformWith(samples::Agent(), samples::kAgentReports)));
}

TEST(AgentConf, WhatTheInstallationSaysOfReportsStaysAndNothingElse) {
  const std::string text = Rendered(
      samples::Client(),
      PlatformWith(samples::Agent(),
                   "no-clock-control\ncontroller 10.0.0.5:8123\ntls-dir /var/lib/x\nuser a\n"
                   "step 5s\n# time.extra\nseccomp off\n"));
  EXPECT_THAT(text, HasSubstr("\ncontroller 10.0.0.5:8123\ntls-dir /var/lib/x\nuser a\n"));
  for (const char* gone : {"no-clock-control", "step 5s", "seccomp"})
    EXPECT_THAT(text, Not(HasSubstr(gone)));
}

TEST(AgentConf, WhatItCannotDoIsAnErrorThatNamesTheValue) {
  const auto refusal = [](const TimePolicy& policy) {
    return Message(
        RenderTimeService(policy, PlatformWith(samples::Agent(), samples::kAgentReports)).status());
  };
  TimePolicy policy = samples::Relay();
  policy.settings.rate_limit = {.leak = 3};
  EXPECT_THAT(refusal(policy), HasSubstr("agent 0.1.0 cannot do time.ratelimit (interval 3 burst 8 "
                                         "leak 3): it says \"less often\""));
  policy = samples::Client();
  policy.sources[0].kind = inventory::TimeSource::Kind::kPool;
  EXPECT_THAT(refusal(policy), HasSubstr("agent 0.1.0 cannot do pool (ntp1.example)"));
  policy = samples::Client();
  policy.sources[0].minpoll = -2;
  EXPECT_THAT(refusal(policy), HasSubstr("cannot do minpoll (-2): it takes 0 to 17"));
  policy = samples::Client();
  policy.settings.step_threshold = std::chrono::seconds(1);
  policy.settings.step_limit = 3;
  EXPECT_THAT(refusal(policy), HasSubstr("it steps at any time or never: write limit: -1"));
  policy = samples::Client();
  policy.settings.leap = inventory::TimeSettings::Leap::kSlew;
  EXPECT_THAT(refusal(policy), HasSubstr("cannot do time.leap (slew): the kernel does it"));
  policy = samples::Client();
  policy.settings.drift_file = "/var/lib/chrony/drift";
  EXPECT_THAT(refusal(policy), HasSubstr("it writes below /var/lib/fleetsync-agent/ alone"));
}

TEST(Golden, OldChronyRelay) {
  ExpectGolden("chrony/relay_3.2.conf",
               Rendered(samples::Relay(), OnRhel(Version(samples::Chrony(), "3.2"))));
}

TEST(Golden, NtpsecClientAndRelay) {
  ExpectGolden("ntpsec/client.conf", Rendered(samples::Client(), PlatformWith(samples::Ntpsec())));
  ExpectGolden("ntpsec/relay.conf", Rendered(samples::Relay(), PlatformWith(samples::Ntpsec())));
}

TEST(Golden, NtpsecClientWithExtraLines) {
  ExpectGolden(
      "ntpsec/client_extra.conf",
      Rendered(WithExtra(samples::Client(), {"tos minclock 4 minsane 1", "tinker panic 0"}),
               PlatformWith(samples::Ntpsec(), "keys /etc/ntpsec/ntp.keys\n")));
}

TEST(Golden, ClassicNtpClientAndRelay) {
  ExpectGolden("ntp/client.conf", Rendered(samples::Client(), PlatformWith(samples::NtpClassic())));
  ExpectGolden("ntp/relay.conf", Rendered(samples::Relay(), PlatformWith(samples::NtpClassic())));
}

TEST(Golden, ClassicNtpKeepsItsKeysAndGetsExtraLines) {
  ExpectGolden("ntp/client_keys_extra.conf",
               Rendered(WithExtra(samples::Client(), {"tinker huffpuff 7200", "statsdir /tmp/"}),
                        PlatformWith(samples::NtpClassic(),
                                     "keys /etc/ntp.keys\ntrustedkey 1 2\ncontrolkey 1\n")));
}

// Everything that this daemon can do, at once.
TimePolicy Full(std::vector<inventory::TimeSource> sources) {
  using inventory::TimeSettings;
  TimePolicy policy = samples::Relay();
  policy.sources = std::move(sources);
  TimeSettings& time = policy.settings;
  time.step_threshold = std::chrono::milliseconds(100);
  time.step_limit = -1;
  time.panic = std::chrono::seconds(1000);
  time.max_distance = std::chrono::milliseconds(1500);
  time.min_sources = 2;
  time.drift_file = "/var/lib/fleet/drift";
  time.rate_limit = inventory::RateLimit{};
  time.log_folder = "/var/log/fleet";
  time.log = {"tracking", "measurements", "statistics"};
  time.extra_chrony = {"# of chrony alone"};
  time.extra_ntp = {"# of ntp alone"};
  return policy;
}

TEST(Golden, ChronyWithAllThatItCanDo) {
  using Kind = inventory::TimeSource::Kind;
  TimePolicy policy =
      Full({{.address = "ntp1.example",
             .prefer = true,
             .xleave = true,
             .minpoll = -2,
             .maxpoll = 8,
             .key = 7,
             .max_delay = std::chrono::milliseconds(30),
             .offset = -std::chrono::microseconds(250),
             .filter = 5},
            {.address = "ntp2.example", .iburst = false, .trust = true, .nts = true},
            {.address = "2.pool.ntp.org", .kind = Kind::kPool, .noselect = true},
            {.address = "ntp3.example", .kind = Kind::kPeer}});
  policy.settings.leap = inventory::TimeSettings::Leap::kSlew;
  policy.settings.hwtimestamp = {"*"};
  policy.settings.rtc = false;
  policy.settings.dhcp_servers = true;
  ExpectGolden("chrony/full.conf", Rendered(policy, PlatformWith(samples::Chrony())));
}

TEST(Golden, NtpsWithAllThatTheyCanDo) {
  using Kind = inventory::TimeSource::Kind;
  TimePolicy policy =
      Full({{.address = "10.77.0.9", .prefer = true, .minpoll = 3, .maxpoll = 17, .key = 7},
            {.address = "10.77.0.10", .iburst = false, .noselect = true},
            {.address = "10.77.0.11", .kind = Kind::kPool}});
  policy.settings.family = inventory::TimeSettings::Family::kIpv4;
  ExpectGolden("ntpsec/full.conf", Rendered(policy, PlatformWith(samples::Ntpsec())));
  policy.sources.push_back({.address = "10.77.0.12", .kind = Kind::kPeer, .xleave = true});
  policy.sources[0].trust = true;
  ExpectGolden("ntp/full.conf", Rendered(policy, PlatformWith(samples::NtpClassic())));
}

facts::DaemonFact Openntpd() {
  return {.daemon = facts::Daemon::kOpenntpd,
          .binary = "/usr/sbin/ntpd",
          .version = "6.2p3",
          .service = "openntpd",
          .config_path = "/etc/openntpd/ntpd.conf",
          .drift_path = {},
          .keys_path = {}};
}

facts::DaemonFact Timesyncd() {
  return {.daemon = facts::Daemon::kTimesyncd,
          .binary = "/lib/systemd/systemd-timesyncd",
          .version = {},
          .service = "systemd-timesyncd",
          .config_path = "/etc/systemd/timesyncd.conf",
          .drift_path = {},
          .keys_path = {}};
}

TEST(Golden, OpenntpdClientAndRelay) {
  TimePolicy policy = samples::Client();
  policy.sources.push_back(
      {.address = "2.pool.ntp.org", .kind = inventory::TimeSource::Kind::kPool});
  policy.settings.extra_openntpd = {"sensor *"};
  ExpectGolden("openntpd/client.conf", Rendered(policy, PlatformWith(Openntpd())));
  TimePolicy relay = samples::Relay();
  relay.allow.clear();
  relay.local_stratum.reset();
  ExpectGolden("openntpd/relay.conf", Rendered(relay, PlatformWith(Openntpd())));
}

TEST(Golden, TimesyncdClient) {
  TimePolicy policy = samples::Client();
  for (inventory::TimeSource& source : policy.sources) source.minpoll = 5;
  policy.settings.max_distance = std::chrono::seconds(2);
  ExpectGolden("timesyncd/client.conf", Rendered(policy, PlatformWith(Timesyncd())));
}

// ---- what a daemon cannot do

std::string Refused(const TimePolicy& policy, const facts::DaemonFact& daemon) {
  const auto file = RenderTimeService(policy, PlatformWith(daemon));
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  return Message(file.status());
}

TimePolicy With(inventory::TimeSource source) {
  TimePolicy policy = samples::Client();
  policy.sources = {std::move(source)};
  return policy;
}

TEST(Expressible, WhatADaemonCannotDoNamesItTheKeyAndTheValue) {
  EXPECT_EQ(Refused(With({.address = "a", .offset = std::chrono::milliseconds(1)}),
                    samples::NtpClassic()),
            "web07.example: ntp 4.2.8p15 cannot do offset (1.00 ms)");
  EXPECT_EQ(Refused(With({.address = "a", .nts = true}), samples::NtpClassic()),
            "web07.example: ntp 4.2.8p15 cannot do nts (yes)");
  EXPECT_EQ(Refused(With({.address = "a", .kind = inventory::TimeSource::Kind::kPeer}),
                    samples::Ntpsec()),
            "web07.example: ntpsec 1.2.2 cannot do peer (a)");
  EXPECT_EQ(Refused(With({.address = "a", .key = 7}), Openntpd()),
            "web07.example: openntpd 6.2p3 cannot do key (7)");
  EXPECT_EQ(Refused(With({.address = "a", .prefer = true}), Timesyncd()),
            "web07.example: timesyncd cannot do prefer (yes)");
}

TEST(Expressible, WhatAnOldVersionCannotDoSaysFromWhichOneOn) {
  EXPECT_EQ(Refused(With({.address = "a", .nts = true}), Version(samples::Chrony(), "3.5")),
            "web07.example: chrony 3.5 cannot do nts (yes): it can from 4.0 on");
  TimePolicy policy = samples::Client();
  policy.settings.family = inventory::TimeSettings::Family::kIpv6;
  EXPECT_EQ(Refused(policy, samples::Chrony()),
            "web07.example: chrony 4.3 cannot do time.family (ipv6): it can from 4.6 on");
}

TEST(Expressible, AValueThatADaemonDoesNotTakeIsNamed) {
  EXPECT_THAT(Refused(With({.address = "a", .minpoll = 2}), samples::Ntpsec()),
              HasSubstr("cannot do minpoll (2): it takes 3 to 17"));
  TimePolicy policy = samples::Client();
  policy.settings.step_threshold = std::chrono::seconds(1);
  policy.settings.step_limit = 3;
  EXPECT_THAT(Refused(policy, samples::NtpClassic()), HasSubstr("write limit: -1"));
  TimePolicy two = samples::Client();
  two.sources[0].minpoll = 5;
  EXPECT_THAT(Refused(two, Timesyncd()), HasSubstr("one minpoll and maxpoll for all servers"));
}

TEST(Expressible, ARelayNeedsADaemonThatServesSomeAndNotAll) {
  EXPECT_THAT(Refused(samples::Relay(), Timesyncd()), HasSubstr("cannot do time.allow"));
  EXPECT_THAT(Refused(samples::Relay(), Openntpd()), HasSubstr("cannot do time.allow"));
}

TEST(Golden, OldNtpRelays) {
  facts::DaemonFact daemon = Version(samples::NtpClassic(), "4.2.6p5");
  daemon.drift_path.clear();
  ExpectGolden("ntp/relay_4.2.6.conf", Rendered(samples::Relay(), OnRhel(daemon)));
  daemon.version = "4.2.2p1";
  ExpectGolden("ntp/relay_4.2.2.conf", Rendered(samples::Relay(), OnRhel(daemon)));
}

TEST(Render, TheSameInputGivesTheSameBytes) {
  const Platform platform = PlatformWith(samples::Chrony());
  EXPECT_EQ(Rendered(samples::Relay(), platform), Rendered(samples::Relay(), platform));
}

TEST(Render, ClientsServeNobody) {
  for (const facts::DaemonFact& daemon :
       {samples::Chrony(), samples::Ntpsec(), samples::NtpClassic(), samples::Agent()}) {
    const std::string text = Rendered(samples::Client(), PlatformWith(daemon));
    EXPECT_THAT(text, Not(HasSubstr("allow")));
    EXPECT_THAT(text, Not(HasSubstr("local")));
    EXPECT_THAT(text, Not(HasSubstr("orphan")));
    EXPECT_THAT(text, Not(HasSubstr(" mask ")));
  }
}

TEST(Render, ANewChronyReadsTheListOfLeapSecondsItself) {
  const std::string text =
      Rendered(samples::Client(), PlatformWith(Version(samples::Chrony(), "4.6.1")));
  EXPECT_THAT(text, HasSubstr("\nleapseclist /usr/share/zoneinfo/leap-seconds.list\n"));
  EXPECT_THAT(text, Not(HasSubstr("leapsectz")));
}

TEST(Render, AnUnknownVersionGetsNothingRecentAndNoCheck) {
  const StatusOr<RenderedFile> file =
      RenderTimeService(samples::Relay(), PlatformWith(Version(samples::Chrony(), "")));
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->text, Not(HasSubstr("ntsdumpdir")));
  EXPECT_THAT(file->text, HasSubstr("\nlocal stratum 10\n"));
  EXPECT_EQ(file->checker, Checker::kNone);
}

TEST(Render, ControlCharactersNeverReachAFile) {
  const Platform platform = PlatformWith(samples::Chrony());
  for (const std::string& bad : std::vector<std::string>{
           "a\nallow all", "a\rb", std::string("a\0b", 3), "\x1b[2J", "\x7f"}) {
    TimePolicy policy = samples::Client();
    policy.extra = {bad};
    EXPECT_FALSE(RenderTimeService(policy, platform).ok());
    policy = samples::Client();
    policy.sources[0].address = bad;
    EXPECT_FALSE(RenderTimeService(policy, platform).ok());
    policy = samples::Client();
    policy.inventory = bad;
    EXPECT_FALSE(RenderTimeService(policy, platform).ok());
  }
}

TEST(Render, AServersNameCannotCarryOptions) {
  for (const char* bad : {"", "a b", "a\tb", "#a", "a\"b", "a'b", "a;b", "!a"}) {
    TimePolicy policy = samples::Client();
    policy.sources[0].address = bad;
    EXPECT_FALSE(RenderTimeService(policy, PlatformWith(samples::Ntpsec())).ok()) << bad;
  }
}

TEST(Render, WhatAFilesKeptLinesHoldIsCheckedToo) {
  const std::string hostile = "keyfile /etc/keys\x1b\nkeyfile /etc/\xff\n";
  EXPECT_THAT(Rendered(samples::Client(), PlatformWith(samples::Chrony(), hostile)),
              Not(HasSubstr("keyfile")));
}

TEST(Render, RenderingOverItsOwnFileChangesNothing) {
  for (const std::string& current :
       std::vector<std::string>{"", "keyfile /a\n", "driftfile /x y\n"})
    for (const std::vector<std::string>& extra :
         std::vector<std::vector<std::string>>{{}, {"keyfile /b", "driftfile /var/lib/c/d"}}) {
      const TimePolicy policy = WithExtra(samples::Client(), extra);
      const std::string once = Rendered(policy, PlatformWith(samples::Chrony(), current));
      EXPECT_EQ(Rendered(policy, PlatformWith(samples::Chrony(), once)), once);
    }
}

TEST(Render, AnExtraLineGoesWhenThePolicyNoLongerHasIt) {
  const std::string with = Rendered(WithExtra(samples::Client(), {"keyfile /b"}),
                                    PlatformWith(samples::Chrony(), "keyfile /a\n"));
  EXPECT_THAT(with, HasSubstr("\nkeyfile /b\n"));
  EXPECT_THAT(with, Not(HasSubstr("keyfile /a")));
  EXPECT_THAT(Rendered(samples::Client(), PlatformWith(samples::Chrony(), with)),
              Not(HasSubstr("keyfile")));
}

TEST(Render, ADriftPathThatIsNoWordIsReplaced) {
  facts::DaemonFact daemon = samples::Chrony();
  daemon.drift_path = "/var/x\nallow all";
  EXPECT_THAT(Rendered(samples::Client(), PlatformWith(daemon)),
              HasSubstr("\ndriftfile /var/lib/chrony/drift\n"));
}

TEST(Render, AnExtraLineThatNtpdHasNotIsRefusedHereBecauseNtpdWouldRunWithoutIt) {
  const StatusOr<RenderedFile> file =
      RenderTimeService(WithExtra(samples::Client(), {"# comment", "  restric default ignore"}),
                        PlatformWith(samples::NtpClassic()));
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(file.status()),
            "web07.example: time.extra: ntp has no directive 'restric'; did you mean 'restrict'?");
}

TEST(Render, WhatADaemonCannotDoIsSaid) {
  const StatusOr<RenderedFile> file =
      RenderTimeService(samples::Relay(), PlatformWith(samples::Ntpsec()));
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->not_expressible,
              testing::ElementsAre("ntpsec answers time requests from every network, not from "
                                   "time.allow alone: keep others out with a firewall"));
  EXPECT_TRUE(RenderTimeService(samples::Client(), PlatformWith(samples::Ntpsec()))
                  ->not_expressible.empty());
}

TEST(VersionAtLeast, ComparesNumbers) {
  EXPECT_TRUE(VersionAtLeast("4.2.8p15", {4, 2, 8}));
  EXPECT_TRUE(VersionAtLeast("4.10", {4, 9}));
  EXPECT_TRUE(VersionAtLeast("4", {4, 0}));
  EXPECT_TRUE(VersionAtLeast("ntpsec-1.2.2", {1, 2}));
  EXPECT_FALSE(VersionAtLeast("4", {4, 0, 1}));
  EXPECT_FALSE(VersionAtLeast("4.2.6p5", {4, 2, 8}));
  EXPECT_FALSE(VersionAtLeast("3.9", {4, 0}));
  EXPECT_FALSE(VersionAtLeast("", {0}));
  EXPECT_TRUE(VersionAtLeast("99999999999999999999", {4}));
}

TEST(Heading, ToldApartFromForeignAndEditedFiles) {
  const std::string file = WithHeading("server a\n", "fleet.yaml");
  EXPECT_EQ(AuthorshipOf(file), Authorship::kOurs);
  EXPECT_EQ(AuthorshipOf(file + "server b\n"), Authorship::kEdited);
  EXPECT_EQ(AuthorshipOf("# Managed by fleetsync from x"), Authorship::kEdited);
  EXPECT_EQ(AuthorshipOf("# Managed by fleetsync from x\n# gone\n\nserver a\n"),
            Authorship::kEdited);
  EXPECT_EQ(AuthorshipOf("server a\n"), Authorship::kForeign);
  EXPECT_EQ(AuthorshipOf(""), Authorship::kForeign);
}

TEST(Heading, KnowsSha256) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace fleetsync::render
