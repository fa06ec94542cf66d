// The program as a user runs it, with a time server and a controller in this process.
#include "tests/agent/cli/agent_program.h"

namespace fleetsync::agent {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(AgentProgram, QueryPrintsTheTrueOffsetAndEndsWell) {
  const TimeServer server(std::chrono::milliseconds(30));
  EXPECT_EQ(
      RunToEnd({"run", "--query", "--server", fmt::format("127.0.0.1,port={}", server.port())}), 0);
  EXPECT_THAT(Out(), ContainsRegex("this clock is off by \\+(30|29)\\.[0-9] ms, give or take "));
  EXPECT_EQ(Err(), "");
}

TEST_F(AgentProgram, QueryOfNobodyEndsWithFour) {
  EXPECT_EQ(RunToEnd({"run", "--query", "--server", "127.0.0.1,port=1"}), 4);
  EXPECT_EQ(Out(),
            "  SOURCE     ADDRESS    STRATUM  OFFSET  BOUND  DELAY  JITTER  REFERENCE\n"
            "? 127.0.0.1  127.0.0.1  -        -       -      -      -       no answer\n"
            "\n"
            "no majority of the sources can be believed\n");
}

TEST_F(AgentProgram, AServerWithAKeyIsBelievedOnlyWithThatKey) {
  const std::string text = "7 SHA1 ASCII:not-a-secret\n8 SHA256 ASCII:another\n";
  const std::string file = folder_ + "/keys";
  ASSERT_TRUE(WriteFileAtomically(file, text, 0600).ok());
  const TimeServer server(
      std::chrono::milliseconds(30),
      *ntp::Authenticator::Create(ntp::ParseKeyFile(text, ntp::KeyFileFormat::kChrony)->keys));
  const auto query = [&](int key) {
    return RunToEnd({"run", "--query", "--keys", file, "--server",
                     fmt::format("127.0.0.1,port={},key={}", server.port(), key)});
  };
  EXPECT_EQ(query(7), 0);
  EXPECT_EQ(query(8), 4);
  EXPECT_THAT(Out(), HasSubstr("not authentic: "));
  EXPECT_EQ(query(9), 1);
  EXPECT_THAT(Err(), HasSubstr("there is no key 9, which server 127.0.0.1 has"));
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_EQ(query(7), 1);
  EXPECT_THAT(Err(), HasSubstr("every user of this host can read the keys; run: chmod 640 "));
}

TEST_F(AgentProgram, QueryPrintsJsonForPrograms) {
  const TimeServer server(std::chrono::milliseconds(30));
  EXPECT_EQ(RunToEnd({"run", "--query", "-o", "json", "--timestamping", "user", "--server",
                      fmt::format("127.0.0.1,port={}", server.port())}),
            0);
  EXPECT_THAT(Out(), StartsWith("{\"synchronised\": true, \"offset_s\": 0.0"));
  EXPECT_EQ(RunToEnd({"run", "-o", "json", "--server", "127.0.0.1,port=1"}), 2);
}

// The clock cannot be set by a program that a test starts: see Start().
TEST_F(AgentProgram, OnceWithoutThePermissionSaysWhatToDo) {
  const TimeServer server(std::chrono::seconds(3));
  EXPECT_EQ(RunToEnd({"run", "--once", "--force", "--server",
                      fmt::format("127.0.0.1,port={}", server.port())}),
            1);
  EXPECT_EQ(Out(), "");
  EXPECT_THAT(Err(), StartsWith("fleetsync-agent: taking over the clock: Operation not permitted; "
                                "this takes root or the capability CAP_SYS_TIME"));
}

TEST_F(AgentProgram, OnceWithNobodyToBelieveEndsWithFour) {
  EXPECT_EQ(RunToEnd({"run", "--once", "--force", "--server", "127.0.0.1,port=1", "--server",
                      "nowhere.invalid"}),
            4);
  EXPECT_EQ(Err(),
            "fleetsync-agent: no majority of the sources can be believed; the clock is left alone\n"
            "fleetsync-agent: 127.0.0.1: no answer\n"
            "fleetsync-agent: nowhere.invalid: the name does not resolve\n");
}

TEST_F(AgentProgram, WithoutThePermissionItMeasuresAndSaysSo) {
  const TimeServer server(Duration(0));
  Start({"run", "--no-report", "--force", "--server",
         fmt::format("127.0.0.1,iburst,port={}", server.port())});
  WaitFor("selected");
  EXPECT_THAT(Err(), StartsWith("fleetsync-agent: taking over the clock: Operation not permitted"));
  EXPECT_THAT(Err(), HasSubstr("; only measuring\nfleetsync-agent: selected 127.0.0.1, offset "));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(AgentProgram, AWrongOptionIsRefusedWithWhatToDo) {
  const struct {
    std::vector<std::string> options;
    const char* error;
  } cases[] = {
      {{"--server", "a,minpol=4"},
       "fleetsync-agent: --server a,minpol=4: unknown option of server \"minpol\"; did you mean "
       "\"minpoll\"?\n"},
      {{"--server", "a", "--drift", "here"},
       "fleetsync-agent: command line: driftfile \"here\" does not begin with \"/\"\n"},
      {{"--server", "a", "--timestamping", "x"},
       "fleetsync-agent: command line: timestamping \"x\" is neither \"kernel\" nor \"user\"\n"},
  };
  for (const auto& c : cases) {
    std::vector<std::string> arguments{"run", "--no-report", "--no-clock-control"};
    arguments.insert(arguments.end(), c.options.begin(), c.options.end());
    EXPECT_EQ(RunToEnd(arguments), 2);
    EXPECT_EQ(Err(), c.error);
  }
  EXPECT_EQ(RunToEnd({"run", "--once", "--query", "--server", "a"}), 2);
  EXPECT_EQ(RunToEnd({"run", "--no-report", "--port", "65536", "--server", "a"}), 2);
  EXPECT_EQ(RunToEnd({"run", "--minpoll", "18", "--server", "a"}), 2);
}

TEST_F(AgentProgram, WhatAPushWritesIsUnderstood) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/agent")) {
    EXPECT_EQ(RunToEnd({"check", "--config", entry.path()}), 0) << entry.path() << Err();
    ++files;
  }
  EXPECT_GE(files, 4u);
}

