#include "agent/cli/config_file.h"

#include "base/file.h"
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
                                          "tls-dir /srv/tls\n"
                                          "report-interval 1m\n"
                                          "state-dir /srv/agent\n"
                                          "user daemon");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const AgentConfig& c = parsed.config;
  EXPECT_EQ(c.host, "web01.example");
  ASSERT_EQ(c.engine.sources.size(), 2u);
  EXPECT_EQ(c.engine.sources[0].name, "192.0.2.1");
  EXPECT_TRUE(c.engine.sources[0].iburst);
  EXPECT_EQ(c.engine.sources[0].minpoll, 4);
  EXPECT_EQ(c.engine.sources[0].maxpoll, 8);
  EXPECT_EQ(c.engine.sources[1].port, 4123);
  EXPECT_FALSE(c.engine.sources[1].iburst);
  EXPECT_EQ(c.controller, "[2001:db8::1]:7312");
  EXPECT_TRUE(c.insecure_controller);
  EXPECT_EQ(c.tls_dir, "/srv/tls");
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
  EXPECT_EQ(c.tls_dir, "/var/lib/fleetsync-agent/tls");
  EXPECT_TRUE(c.engine.control_clock);
  EXPECT_EQ(c.engine.step_threshold, std::chrono::milliseconds(128));
}

TEST(ConfigFile, WhatTheClockIsSetByIsRead) {
  const ParsedConfig parsed = ParseConfig("agent.conf",
                                          "driftfile /var/lib/chrony/drift\n"
                                          "keyfile /etc/chrony/chrony.keys\n"
                                          "step 50ms\n"
                                          "stepout 1m\n"
                                          "slew-only\n"
                                          "panic 10s\n"
                                          "panic-once\n"
                                          "min-sources 3\n"
                                          "max-distance 500ms\n"
                                          "timestamping user\n"
                                          "seccomp kill\n"
                                          "no-clock-control\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const AgentConfig& c = parsed.config;
  EXPECT_EQ(c.drift_file, "/var/lib/chrony/drift");
  EXPECT_EQ(c.key_file, "/etc/chrony/chrony.keys");
  EXPECT_EQ(c.engine.step_threshold, std::chrono::milliseconds(50));
  EXPECT_EQ(c.engine.stepout, std::chrono::minutes(1));
  EXPECT_TRUE(c.engine.slew_only);
  EXPECT_EQ(c.engine.panic_threshold, std::chrono::seconds(10));
  EXPECT_TRUE(c.engine.panic_once);
  EXPECT_EQ(c.engine.min_sources, 3);
  EXPECT_EQ(c.engine.max_distance, std::chrono::milliseconds(500));
  EXPECT_TRUE(c.user_timestamps);
  EXPECT_EQ(c.seccomp, Seccomp::kKill);
  EXPECT_FALSE(c.engine.control_clock);
}

TEST(ConfigFile, EveryOptionOfAServerIsRead) {
  const ParsedConfig parsed = ParseConfig(
      "agent.conf",
      "server a prefer trust noselect fallback smear xleave key 7 maxdelay 20ms offset -1ms\n"
      "server b\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const ntp::SourceConfig& a = parsed.config.engine.sources[0];
  EXPECT_TRUE(a.prefer && a.trust && a.noselect && a.fallback && a.smear && a.xleave);
  EXPECT_EQ(a.key, 7u);
  EXPECT_EQ(a.max_delay, std::chrono::milliseconds(20));
  EXPECT_EQ(a.offset, -std::chrono::milliseconds(1));
  const ntp::SourceConfig& b = parsed.config.engine.sources[1];
  EXPECT_FALSE(b.prefer || b.trust || b.noselect || b.fallback || b.smear || b.xleave || b.iburst);
  EXPECT_EQ(b.key, std::nullopt);
  EXPECT_EQ(b.max_delay, std::nullopt);
}

TEST(ConfigFile, WhatTheClockIsSetByHasItsErrors) {
  EXPECT_THAT(ParseConfig("f",
                          "step 0\n"
                          "min-sources 0\n"
                          "timestamping hardware\n"
                          "driftfile drift\n"
                          "panic-once yes\n"
                          "seccomp on\n"
                          "server a key 0\n"
                          "server a maxdelay 0\n"
                          "server a offset 2m\n"
                          "server a prefr\n")
                  .errors,
              ElementsAre("f:1: step 0 is not between 1ms and 365d",
                          "f:2: min-sources \"0\" is not a number from 1 to 100",
                          "f:3: timestamping \"hardware\" is neither \"kernel\" nor \"user\"",
                          "f:4: driftfile \"drift\" does not begin with \"/\"",
                          "f:5: \"yes\" after panic-once is one word too many",
                          "f:6: seccomp \"on\" is neither \"fail\" nor \"kill\" nor \"off\"",
                          "f:7: key \"0\" is not a number from 1 to 4294967295",
                          "f:8: maxdelay 0 is not between 1ns and 60s",
                          "f:9: offset 2m is not between -60s and 60s",
                          "f:10: unknown option of server \"prefr\"; did you mean \"prefer\"?"));
}

TEST(ConfigFile, AnOptionOfTheCommandLineIsADirective) {
  AgentConfig config;
  EXPECT_EQ(ParseOption("driftfile", "/d", config), std::nullopt);
  EXPECT_EQ(config.drift_file, "/d");
  EXPECT_EQ(ParseOption("timestamping", "x", config),
            "timestamping \"x\" is neither \"kernel\" nor \"user\"");
}

TEST(ConfigFile, AMinpollAboveTheDefaultMaxpollMovesIt) {
  EXPECT_EQ(ParseConfig("f", "server a minpoll 12").config.engine.sources[0].maxpoll, 12);
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
          "agent.conf:4: minpoll needs a value",
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
          "insecure-controller, tls-dir, report-interval, state-dir, user, no-clock-control, "
          "observe, driftfile, keyfile, step, stepout, slew-only, panic, panic-once, min-sources, "
          "max-distance, allow, deny, port, bindaddress, local, ratelimit, workers, timestamping, "
          "seccomp"));
}

