#include "controller/ssh/ssh_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::ssh {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseSshConfig, ReadsWhatSshGPrints) {
  const SshConfig config = ParseSshConfig(
      "host web01\nuser ops\nhostname 198.18.0.7\nport 2222\naddkeystoagent false\n"
      "identitiesonly yes\nstricthostkeychecking true\nidentityfile ~/.ssh/id_ops\n"
      "identityfile /etc/keys/second key\nglobalknownhostsfile /etc/a /etc/b\n"
      "userknownhostsfile /home/ops/known /home/ops/known2\nhostkeyalias web\n"
      "identityagent /run/agent\nproxyjump ops@bastion:2022,inner\n");
  EXPECT_EQ(config.hostname, "198.18.0.7");
  EXPECT_EQ(config.port, 2222);
  EXPECT_EQ(config.user, "ops");
  EXPECT_THAT(config.identity_files, ElementsAre("~/.ssh/id_ops", "/etc/keys/second key"));
  EXPECT_TRUE(config.identities_only);
  EXPECT_EQ(config.identity_agent, "/run/agent");
  EXPECT_THAT(config.user_known_hosts, ElementsAre("/home/ops/known", "/home/ops/known2"));
  EXPECT_THAT(config.global_known_hosts, ElementsAre("/etc/a", "/etc/b"));
  EXPECT_EQ(config.host_key_alias, "web");
  EXPECT_EQ(config.proxy_jump, "ops@bastion:2022,inner");
  EXPECT_EQ(config.proxy_command, "");
  EXPECT_FALSE(config.accept_new);
}

TEST(ParseSshConfig, NoneAndNonsenseCountAsNotSet) {
  const SshConfig config = ParseSshConfig(
      "port 0\nport 70000\nport 22x\nproxyjump none\nproxycommand none\nhostkeyalias "
      "none\n\n=\nuser\n");
  EXPECT_FALSE(config.port);
  EXPECT_EQ(config.proxy_jump, "");
  EXPECT_EQ(config.proxy_command, "");
  EXPECT_EQ(config.host_key_alias, "");
  EXPECT_EQ(config.user, "");
}

TEST(ParseSshConfig, CheckingThatIsOffAcceptsNewKeysAlone) {
  for (const char* mode : {"accept-new", "no", "off", "false"})
    EXPECT_TRUE(ParseSshConfig(std::string("stricthostkeychecking ") + mode).accept_new) << mode;
  for (const char* mode : {"ask", "yes", "true"})
    EXPECT_FALSE(ParseSshConfig(std::string("stricthostkeychecking ") + mode).accept_new) << mode;
}

TEST(SshConfigCommand, NamesTheHostLastAndNeverAsAnOption) {
  EXPECT_THAT(SshConfigCommand("", "web01", "", {}), ElementsAre("ssh", "-G", "--", "web01"));
  EXPECT_THAT(
      SshConfigCommand("/c", "-oProxyCommand=x", "u", uint16_t{22}),
      ElementsAre("ssh", "-G", "-F", "/c", "-l", "u", "-p", "22", "--", "-oProxyCommand=x"));
}

bool Matters(std::string_view text) {
  return SshConfigMatters(text, [](std::string_view) { return std::vector<std::string>{}; });
}

TEST(SshConfigMatters, NotForADistributionsDefaults) {
  EXPECT_FALSE(
      Matters("# comment\nInclude /etc/ssh/ssh_config.d/*.conf\n\nHost *\n"
              "#   Port 22\n    SendEnv LANG LC_*\n    HashKnownHosts yes\n"
              "    GSSAPIAuthentication yes\n"));
}

TEST(SshConfigMatters, ForAnyValueThatIsUsedInAnyLetterCase) {
  EXPECT_TRUE(Matters("Host web*\n  ProxyJump bastion\n"));
  EXPECT_TRUE(Matters("PORT=2222"));
  EXPECT_TRUE(Matters("port\t2222"));
  EXPECT_TRUE(Matters("Match exec true\n"));
  EXPECT_TRUE(Matters("identityFile ~/.ssh/x"));
}

TEST(SshConfigMatters, LooksIntoIncludedFilesAndGivesUpOnLoops) {
  EXPECT_TRUE(SshConfigMatters("Include conf.d/*", [](std::string_view pattern) {
    EXPECT_EQ(pattern, "conf.d/*");
    return std::vector<std::string>{"SendEnv LANG", "User ops"};
  }));
  EXPECT_TRUE(SshConfigMatters(
      "Include loop", [](std::string_view) { return std::vector<std::string>{"Include loop"}; }));
}

TEST(SshConfigFilesMatter, ReadsTheUsersFileAndWhatItIncludes) {
  const TemporaryFolder home;
  MustRun("mkdir -p " + home.Path(".ssh/more"));
  const std::string absent = home.Path("absent");
  EXPECT_FALSE(SshConfigFilesMatter(absent, home.Path("")));
  home.Write(".ssh/config", "Include more/*.conf\n");
  home.Write(".ssh/more/a.conf", "Host x\n  HostName y\n");
  EXPECT_TRUE(SshConfigFilesMatter(home.Path(".ssh/config"), home.Path("")));
  home.Write(".ssh/more/a.conf", "Host x\n  Compression yes\n");
  EXPECT_FALSE(SshConfigFilesMatter(home.Path(".ssh/config"), home.Path("")));
}

}  // namespace
}  // namespace fleetsync::ssh
