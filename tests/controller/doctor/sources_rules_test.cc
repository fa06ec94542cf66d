#include "tests/controller/doctor/rules_fixture.h"

namespace fleetsync::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Rules, ANameWithoutAnAddress) {
  SetConfig("server ntp1 iburst\nserver ntp9 iburst\n");
  answers.unresolved = {{"ntp9", false}};
  ASSERT_THAT(Ids(), ElementsAre("unresolved-name"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("ntp9 (/etc/chrony/chrony.conf:2) has no address"));
  EXPECT_THAT(Findings()[0].todo, HasSubstr("getent ahosts ntp9"));
  answers.unresolved = {{"ntp9", true}};
  EXPECT_THAT(Ids(), ElementsAre("resolver-silent"));
}

TEST_F(Rules, ASourceThatAnswersUnsynchronisedIsNotASilentOne) {
  observation.state.sources[1].reach = uint8_t{0};
  answers.heard = {{"ntp2", true, false}, {"ntp1", true, true}};
  EXPECT_THAT(Ids(), ElementsAre("unsynchronised-source"));
  EXPECT_EQ(Findings()[0].severity, Severity::kWarning);
  answers.heard = {{"ntp2", false, true}};
  EXPECT_THAT(Ids(), ElementsAre("silent-source"));
  answers.heard = {{"ntp2", false, false}};
  EXPECT_THAT(Ids(), ElementsAre("silent-source"));
}

TEST_F(Rules, NoSourceIsOfUse) {
  for (observe::Source& source : observation.state.sources) source.reach = uint8_t{0};
  observation.state.leap = observe::Leap::kUnsynchronised;
  answers.heard = {{"ntp1", true, false}, {"ntp2", true, false}, {"ntp3", true, false}};
  EXPECT_THAT(Ids(), ElementsAre("unsynchronised-source"));
  EXPECT_EQ(Findings()[0].severity, Severity::kError);
  answers.heard.pop_back();
  EXPECT_THAT(Ids(), ElementsAre("unsynchronised-source", "silent-source"));
  EXPECT_EQ(Findings()[1].severity, Severity::kError);
  answers.heard.clear();
  EXPECT_THAT(Ids(), ElementsAre("no-source"));
}

TEST_F(Rules, APublicServerByItsAddress) {
  SetConfig("server 202.112.29.82 iburst\nserver 202.112.29.82\nserver 2001:4860:4806::1\n");
  ASSERT_THAT(Ids(), ElementsAre("public-address", "public-address"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/chrony/chrony.conf:1: 202.112.29.82"));
  fleet = {"202.112.29.82", "2001:4860:4806::1"};
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, AddressesThatAreNotPublic) {
  SetConfig(
      "server 10.1.2.3\nserver 172.16.0.1\nserver 172.31.255.1\nserver 192.168.1.1\n"
      "server 198.18.1.1\nserver 100.64.0.1\nserver 169.254.169.123\nserver fd00::1\n"
      "server fe80::1\nserver 2001:db8::1\nserver 127.0.0.1\nserver 203.0.113.9\npeer ntp1\n"
      "# server 202.112.29.82\nallow 202.112.29.82\n");
  EXPECT_THAT(Ids(), IsEmpty());
  SetConfig("server 172.32.0.1\nserver 100.128.0.1\nserver 198.20.0.1\n");
  EXPECT_THAT(Ids(), ElementsAre("public-address", "public-address", "public-address"));
}

TEST_F(Rules, SourcesOfFilesThatChronyIncludes) {
  facts.files["/etc/chrony/sources.d/a.sources"].content = "pool 202.112.29.82 iburst\n";
  ASSERT_THAT(Ids(), ElementsAre("public-address"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/chrony/sources.d/a.sources:1"));
  facts.files.erase("/etc/chrony/sources.d/a.sources");
  facts.files["/etc/ntp.conf"].content = "server 202.112.29.82 iburst\n";
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, SourcesOfTimesyncd) {
  facts.daemons[0].daemon = facts::Daemon::kTimesyncd;
  SetConfig("[Time]\nNTP=202.112.29.82 ntp1\nFallbackNTP=202.112.29.83\n");
  EXPECT_THAT(Ids(), ElementsAre("public-address"));
}

}  // namespace
}  // namespace fleetsync::doctor
