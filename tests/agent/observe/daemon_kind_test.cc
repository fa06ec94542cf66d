#include "agent/observe/daemon_kind.h"

#include "gtest/gtest.h"

namespace fleetsync::observe {
namespace {

TEST(DaemonKind, EveryWordIsReadAndWritten) {
  for (const char* word : {"none", "auto", "chrony", "ntp", "openntpd", "timesyncd"}) {
    ASSERT_TRUE(KindOf(word).has_value()) << word;
    EXPECT_EQ(ToString(*KindOf(word)), word);
  }
  EXPECT_FALSE(KindOf("ntpd").has_value());
}

// As the lab's hosts show them.
TEST(DaemonKind, TheFourProgramsCalledNtpdAreToldApart) {
  EXPECT_EQ(KindOfProgram("chronyd", {"/usr/sbin/chronyd", "-F", "1"}), Kind::kChrony);
  EXPECT_EQ(KindOfProgram("systemd-timesyncd", {"/lib/systemd/systemd-timesyncd"}),
            Kind::kTimesyncd);
  EXPECT_EQ(KindOfProgram("ntpd", {"/usr/sbin/ntpd", "-p", "/run/ntpd.pid", "-g"}), Kind::kNtp);
  EXPECT_EQ(KindOfProgram("ntpd", {"/usr/sbin/ntpd", "-f", "/etc/openntpd/ntpd.conf"}),
            Kind::kOpenntpd);
  EXPECT_EQ(KindOfProgram("ntpd", {"ntpd: ntp engine"}), Kind::kOpenntpd);
  EXPECT_EQ(KindOfProgram("ntpd", {"busybox", "ntpd", "-p", "192.0.2.1"}), Kind::kNone);
  EXPECT_EQ(KindOfProgram("phc2sys", {"phc2sys", "-a"}), Kind::kNone);
}

TEST(DaemonKind, DaemonsThatAnswerDatagramsNeedNoProgram) {
  EXPECT_FALSE(QuestionFor(Kind::kChrony));
  EXPECT_FALSE(QuestionFor(Kind::kNtp));
  EXPECT_TRUE(QuestionFor(Kind::kOpenntpd));
  EXPECT_TRUE(QuestionFor(Kind::kTimesyncd));
}

}  // namespace
}  // namespace fleetsync::observe