TEST_F(AgentProgram, ServesWhatItMeasuresToThoseWhoAreAllowed) {
  const TimeServer server(std::chrono::milliseconds(30));
  const std::string common = fmt::format(
      "no-clock-control\nobserve none\nserver 127.0.0.1 port {} iburst\n", server.port());
  Start({"run", "--no-report", "--config", Config(common)});
  WaitFor("selected");
  EXPECT_EQ(Threads(), 1u) << "who serves nobody has no thread for it";
  EXPECT_EQ(Stop(), 0);

  const uint16_t port = FreePort();
  Start({"run", "--no-report", "--allow", "127.0.0.0/8", "--port", fmt::format("{}", port),
         "--config", Config(common + "bindaddress 127.0.0.1\nworkers 2\nseccomp kill\n")});
  WaitFor("serving time from 127.0.0.1: stratum 2, ");
  const auto answer =
      serve::AskServer(*net::ParseNumericAddress("127.0.0.1", port), std::chrono::seconds(10));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->packet.stratum, 2);
  EXPECT_EQ(answer->packet.leap, ntp::Leap::kNone);
  EXPECT_NEAR(ToSeconds(answer->offset), 0.03, 0.02);
  EXPECT_EQ(Threads(), 3u);
  for (const auto& thread :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
    const std::string status = *ReadFile(thread.path().string() + "/status", 1 << 16);
    EXPECT_THAT(status, HasSubstr("Seccomp:\t2\n"));
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  }
  EXPECT_EQ(Stop(), 0);
  EXPECT_THAT(Err(), HasSubstr("fleetsync-agent: served 1 requests: 1 answered\n"));
}

TEST_F(AgentProgram, WithoutAServerItServesOnlyAtALocalStratum) {
  const std::string serving = "no-clock-control\nobserve none\nallow\nbindaddress 127.0.0.1\n";
  EXPECT_EQ(RunToEnd({"run", "--no-report", "--config", Config(serving)}), 2);
  EXPECT_THAT(Err(), HasSubstr("there is no time server; add "));
  const uint16_t port = FreePort();
  Start({"run", "--no-report", "--port", fmt::format("{}", port), "--config",
         Config(serving + "local stratum 12\n")});
  WaitFor("serving time from this machine's own clock, for want of a better one: stratum 12, ");
  EXPECT_EQ(Stop(), 0);
}

TEST_F(AgentProgram, APortThatIsTakenIsToldWithItsOwner) {
  const TimeServer other(Duration(0));
  EXPECT_EQ(RunToEnd({"run", "--no-report", "--port", fmt::format("{}", other.port()), "--config",
                      Config("no-clock-control\nobserve none\nserver 127.0.0.1\nallow\n"
                             "bindaddress 127.0.0.1\n")}),
            1);
  EXPECT_THAT(Err(), ContainsRegex(
                         "127.0.0.1 port [0-9]+ is taken by agent_program_t \\(process [0-9]+\\); "
                         "stop it, or choose another address or port\n"));
}

