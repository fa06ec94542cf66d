#include "controller/ssh/target.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ssh {
namespace {

using testing::ElementsAre;

const LocalUser kLocal{.name = "me", .home = "/home/me"};

TEST(MakeTarget, WithoutAnySettingSshsDefaultsHold) {
  inventory::Host host;
  host.name = "web01";
  const Target target = MakeTarget(host, {}, kLocal);
  EXPECT_EQ(target.address, "web01");
  EXPECT_EQ(target.port, 22);
  EXPECT_EQ(target.user, "me");
  EXPECT_EQ(target.key_name, "web01");
  EXPECT_EQ(target.inventory_name, "");
  EXPECT_THAT(target.identities, ElementsAre("/home/me/.ssh/id_ed25519", "/home/me/.ssh/id_ecdsa",
                                             "/home/me/.ssh/id_rsa"));
  EXPECT_FALSE(target.identities_named);
  EXPECT_THAT(target.known_hosts,
              ElementsAre("/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2",
                          "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"));
}

SshConfig FullConfig() {
  return {.hostname = "198.18.0.7",
          .port = uint16_t{2222},
          .user = "ops",
          .identity_files = {"~/.ssh/ops"},
          .identities_only = true,
          .identity_agent = "~/agent",
          .user_known_hosts = {"~/known"},
          .global_known_hosts = {"/etc/known"},
          .host_key_alias = "alias",
          .proxy_jump = "bastion",
          .proxy_command = "",
          .accept_new = true};
}

TEST(MakeTarget, SshConfigFillsWhatTheInventoryLeavesOpen) {
  inventory::Host host;
  host.name = "web01";
  const Target target = MakeTarget(host, FullConfig(), kLocal);
  EXPECT_EQ(target.address, "198.18.0.7");
  EXPECT_EQ(target.port, 2222);
  EXPECT_EQ(target.user, "ops");
  EXPECT_EQ(target.key_name, "alias");
  EXPECT_EQ(target.inventory_name, "") << "an alias is the only name";
  EXPECT_THAT(target.identities, ElementsAre("/home/me/.ssh/ops"));
  EXPECT_THAT(target.known_hosts, ElementsAre("/home/me/known", "/etc/known"));
  EXPECT_EQ(target.proxy_jump, "bastion");
  EXPECT_EQ(target.identity_agent, "/home/me/agent");
  EXPECT_TRUE(target.accept_new);
}

TEST(MakeTarget, TheInventoryWins) {
  inventory::Host host;
  host.name = "web01";
  inventory::Connection& given = host.connection;
  given.address = "10.0.0.1";
  given.port = uint16_t{22};
  given.user = "root";
  given.identities = {"/keys/a"};
  given.known_hosts = {"/keys/known"};
  given.proxy_jump = "other";
  SshConfig config = FullConfig();
  config.host_key_alias.clear();
  const Target target = MakeTarget(host, config, kLocal);
  EXPECT_EQ(target.address, "10.0.0.1");
  EXPECT_EQ(target.port, 22);
  EXPECT_EQ(target.user, "root");
  EXPECT_EQ(target.key_name, "10.0.0.1");
  EXPECT_EQ(target.inventory_name, "web01");
  EXPECT_THAT(target.identities, ElementsAre("/keys/a"));
  EXPECT_TRUE(target.identities_named);
  EXPECT_TRUE(target.identities_only);
  EXPECT_THAT(target.known_hosts, ElementsAre("/keys/known"));
  EXPECT_EQ(target.proxy_jump, "other");
}

TEST(MakeTarget, AJumpOfTheInventoryReplacesAProxyCommandAndNoneMeansNone) {
  inventory::Host host;
  host.name = "web01";
  SshConfig config;
  config.proxy_command = "nc %h %p";
  EXPECT_EQ(MakeTarget(host, config, kLocal).proxy_command, "nc %h %p");
  host.connection.proxy_jump = "none";
  const Target target = MakeTarget(host, config, kLocal);
  EXPECT_EQ(target.proxy_command, "");
  EXPECT_EQ(target.proxy_jump, "");
}

TEST(ParseProxyJump, ReadsEachFormOfAHop) {
  const auto hops = ParseProxyJump("a,ops@b:2222, ssh://root@[2001:db8::1]:23 ,2001:db8::2");
  ASSERT_TRUE(hops.ok()) << hops.status();
  ASSERT_EQ(hops->size(), 4u);
  EXPECT_EQ((*hops)[0].host, "a");
  EXPECT_EQ((*hops)[0].port, 0);
  EXPECT_EQ((*hops)[1].user, "ops");
  EXPECT_EQ((*hops)[1].port, 2222);
  EXPECT_EQ((*hops)[2].host, "2001:db8::1");
  EXPECT_EQ((*hops)[2].port, 23);
  EXPECT_EQ((*hops)[3].host, "2001:db8::2");
}

TEST(ParseProxyJump, RefusesWhatIsNotAPlainName) {
  for (const char* bad : {"", "a,", "-oProxyCommand=x", "a b", "a;b", "$(a)", "a'", "`a`", "a|b",
                          "a:0", "a:x", "a:70000", "x@", "@x", "-l@x", "[a", "a\nb", "a%h", "a/b"})
    EXPECT_EQ(ParseProxyJump(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  EXPECT_EQ(Message(ParseProxyJump("a;b").status()),
            "'a;b' in proxy_jump is not [user@]host[:port]");
}

Target WebBehindBastion() {
  Target target;
  target.address = "10.0.0.7";
  target.port = 2200;
  target.user = "ops";
  return target;
}

TEST(JumpCommand, OneHopIsOneSshThatForwards) {
  const auto hops = ParseProxyJump("jump@bastion:2022");
  EXPECT_THAT(
      JumpCommand(*hops, WebBehindBastion(),
                  {.config_file = "/c",
                   .identities = {"/k"},
                   .known_hosts = {"/a", "/b"},
                   .accept_new = true,
                   .connect_seconds = 7}),
      ElementsAre("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=7", "-F", "/c", "-i", "/k",
                  "-o", "UserKnownHostsFile=/a /b", "-o", "StrictHostKeyChecking=accept-new", "-l",
                  "jump", "-p", "2022", "-W", "[10.0.0.7]:2200", "--", "bastion"));
}

TEST(JumpCommand, TheFirstHopIsNearestAndItsCommandIsQuotedForTheShellOfSsh) {
  const auto hops = ParseProxyJump("a,b:23");
  EXPECT_THAT(
      JumpCommand(*hops, WebBehindBastion(),
                  {.config_file = "",
                   .identities = {"/my key%1"},
                   .known_hosts = {},
                   .accept_new = false,
                   .connect_seconds = 7}),
      ElementsAre("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=7", "-i", "/my key%1", "-o",
                  "ProxyCommand=ssh -o BatchMode=yes -o ConnectTimeout=7 -i '/my key%%1' "
                  "-W '[b]:23' -- a",
                  "-p", "23", "-W", "[10.0.0.7]:2200", "--", "b"));
}

TEST(ExpandProxyCommand, FillsInTheTokens) {
  Target target = WebBehindBastion();
  target.inventory_name = "web07";
  EXPECT_EQ(*ExpandProxyCommand("nc %h %p # %r %n 100%%", target),
            "exec nc 10.0.0.7 2200 # ops web07 100%");
}

TEST(ExpandProxyCommand, RefusesValuesThatAShellWouldRead) {
  Target target = WebBehindBastion();
  target.user = "$(reboot)";
  EXPECT_EQ(Message(ExpandProxyCommand("nc %h", target).status()),
            "'$(reboot)' may not be part of a ProxyCommand: it is not a plain name");
  EXPECT_EQ(Message(ExpandProxyCommand("nc %C", WebBehindBastion()).status()),
            "ProxyCommand has %C, which is not supported (only %h %n %p %r %%)");
}

}  // namespace
}  // namespace fleetsync::ssh