TEST(ConfigFile, WhomTimeIsServedToIsRead) {
  const ParsedConfig parsed = ParseConfig("agent.conf",
                                          "allow 10.0.0.0/8\n"
                                          "allow 2001:db8::/32\n"
                                          "deny 10.7.7.7\n"
                                          "allow\n"
                                          "port 11123\n"
                                          "bindaddress 127.0.0.1\n"
                                          "local stratum 12 orphan\n"
                                          "ratelimit interval 1 burst 16\n"
                                          "workers 4\n");
  ASSERT_THAT(parsed.errors, IsEmpty());
  const ServeConfig& serve = parsed.config.serve;
  ASSERT_EQ(serve.access.size(), 4u);
  EXPECT_EQ(serve.access[0].prefix, 96 + 8);
  EXPECT_EQ(serve.access[1].prefix, 32);
  EXPECT_EQ(serve.access[2].prefix, 128);
  EXPECT_FALSE(serve.access[2].allow);
  EXPECT_EQ(serve.access[3].prefix, 0);
  EXPECT_EQ(serve.port, 11123);
  EXPECT_EQ(serve.addresses.size(), 1u);
  EXPECT_EQ(serve.local_stratum, 12);
  EXPECT_EQ(parsed.config.engine.orphan_stratum, 12);
  EXPECT_EQ(serve.limit.interval, std::chrono::seconds(2));
  EXPECT_EQ(serve.limit.burst, 16);
  EXPECT_EQ(serve.workers, 4u);
  EXPECT_TRUE(parsed.config.Serves());
}

TEST(ConfigFile, WithoutAnAllowedNetworkOrAPortNobodyIsServed) {
  EXPECT_FALSE(ParseConfig("f", "").config.Serves());
  EXPECT_FALSE(ParseConfig("f", "deny 10.0.0.0/8\nlocal stratum 10\nport 123\n").config.Serves());
  EXPECT_FALSE(ParseConfig("f", "allow\nport 0\n").config.Serves());
  EXPECT_TRUE(ParseConfig("f", "allow\n").config.Serves());
}

