#include "tests/controller/doctor/rules_fixture.h"

namespace fleetsync::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<FileLine> Lines(const std::string& path, const std::vector<std::string>& texts) {
  std::vector<FileLine> lines;
  for (const std::string& text : texts)
    lines.push_back({path + ":" + std::to_string(lines.size() + 1), path, text});
  return lines;
}

TEST_F(Rules, NtpOnTcpAlone) {
  answers.services = Lines("/etc/services", {"ntp\t\t123/tcp"});
  ASSERT_THAT(Ids(), ElementsAre("services-tcp-only"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/services:1:"));
  answers.services = Lines("/etc/services", {"ntp 123/tcp", "ntp 123/udp # Network Time Protocol"});
  EXPECT_THAT(Ids(), IsEmpty());
  answers.services = Lines("/etc/services", {"ntp 123/udp"});
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, TzOverridesTheZone) {
  facts.timezone = "Europe/Berlin";
  answers.tz = Lines("/etc/environment", {"TZ=\"Asia/Shanghai\""});
  ASSERT_THAT(Ids(), ElementsAre("tz-overrides"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/environment:1: TZ=Asia/Shanghai"));
  const std::string script = "/etc/profile.d/tz.sh";
  for (const auto& lines : std::vector<std::vector<std::string>>{{"export TZ=UTC"},
                                                                 {"TZ='UTC'; export TZ"},
                                                                 {"TZ=UTC", "export TZ"},
                                                                 {"setenv TZ UTC"},
                                                                 {"  export TZ=UTC # why"}}) {
    answers.tz = Lines(script, lines);
    EXPECT_THAT(Ids(), ElementsAre("tz-overrides")) << lines[0];
  }
}

TEST_F(Rules, TzThatOverridesNothing) {
  facts.timezone = "Europe/Berlin";
  for (const char* line :
       {"export TZ=Europe/Berlin", "export TZ=:/etc/localtime", "export TZ=/etc/localtime",
        "export TZ=:/usr/share/zoneinfo/Europe/Berlin", "TZ=UTC", "TZ=UTC date", "export TZ",
        "export TZ="}) {
    answers.tz = Lines("/etc/profile.d/tz.sh", {line});
    EXPECT_THAT(Ids(), IsEmpty()) << line;
  }
}

TEST_F(Rules, AListOfPasswordsForEverybody) {
  answers.password_lists = {"/tmp/servers.txt:12"};
  ASSERT_THAT(Ids(), ElementsAre("password-list"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/tmp/servers.txt: everybody"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("its 12 lines"));
  EXPECT_EQ(Findings()[0].todo, "change these passwords; rm /tmp/servers.txt; use keys");
}

TEST_F(Rules, SshThatEatsTheList) {
  const std::string path = "/etc/cron.daily/sync";
  for (const auto& lines : std::vector<std::vector<std::string>>{
           {"while read user host; do ssh $user@$host date; done </tmp/servers.txt"},
           {"while read user host", "do", "  ssh -o BatchMode=no $user@$host \"ntpdate relay\"",
            "done < /tmp/servers.txt"},
           {"cat list | while IFS= read -r h; do", "/usr/bin/ssh -t $h date; done"},
           {"while read h; do", "for i in 1 2; do ssh $h date; done", "done"},
           {"while read h; do", "for i in 1 2; do true; done", "ssh $h date", "done"},
           {"while read h; do", "sshpass -p secret ssh root@$h date", "done"}}) {
    answers.loops = Lines(path, lines);
    ASSERT_THAT(Ids(), ElementsAre("ssh-eats-list")) << lines[0];
    EXPECT_THAT(Findings()[0].what, HasSubstr(path));
    EXPECT_THAT(Findings()[0].what, Not(HasSubstr("secret")));
  }
}

TEST_F(Rules, LoopsThatKeepTheirList) {
  for (const auto& lines : std::vector<std::vector<std::string>>{
           {"while read user host; do ssh -n $user@$host date; done </tmp/servers.txt"},
           {"while read h; do", "ssh -nT $h date", "done"},
           {"while read h; do", "ssh $h date </dev/null", "done"},
           {"while read h; do", "ssh $h date < /dev/null", "done"},
           {"while read -u 3 h; do", "ssh $h date", "done 3<list"},
           {"while read h <&3; do", "ssh $h date", "done 3<list"},
           {"while read h; do", "ssh-keygen -R $h; cat ~/.ssh/config", "done"},
           {"while read h; do", "# ssh $h date", "done"},
           {"while read h; do echo $h; done", "ssh relay date"},
           {"for h in a b; do", "ssh $h date", "done"},
           {"while sleep 1; do", "ssh $h date", "done"},
           {"# while read h; do", "ssh $h date", "done"}}) {
    answers.loops = Lines("/etc/cron.daily/sync", lines);
    EXPECT_THAT(Ids(), IsEmpty()) << lines[0] << lines[1 % lines.size()];
  }
}

TEST_F(Rules, ALoopEndsWithItsFile) {
  answers.loops = Lines("/etc/cron.daily/a", {"while read h; do"});
  answers.loops.push_back({"/etc/cron.daily/b:1", "/etc/cron.daily/b", "ssh relay date"});
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, ExpectThatSendsNoReturn) {
  answers.expect_sends = {"/etc/cron.daily/sync:7"};
  ASSERT_THAT(Ids(), ElementsAre("expect-no-return"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/cron.daily/sync:7:"));
}

}  // namespace
}  // namespace fleetsync::doctor
