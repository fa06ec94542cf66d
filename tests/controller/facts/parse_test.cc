#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "controller/facts/facts.h"

namespace fleetsync::facts {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

// Recorded from hosts of the lab.
Facts Recorded(const std::string& name) {
  const auto text = ReadFile("tests/controller/facts/testdata/" + name + ".txt", 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  auto facts = ParseProbe(*text);
  EXPECT_TRUE(facts.ok()) << facts.status();
  return *facts;
}

Facts Parsed(const std::string& lines) {
  const auto facts = ParseProbe("fleetsync-probe 1 begin\n" + lines + "fleetsync-probe 1 end\n");
  EXPECT_TRUE(facts.ok()) << facts.status();
  return *facts;
}

TEST(ParseProbe, ReadsADebianHostWithChrony) {
  const Facts facts = Recorded("chrony");
  EXPECT_EQ(facts.hostname, "chrony01");
  EXPECT_EQ(facts.os_id, "debian");
  EXPECT_EQ(facts.os_version, "12");
  EXPECT_EQ(facts.os_name, "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(facts.machine, "x86_64");
  EXPECT_EQ(facts.init, Init::kSysv);
  EXPECT_EQ(facts.package_manager, "apt");
  EXPECT_EQ(facts.cron, "cron.d");
  EXPECT_TRUE(facts.cron_running);
  EXPECT_EQ(facts.timezone, "Etc/UTC");
  EXPECT_EQ(facts.utc_offset, "+0000");
  EXPECT_TRUE(facts.is_root);
  EXPECT_FALSE(facts.busybox);
  EXPECT_FALSE(facts.udp123_held);
  const DaemonFact* chrony = facts.Running();
  ASSERT_NE(chrony, nullptr);
  EXPECT_EQ(chrony->daemon, Daemon::kChrony);
  EXPECT_EQ(chrony->version, "4.3");
  EXPECT_EQ(chrony->binary, "/usr/sbin/chronyd");
  EXPECT_EQ(chrony->service, "chrony");
  EXPECT_EQ(chrony->config_path, "/etc/chrony/chrony.conf");
  EXPECT_EQ(chrony->drift_path, "/var/lib/chrony/chrony.drift");
  EXPECT_EQ(chrony->keys_path, "/etc/chrony/chrony.keys");
  EXPECT_TRUE(facts.HasTool("chronyc"));
  EXPECT_FALSE(facts.HasTool("ntpdate"));
}

TEST(ParseProbe, CarriesTheConfigurationWhole) {
  const FileFact file = Recorded("chrony").files.at("/etc/chrony/chrony.conf");
  EXPECT_TRUE(file.exists && file.readable && !file.truncated);
  EXPECT_EQ(file.mode, 0644u);
  EXPECT_EQ(file.owner, "root");
  EXPECT_EQ(file.group, "root");
  EXPECT_THAT(file.content, AllOf(StartsWith("server 198.18.1.1 iburst"),
                                  HasSubstr("\ndriftfile /var/lib/chrony/chrony.drift\n")));
  EXPECT_EQ(file.content.back(), '\n');
}

TEST(ParseProbe, NeverCarriesKeys) {
  const FileFact keys = Recorded("chrony").files.at("/etc/chrony/chrony.keys");
  EXPECT_TRUE(keys.exists);
  EXPECT_FALSE(keys.readable);
  EXPECT_EQ(keys.content, "");
  EXPECT_EQ(keys.mode, 0640u);
  EXPECT_EQ(keys.group, "_chrony");
}

TEST(ParseProbe, ReadsARelayThatHoldsThePort) {
  EXPECT_EQ(Recorded("relay").udp123_holder, "chronyd (15)");
}

TEST(ParseProbe, TellsNtpsecFromTheClassicNtpd) {
  const Facts ntpsec = Recorded("ntpsec"), classic = Recorded("ntp");
  ASSERT_NE(ntpsec.Running(), nullptr);
  EXPECT_EQ(ntpsec.Running()->daemon, Daemon::kNtpsec);
  EXPECT_EQ(ntpsec.Running()->version, "1.2.2");
  EXPECT_EQ(ntpsec.Running()->service, "ntpsec");
  EXPECT_EQ(ntpsec.Running()->config_path, "/etc/ntpsec/ntp.conf");
  EXPECT_EQ(ntpsec.udp123_holder, "ntpd (13)");
  ASSERT_NE(classic.Running(), nullptr);
  EXPECT_EQ(classic.Running()->daemon, Daemon::kNtpClassic);
  EXPECT_EQ(classic.Running()->version, "4.2.8p15");
  EXPECT_EQ(classic.Running()->service, "ntp");
  EXPECT_EQ(classic.Running()->drift_path, "/var/lib/ntp/ntp.drift");
  EXPECT_TRUE(classic.HasTool("ntpdate"));
}

TEST(ParseProbe, ReadsAHostWithoutAnyDaemon) {
  const Facts facts = Recorded("plain");
  EXPECT_TRUE(facts.daemons.empty());
  EXPECT_EQ(facts.Running(), nullptr);
  EXPECT_EQ(facts.Find(Daemon::kChrony), nullptr);
}

TEST(ParseProbe, ReadsABusyboxUserland) {
  const Facts facts = Recorded("busybox");
  EXPECT_TRUE(facts.busybox);
  EXPECT_EQ(facts.init, Init::kUnknown);
  EXPECT_TRUE(facts.HasTool("busybox-adjtimex"));
  EXPECT_FALSE(facts.HasTool("bash"));
}

TEST(ParseProbe, SkipsABannerBeforeIt) {
  const auto facts = ParseProbe(
      "Authorised use only.\r\nuid=0\n\nfleetsync-probe 1 begin\nuid=1000\nfleetsync-probe 1 "
      "end\nbye\n");
  ASSERT_TRUE(facts.ok());
  EXPECT_FALSE(facts->is_root);
}

TEST(ParseProbe, SaysWhenTheAnswerIsCutOff) {
  const auto facts = ParseProbe("fleetsync-probe 1 begin\nuid=0\n");
  EXPECT_EQ(facts.status(),
            absl::DataLossError("reading the host's facts: the answer is cut off after 30 bytes"));
}

TEST(ParseProbe, SaysWhenItIsNoAnswer) {
  EXPECT_EQ(ParseProbe("This account is \x1b[1mdisabled\n").status(),
            absl::DataLossError("reading the host's facts: this is no answer of ours: "
                                "'This account is \\x1b[1mdisabled'"));
  EXPECT_EQ(ParseProbe(" \n").status(),
            absl::DataLossError("reading the host's facts: no answer; is the login shell sh?"));
}

TEST(ParseProbe, UnescapesValues) {
  const Facts facts = Parsed("time_job=/etc/crontab: a\\nb\\\\c\nuid=0\n");
  EXPECT_THAT(facts.time_jobs, Contains("/etc/crontab: a\nb\\c"));
}

TEST(ParseProbe, DecodesHexadecimalWhereThereIsNoBase64) {
  const Facts facts = Parsed(
      "file=/etc/ntp.conf\nstat=-rwsr-x--T 1 root adm 5 Jan 1 1970 /etc/ntp.conf\nencoding=hex\n"
      " 00 41 0a\n ff 7e\n.\n");
  const FileFact& file = facts.files.at("/etc/ntp.conf");
  EXPECT_EQ(file.content, std::string("\0A\n\xff~", 5));
  EXPECT_EQ(file.mode, 05750u);
}

TEST(ParseProbe, DecodesBase64WithPadding) {
  const Facts facts = Parsed("file=/f\nencoding=base64\nYWJj\nZA==\n.\nuid=0\n");
  EXPECT_EQ(facts.files.at("/f").content, "abcd");
}

TEST(ParseProbe, MarksFilesLongerThanTheProbeCarries) {
  std::string lines = "file=/f\nencoding=hex\n";
  for (int i = 0; i < 4096; ++i) lines += " 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41\n";
  EXPECT_TRUE(Parsed(lines + ".\n").files.at("/f").truncated);
}

TEST(ParseProbe, MissingCapabilityMeansThatTheClockCannotBeSet) {
  EXPECT_FALSE(Parsed("cap_eff=000001fffcffffff\n").can_set_clock);
  EXPECT_TRUE(Parsed("cap_eff=000001fffeffffff\n").can_set_clock);
  EXPECT_TRUE(Parsed("cap_eff=000001fffcffffff\npreload=/usr/lib/libclock.so\n").can_set_clock);
}

TEST(ParseProbe, KnowsSystemsFromBeforeOsRelease) {
  const Facts facts = Parsed("release.redhat=CentOS release 6.10 (Final)\n");
  EXPECT_EQ(facts.os_id, "redhat");
  EXPECT_EQ(facts.os_version, "6.10");
  EXPECT_EQ(facts.os_name, "CentOS release 6.10 (Final)");
}

TEST(ParseProbe, ReadsBusyboxNtpd) {
  const Facts facts = Parsed("tool=busybox-ntpd\nbusybox_ntpd.service=ntpd\nbusybox_ntpd.pid=41\n");
  ASSERT_TRUE(facts.busybox_ntpd.has_value());
  EXPECT_EQ(facts.busybox_ntpd->pid, 41);
  EXPECT_EQ(facts.busybox_ntpd->service, "ntpd");
}

}  // namespace
}  // namespace fleetsync::facts