TEST(ConfigFile, WhatIsNotSaidOfServingIsAsChronydHasIt) {
  const AgentConfig c = ParseConfig("f", "local\nratelimit\n").config;
  EXPECT_EQ(c.serve.local_stratum, 10);
  EXPECT_EQ(c.engine.orphan_stratum, std::nullopt);
  EXPECT_EQ(c.serve.limit.interval, std::chrono::seconds(8));
  EXPECT_EQ(c.serve.limit.burst, 8);
  EXPECT_EQ(c.serve.port, 123);
  EXPECT_EQ(c.serve.workers, 1u);
}

TEST(ConfigFile, TheManualsRelayIsUnderstood) {
  const auto manual = ReadFile("docs/agent.md", 1 << 20);
  ASSERT_TRUE(manual.ok()) << Message(manual.status());
  const size_t begin = manual->find("\nserver ntp1.example iburst\n");
  ASSERT_NE(begin, std::string::npos);
  const ParsedConfig parsed =
      ParseConfig("docs/agent.md", manual->substr(begin, manual->find("```", begin) - begin));
  EXPECT_THAT(parsed.errors, IsEmpty());
  EXPECT_TRUE(parsed.config.Serves());
}

TEST(ConfigFile, WhomTimeIsServedToHasItsErrors) {
  EXPECT_THAT(
      ParseConfig("f",
                  "allow 10.0.0.0/33\n"
                  "deny web01\n"
                  "allow fe80::1%lo\n"
                  "deny 10.0.0.1 10.0.0.2\n"
                  "port 65536\n"
                  "bindaddress eth0\n"
                  "local stratum 16\n"
                  "local stratum\n"
                  "local orphn\n"
                  "ratelimit interval 13\n"
                  "ratelimit burst\n"
                  "ratelimit leak 2\n"
                  "workers 17\n")
          .errors,
      ElementsAre(
          "f:1: allow \"10.0.0.0/33\" is not a network; write 10.0.0.0/8, 2001:db8::/32, one "
          "address, or all",
          "f:2: deny \"web01\" is not a network; write 10.0.0.0/8, 2001:db8::/32, one address, or "
          "all",
          "f:3: allow \"fe80::1%lo\" is not a network; write 10.0.0.0/8, 2001:db8::/32, one "
          "address, or all",
          "f:4: \"10.0.0.2\" after 10.0.0.1 is one word too many",
          "f:5: port \"65536\" is not a number from 0 to 65535",
          "f:6: bindaddress \"eth0\" is not an address; write 192.0.2.1 or 2001:db8::1",
          "f:7: stratum \"16\" is not a number from 1 to 15", "f:8: stratum needs a value",
          "f:9: unknown option of local \"orphn\"; did you mean \"orphan\"?",
          "f:10: interval \"13\" is not a number from -19 to 12", "f:11: burst needs a value",
          "f:12: unknown option of ratelimit \"leak\"; known are interval, burst",
          "f:13: workers \"17\" is not a number from 1 to 16"));
}

TEST(ConfigFile, WhoIsObservedIsReadAndHasADefault) {
  using observe::Kind;
  EXPECT_EQ(ParseConfig("f", "").config.Observed(), Kind::kNone) << "it keeps the clock";
  EXPECT_EQ(ParseConfig("f", "no-clock-control\n").config.Observed(), Kind::kAuto);
  EXPECT_EQ(ParseConfig("f", "no-clock-control\nobserve none\n").config.Observed(), Kind::kNone);
  EXPECT_EQ(ParseConfig("f", "observe timesyncd\n").config.Observed(), Kind::kTimesyncd);
  EXPECT_THAT(ParseConfig("f", "observe chronyd\n").errors,
              ElementsAre("f:1: unknown time daemon \"chronyd\"; did you mean \"chrony\"?"));
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
