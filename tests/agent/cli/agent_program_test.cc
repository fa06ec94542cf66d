// The program as a user runs it, with a time server and a controller in this process.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "agent/net/address_text.h"
#include "agent/serve/ask_server.h"
#include "base/clock_read.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/ntp/key_file.h"
#include "proto/ntp/mac.h"
#include "proto/ntp/packet.h"
#include "tests/agent/report/fake_controller.h"

namespace fleetsync::agent {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Answers as a stratum 1 server whose clock is `ahead` of this machine's.
class TimeServer {
 public:
  // With `keys` it answers with a MAC of key 7.
  explicit TimeServer(Duration ahead, std::optional<ntp::Authenticator> keys = std::nullopt)
      : ahead_(ahead), keys_(std::move(keys)), fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const net::SocketAddress any = net::ToSocketAddress(*net::ParseNumericAddress("127.0.0.1", 0));
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&any.storage), any.size), 0);
    EXPECT_EQ(pipe(stop_), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TimeServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(fd_);
  }
  int port() const {
    sockaddr_in in{};
    socklen_t size = sizeof in;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size);
    return ntohs(in.sin_port);
  }

 private:
  void Serve() {
    for (;;) {
      pollfd fds[] = {{fd_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      if (poll(fds, 2, -1) < 0 || fds[1].revents != 0) return;
      std::array<std::byte, 1000> wire;
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const ssize_t n =
          recvfrom(fd_, wire.data(), wire.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      const ntp::Timestamp now = ntp::ToTimestamp(ReadClocks().system + ahead_);
      const ntp::Decoded request = ntp::Decode(std::span(wire).first(static_cast<size_t>(n)));
      const ntp::Packet answer{.leap = ntp::Leap::kNone,
                               .mode = ntp::Mode::kServer,
                               .stratum = 1,
                               .origin = request.packet.transmit,
                               .receive = now,
                               .transmit = now};
      ntp::Encode(answer, std::span(wire).first<ntp::kHeaderSize>());
      const std::span whole(wire);
      const size_t mac =
          keys_ ? keys_->Append(7, whole.first(ntp::kHeaderSize), whole.subspan(ntp::kHeaderSize))
                : 0;
      sendto(fd_, wire.data(), ntp::kHeaderSize + mac, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  Duration ahead_;
  std::optional<ntp::Authenticator> keys_;
  int fd_;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

class AgentProgram : public ::testing::Test {
 protected:
  AgentProgram() {
    std::string name = ::testing::TempDir() + "agent.XXXXXX";
    folder_ = mkdtemp(name.data());
    // The reporter runs as another user, who must be able to read the spool.
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  }
  ~AgentProgram() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FLEETSYNC_AGENT);
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    // Whatever a test asks for, the clock of the machine that builds is not touched.
    prctl(PR_CAPBSET_DROP, CAP_SYS_TIME);
    const int out = open((folder_ + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int err = open((folder_ + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int Wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int RunToEnd(std::vector<std::string> arguments) {
    Start(std::move(arguments));
    return Wait();
  }
  int Stop() {
    kill(pid_, SIGTERM);
    return Wait();
  }
  std::string Out() const { return *ReadFile(folder_ + "/out", 1 << 20); }
  std::string Err() const { return *ReadFile(folder_ + "/err", 1 << 20); }
  std::string Config(const std::string& text) {
    const std::string path = folder_ + "/agent.conf";
    std::ofstream(path) << text;
    return path;
  }
  std::string Reporting(const TimeServer& server, const report::FakeController& controller) {
    return Config(
        fmt::format("host web01\n"
                    "no-clock-control\nobserve none\n"
                    "server 127.0.0.1 port {} iburst minpoll 0\n"
                    "controller {}\n"
                    "insecure-controller\n"
                    "report-interval 1s\n"
                    "state-dir {}/state\n",
                    server.port(), controller.address(), folder_));
  }
  std::set<pid_t> Children() const {
    std::ifstream file(fmt::format("/proc/{}/task/{}/children", pid_, pid_));
    return {std::istream_iterator<pid_t>(file), {}};
  }

  void WaitFor(const std::string& text) {
    const MonoTime end = ReadClocks().mono + std::chrono::seconds(60);
    while (!std::filesystem::exists(folder_ + "/err") || Err().find(text) == std::string::npos) {
      ASSERT_LT(ReadClocks().mono, end) << "it does not say \"" << text << "\": " << Err();
      if (waitpid(pid_, nullptr, WNOHANG) == 0) {
        std::this_thread::yield();
        continue;
      }
      pid_ = -1;
      FAIL() << "it ended instead of saying \"" << text << "\": " << Err();
    }
  }
  size_t Threads() const {
    const std::filesystem::directory_iterator tasks(fmt::format("/proc/{}/task", pid_));
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }

  std::string folder_;
  pid_t pid_ = -1;
};

// Of 127.0.0.1, as the kernel chooses one; it chooses the same again only after many others.
uint16_t FreePort() { return static_cast<uint16_t>(TimeServer(Duration(0)).port()); }

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

struct Refusal {
  std::string config;
  std::string error;  // with {} for the file
};

TEST_F(AgentProgram, WhatCannotWorkIsRefusedWithWhatToDo) {
  const Refusal refusals[] = {
      {"host a\n", "{}: there is no time server; add \"server ADDRESS iburst\""},
      {"server 192.0.2.1\n",
       "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
       "--no-report"},
      {"server 192.0.2.1 key 7\n",
       "{}: server 192.0.2.1 has a key; say where keys are: \"keyfile FILE\""},
      {"observe auto\nserver 192.0.2.1\n",
       "{}: an agent that keeps the clock observes no other program; add \"no-clock-control\", or "
       "leave out \"observe\""},
      {"no-clock-control\nobserve none\n",
       "{}: there is no time server; add \"server ADDRESS iburst\""},
      {"no-clock-control\n",
       "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
       "--no-report"},
      {"sever 192.0.2.1\n", "{}:1: unknown directive \"sever\"; did you mean \"server\"?"},
  };
  for (const Refusal& refusal : refusals) {
    const std::string file = Config(refusal.config);
    EXPECT_EQ(RunToEnd({"run", "--config", file}), 2);
    EXPECT_EQ(Err(), "fleetsync-agent: " + fmt::format(fmt::runtime(refusal.error), file) + "\n");
  }
  EXPECT_EQ(RunToEnd({"run", "--config", folder_ + "/missing"}), 2);
  EXPECT_EQ(Err(), "fleetsync-agent: reading " + folder_ + "/missing: No such file or directory\n");
}

TEST_F(AgentProgram, AStateFolderThatCannotBeMadeIsRefused) {
  const std::string file = Config(fmt::format(
      "server 127.0.0.1\ncontroller 127.0.0.1:1\ninsecure-controller\nno-clock-control\n"
      "state-dir {}/agent.conf/state\n",
      folder_));
  EXPECT_EQ(RunToEnd({"run", "--config", file}), 1);
  EXPECT_EQ(Err(),
            fmt::format("fleetsync-agent: making state-dir {}/agent.conf/state: Not a directory\n",
                        folder_));
}

// The configurations that a push writes for it.
TEST_F(AgentProgram, CheckAcceptsWhatThePushWrites) {
  int checked = 0;
  for (const auto& golden : std::filesystem::directory_iterator("tests/golden/agent")) {
    EXPECT_EQ(RunToEnd({"check", "--config", golden.path()}), 0) << golden.path() << Err();
    ++checked;
  }
  EXPECT_GE(checked, 2);
}

TEST_F(AgentProgram, CheckSaysWhatIsWrongAndTouchesNothing) {
  EXPECT_EQ(
      RunToEnd({"check", "--config", Config("server a iburst\ncontroller b:1\nminsources 2\n")}),
      2);
  EXPECT_THAT(Err(), HasSubstr("/agent.conf:3: unknown directive \"minsources\"; did you mean"));
  EXPECT_EQ(RunToEnd({"check", "--config", Config("server a iburst\n")}), 2);
  EXPECT_THAT(Err(), HasSubstr("there is no controller to report to"));
}

TEST_F(AgentProgram, CheckTellsWhetherTheKernelCountsTheClockAsRight) {
  timex state{};
  ASSERT_GE(adjtimex(&state), 0);
  EXPECT_EQ(RunToEnd({"check", "--clock"}), (state.status & STA_UNSYNC) != 0 ? 4 : 0);
  EXPECT_EQ(RunToEnd({"check"}), 2) << "one of the two";
}

TEST_F(AgentProgram, VersionAndHelpAreOnStandardOutput) {
  EXPECT_EQ(RunToEnd({"--version"}), 0);
  EXPECT_EQ(Out(), "fleetsync-agent " FLEETSYNC_VERSION "\n");
  EXPECT_EQ(RunToEnd({"--help"}), 0);
  EXPECT_THAT(Out(), HasSubstr("Usage: fleetsync-agent"));
  EXPECT_THAT(Out(), ::testing::Not(HasSubstr("reporter")));
  EXPECT_EQ(RunToEnd({}), 2);
}

}  // namespace
}  // namespace fleetsync::agent
