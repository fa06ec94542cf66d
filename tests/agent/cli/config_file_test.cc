#include "agent/cli/config_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConfigFile, EveryDirectiveIsRead) {
  const ParsedConfig parsed = ParseConfig("agent.conf",
                                          "# the agent of web01\n"
                                          "host web01.example\n"
                                          "\n"
                                          "server 192.0.2.1 iburst minpoll 4 maxpoll 8\r\n"
                                          "server ntp2.example port 4123   # the other one\n"
                                          "controller [2001:db8::1]:7312\n"
                                          "insecure-controller\n"
                                          "report-interval 1m\n"
                                          "state-dir /srv/agent\n"
                                          "user daemon");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const AgentConfig& c = parsed.config;
  EXPECT_EQ(c.host, "web01.example");
  ASSERT_EQ(c.servers.size(), 2u);
  EXPECT_EQ(c.servers[0].name, "192.0.2.1");
  EXPECT_TRUE(c.servers[0].iburst);
  EXPECT_EQ(c.servers[0].minpoll, 4);
  EXPECT_EQ(c.servers[0].maxpoll, 8);
  EXPECT_EQ(c.servers[1].port, 4123);
  EXPECT_FALSE(c.servers[1].iburst);
  EXPECT_EQ(c.controller, "[2001:db8::1]:7312");
  EXPECT_TRUE(c.insecure_controller);
  EXPECT_EQ(c.report_interval, std::chrono::minutes(1));
  EXPECT_EQ(c.state_dir, "/srv/agent");
  EXPECT_EQ(c.user, "daemon");
}

TEST(ConfigFile, WhatIsNotSaidHasADefault) {
  const AgentConfig c = ParseConfig("f", "").config;
  EXPECT_EQ(c.report_interval, std::chrono::seconds(10));
  EXPECT_EQ(c.state_dir, "/var/lib/fleetsync-agent");
  EXPECT_EQ(c.host, "");
  EXPECT_FALSE(c.insecure_controller);
}

TEST(ConfigFile, AMinpollAboveTheDefaultMaxpollMovesIt) {
  EXPECT_EQ(ParseConfig("f", "server a minpoll 12").config.servers[0].maxpoll, 12);
}

TEST(ConfigFile, AllErrorsAreToldEachWithItsLineAndWhatToDo) {
  EXPECT_THAT(
      ParseConfig("agent.conf",
                  "sever 192.0.2.1\n"
                  "server\n"
                  "server a minpol 4\n"
                  "server a minpoll\n"
                  "server a maxpoll 18\n"
                  "server a port 0\n"
                  "server -x\n"
                  "controller 192.0.2.1\n"
                  "report-interval 10\n"
                  "report-interval 1ms\n"
                  "state-dir spool\n"
                  "host\n"
                  "host a b\n"
                  "insecure-controller yes\n"
                  "\x1b[2J 1\n")
          .errors,
      ElementsAre(
          "agent.conf:1: unknown directive \"sever\"; did you mean \"server\"?",
          "agent.conf:2: server needs an address or a name",
          "agent.conf:3: unknown option of server \"minpol\"; did you mean \"minpoll\"?",
          "agent.conf:4: minpoll needs a number",
          "agent.conf:5: maxpoll \"18\" is not a number from 0 to 17",
          "agent.conf:6: port \"0\" is not a number from 1 to 65535",
          "agent.conf:7: \"-x\" is not an address or a name",
          "agent.conf:8: controller \"192.0.2.1\" is not HOST:PORT; write for example "
          "\"192.0.2.1:7312\"",
          "agent.conf:9: '10' is not a duration; write a number and a unit (ns, us, ms, s, m, h, "
          "d), such as 10ms",
          "agent.conf:10: report-interval 1ms is not between 1s and 1d",
          "agent.conf:11: state-dir \"spool\" does not begin with \"/\"",
          "agent.conf:12: host needs a value", "agent.conf:13: \"b\" after a is one word too many",
          "agent.conf:14: \"yes\" after insecure-controller is one word too many",
          "agent.conf:15: unknown directive \"\\x1b[2J\"; known are host, server, controller, "
          "insecure-controller, report-interval, state-dir, user"));
}

TEST(ServerOption, IsTheDirectiveWithCommas) {
  ntp::SourceConfig server;
  EXPECT_EQ(ParseServer("192.0.2.1,iburst,minpoll=4", server), std::nullopt);
  EXPECT_EQ(server.name, "192.0.2.1");
  EXPECT_TRUE(server.iburst);
  EXPECT_EQ(server.minpoll, 4);
  EXPECT_EQ(ParseServer("", server), "server needs an address or a name");
}

}  // namespace
}  // namespace fleetsync::agent
