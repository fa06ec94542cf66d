#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "fmt/format.h"
#include "inventory/fleet_yaml.h"
#include "inventory/time_source.h"

namespace fleetsync::inventory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Loaded Read(const std::string& time) {
  return ParseFleetYaml(fmt::format("hosts:\n  h:\n    time: {{{}}}\n", time), "f");
}

TimeSettings SettingsOf(const std::string& time) {
  const Loaded loaded = Read(time);
  EXPECT_TRUE(loaded.ok()) << time;
  return loaded.inventory.hosts.empty() ? TimeSettings{} : loaded.inventory.hosts[0].time;
}

std::string ErrorOf(const std::string& time) {
  const Loaded loaded = Read(time);
  EXPECT_EQ(loaded.diagnostics.size(), 1u) << time;
  if (loaded.diagnostics.empty()) return "";
  return fmt::format("{}:{}: {}; {}", loaded.diagnostics[0].where.line,
                     loaded.diagnostics[0].where.column, loaded.diagnostics[0].what,
                     loaded.diagnostics[0].hint);
}

TEST(TimeKeys, ASourceIsALineOrAMapping) {
  for (const char* text :
       {"servers: [\"ntp1 prefer minpoll 4 maxpoll 8 key 3 offset -250us noiburst\"]",
        "servers: [{address: ntp1, prefer: true, minpoll: 4, maxpoll: 8, key: 3, offset: -250us, "
        "iburst: false}]"}) {
    const TimeSettings time = SettingsOf(text);
    ASSERT_EQ(time.servers.size(), 1u) << text;
    EXPECT_EQ(time.servers[0], (TimeSource{.address = "ntp1",
                                           .iburst = false,
                                           .prefer = true,
                                           .minpoll = 4,
                                           .maxpoll = 8,
                                           .key = 3,
                                           .offset = -std::chrono::microseconds(250)}))
        << text;
  }
}

TEST(TimeKeys, APoolIsNamedInFront) {
  const TimeSettings time = SettingsOf("upstreams: [pool 2.pool.ntp.org, pool]");
  ASSERT_EQ(time.upstreams.size(), 2u);
  EXPECT_EQ(time.upstreams[0].kind, TimeSource::Kind::kPool);
  EXPECT_EQ(time.upstreams[0].address, "2.pool.ntp.org");
  EXPECT_EQ(time.upstreams[1].kind, TimeSource::Kind::kServer);
  EXPECT_EQ(SettingsOf("peers: [a]").peers[0].kind, TimeSource::Kind::kPeer);
}

TEST(TimeKeys, ASourceReadsBackFromItsText) {
  const TimeSource all{.address = "2001:db8::1",
                       .iburst = false,
                       .prefer = true,
                       .trust = true,
                       .noselect = true,
                       .xleave = true,
                       .nts = true,
                       .minpoll = -7,
                       .maxpoll = 24,
                       .max_delay = std::chrono::milliseconds(30),
                       .offset = -Duration(1),
                       .filter = 5};
  TimeSource again;
  const Problem problem = ReadTimeSource({ToString(all), {}}, TimeSource::Kind::kServer, again);
  EXPECT_TRUE(problem.ok()) << problem.what;
  EXPECT_EQ(again, all);
}

TEST(TimeKeys, AWrongSourceSaysWhatIsWrongAndWhere) {
  EXPECT_EQ(ErrorOf("servers: [a minpol 4]"),
            "3:22: a time source has no option 'minpol'; did you mean 'minpoll'?");
  EXPECT_EQ(ErrorOf("servers: [a minpoll]"),
            "3:22: option 'minpoll' has no value; write minpoll VALUE");
  EXPECT_EQ(ErrorOf("servers: [a minpoll 9 maxpoll 8]"),
            "3:22: minpoll 9 is above maxpoll 8; swap them");
  EXPECT_THAT(ErrorOf("servers: [a minpoll 25]"), HasSubstr("write -7 to 24"));
  EXPECT_THAT(ErrorOf("servers: [a nts key 1]"), HasSubstr("two ways of authentication"));
  EXPECT_THAT(ErrorOf("servers: [{prefer: true}]"), HasSubstr("has no 'address'"));
  EXPECT_THAT(ErrorOf("servers: [{address: [a]}]"), HasSubstr("this is a list"));
  EXPECT_THAT(ErrorOf("servers: [-oProxyCommand=x]"), HasSubstr("3:22:"));
}