TEST_F(AgentProgram, ReportsTheOffsetOfItsClockOverTheStream) {
  const TimeServer server(std::chrono::milliseconds(30));
  report::FakeController controller;
  Start({"run", "--config", Reporting(server, controller)});
  ASSERT_TRUE(controller.WaitUntil(
      [](const auto& c) { return c.reports.size() >= 3 && c.reports.back().stratum() == 2; }));
  EXPECT_EQ(Stop(), 0);
  controller.Stop();
  const v1::Report& r = controller.reports.back();
  EXPECT_NEAR(static_cast<double>(r.offset_ns()), 30e6, static_cast<double>(r.error_bound_ns()));
  EXPECT_LT(r.error_bound_ns(), 20'000'000u);
  EXPECT_EQ(controller.reports.front().sequence(), 1u);
  EXPECT_EQ(r.sources(0).state(), v1::SOURCE_STATE_SELECTED);
  EXPECT_EQ(controller.hellos.front().host(), "web01");
}

TEST_F(AgentProgram, TheReporterIsAnotherProcessWithoutPrivilegesAndIsStartedAgain) {
  const TimeServer server(Duration(0));
  report::FakeController controller;
  Start({"run", "--config", Reporting(server, controller)});
  ASSERT_TRUE(controller.WaitUntil([](const auto& c) { return !c.reports.empty(); }));
  const std::set<pid_t> children = Children();
  ASSERT_EQ(children.size(), 1u);
  const std::string status = *ReadFile(fmt::format("/proc/{}/status", *children.begin()), 1 << 16);
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000\n"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  if (geteuid() == 0) {
    EXPECT_THAT(status, ::testing::Not(HasSubstr("Uid:\t0")));
  }
  kill(*children.begin(), SIGKILL);
  ASSERT_TRUE(controller.WaitUntil([](const auto& c) { return c.hellos.size() >= 2; }));
  EXPECT_NE(Children(), children);
  EXPECT_EQ(Stop(), 0);
  EXPECT_THAT(Err(), HasSubstr("the reporter was killed by signal 9; starting it again in 1 s"));
  controller.Stop();
  for (size_t i = 0; i < controller.reports.size(); ++i) {
    EXPECT_EQ(controller.reports[i].sequence(), i + 1);
  }
}

TEST_F(AgentProgram, NumbersGoOnAfterARestart) {
  const TimeServer server(Duration(0));
  report::FakeController controller;
  for (int run = 1; run <= 2; ++run) {
    Start({"run", "--config", Reporting(server, controller)});
    ASSERT_TRUE(controller.WaitUntil([&](const auto& c) {
      return c.hellos.size() >= static_cast<size_t>(run) &&
             c.reports.size() >= static_cast<size_t>(2 * run);
    }));
    EXPECT_EQ(Stop(), 0);
  }
  controller.Stop();
  for (size_t i = 0; i < controller.reports.size(); ++i) {
    EXPECT_EQ(controller.reports[i].sequence(), i + 1);
  }
}

TEST_F(AgentProgram, NoReportIsOneProcessWithoutThreadsOrFiles) {
  const TimeServer server(Duration(0));
  const std::string config =
      Config(fmt::format("server 127.0.0.1 port {} iburst\nno-clock-control\n", server.port()));
  Start({"run", "--no-report", "--config", config});
  while (!std::filesystem::exists(folder_ + "/err") || Err().empty()) std::this_thread::yield();
  EXPECT_THAT(Err(), StartsWith("fleetsync-agent: selected 127.0.0.1, offset "));
  EXPECT_TRUE(Children().empty());
  EXPECT_THAT(*ReadFile(fmt::format("/proc/{}/status", pid_), 1 << 16), HasSubstr("Threads:\t1\n"));
  EXPECT_EQ(Stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
}

TEST_F(AgentProgram, SystemdIsToldWhenItIsReady) {
  const int notify = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder_ + "/notify";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(notify, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  Start({"run", "--no-report", "--no-clock-control", "--server", "127.0.0.1,port=1"});
  unsetenv("NOTIFY_SOCKET");
  char text[100] = "";
  pollfd fd{notify, POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 10'000), 1);
  EXPECT_EQ(recv(notify, text, sizeof text, 0), 7);
  EXPECT_STREQ(text, "READY=1");
  EXPECT_EQ(Stop(), 0);
  close(notify);
}

}  // namespace
}  // namespace fleetsync::agent