TEST(TimeKeys, AKeySaysWhereItsSecretComesFrom) {
  const TimeSettings time = SettingsOf(
      "keys: [{id: 7, type: SHA1, file: k}, {id: 8, env: NTP_KEY}, {id: 9, command: pass a b}]");
  ASSERT_EQ(time.keys.size(), 3u);
  EXPECT_EQ(time.keys[0].type, NtpKey::Type::kSha1);
  EXPECT_EQ(time.keys[0].secret.value, "k");
  EXPECT_EQ(time.keys[1].type, NtpKey::Type::kSha256);
  EXPECT_EQ(time.keys[1].secret.kind, SecretSource::Kind::kEnvironment);
  EXPECT_EQ(time.keys[2].secret.value, "pass a b");
}

TEST(TimeKeys, AKeyInClearIsRefusedWithoutBeingRepeated) {
  for (const char* text : {"keys: [{id: 7, type: SHA1, key: s3cret}]", "keys: [7 s3cret]"}) {
    const std::string error = ErrorOf(text);
    EXPECT_THAT(error, HasSubstr("does not say where its secret comes from")) << text;
    EXPECT_THAT(error, testing::Not(HasSubstr("s3cret"))) << text;
  }
}

TEST(TimeKeys, KeysAreShownAsANumber) {
  const Loaded loaded = Read("keys: [{id: 7, command: pass show}]");
  EXPECT_EQ(loaded.inventory.hosts.at(0).variables.at("time.keys").text, "(1 key)");
}

TEST(TimeKeys, StepsAndRateLimitsAreMappings) {
  const TimeSettings time =
      SettingsOf("step: {threshold: 100ms, limit: -1}, ratelimit: {interval: 1, burst: 16}");
  EXPECT_EQ(time.step_threshold, std::chrono::milliseconds(100));
  EXPECT_EQ(time.step_limit, -1);
  ASSERT_TRUE(time.rate_limit);
  EXPECT_EQ(time.rate_limit->interval, 1);
  EXPECT_EQ(time.rate_limit->burst, 16);
  EXPECT_EQ(time.rate_limit->leak, 2);
  EXPECT_EQ(SettingsOf("step: 2s").step_threshold, std::chrono::seconds(2));
  EXPECT_TRUE(SettingsOf("ratelimit: on").rate_limit);
  EXPECT_THAT(ErrorOf("step: {limit: 3}"), HasSubstr("needs a threshold"));
  EXPECT_THAT(ErrorOf("ratelimit: {bursts: 3}"), HasSubstr("'bursts' is no part"));
}

TEST(TimeKeys, WordsOfAFewAreChecked) {
  EXPECT_EQ(SettingsOf("leap: slew").leap, TimeSettings::Leap::kSlew);
  EXPECT_EQ(SettingsOf("drift: overwrite").hand_edits, TimeSettings::HandEdits::kOverwrite);
  EXPECT_EQ(SettingsOf("rtc: no").rtc, false);
  EXPECT_THAT(ErrorOf("leap: never"), HasSubstr("write system, step, slew or ignore"));
  EXPECT_THAT(ErrorOf("rtc: perhaps"), HasSubstr("write yes or no"));
}

TEST(TimeKeys, PathsZonesAndInterfacesCannotLeaveTheirPlace) {
  EXPECT_EQ(SettingsOf("timezone: America/Argentina/Buenos_Aires").timezone,
            "America/Argentina/Buenos_Aires");
  for (const char* zone : {"../../etc/shadow", "/etc/localtime", "a//b", "Europe/Ber lin"})
    EXPECT_THAT(ErrorOf(fmt::format("timezone: \"{}\"", zone)), HasSubstr("is not a time zone"));
  EXPECT_THAT(ErrorOf("drift_file: drift"), HasSubstr("is not a path on a host"));
  EXPECT_THAT(ErrorOf("log_folder: \"/var/log;x\""), HasSubstr("is not a path on a host"));
  EXPECT_THAT(ErrorOf("hwtimestamp: [\"eth0;x\"]"), HasSubstr("is not a network interface"));
  EXPECT_THAT(SettingsOf("hwtimestamp: [\"*\"]").hwtimestamp, ElementsAre("*"));
}

}  // namespace
}  // namespace fleetsync::inventory
