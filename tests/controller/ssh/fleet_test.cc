// The transport against a real sshd: commands, input, output, many hosts, interruption.
#include "controller/ssh/fleet.h"

#include <future>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::ssh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Fleet, RunsACommandAndGivesItsOutputOnBothStreams) {
  const Sshd sshd;
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo out; echo err >&2")});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  ASSERT_EQ(outcome.exits.size(), 1u);
  EXPECT_EQ(outcome.exits[0].code, 0);
  EXPECT_THAT(outcome.stages, ElementsAre(Stage::kResolve, Stage::kConnect, Stage::kHostKey,
                                          Stage::kAuthenticate, Stage::kCommand));
}

TEST(Fleet, GivesTheCommandsExitCode) {
  const Sshd sshd;
  const Outcome outcome = RunOn(sshd.Host(), {Line("exit 42")});
  ASSERT_EQ(outcome.exits.size(), 1u);
  EXPECT_EQ(outcome.exits[0].code, 42);
  EXPECT_EQ(outcome.exits[0].signal, "");
}

TEST(Fleet, ACommandThatIsKilledHasASignalAndNoSuccess) {
  const Sshd sshd;
  const Outcome outcome = RunOn(sshd.Host(), {Line("kill -KILL $$")});
  ASSERT_EQ(outcome.exits.size(), 1u);
  EXPECT_EQ(outcome.exits[0].signal, "KILL");
  EXPECT_EQ(outcome.exits[0].code, kExitBySignal);
}

TEST(Fleet, RunsThreeCommandsOneAfterAnotherOnOneConnection) {
  const Sshd sshd;
  const Outcome outcome =
      RunOn(sshd.Host(), {Line("echo one; exit 1"), Line("echo two; exit 2"), Line("echo three")});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "one\ntwo\nthree\n");
  ASSERT_EQ(outcome.exits.size(), 3u);
  EXPECT_EQ(outcome.exits[1].code, 2);
  EXPECT_EQ(sshd.connections(), 1u);
}

TEST(Fleet, TwentyCommandsOnOneConnectionLeaveNoChannelBehind) {
  const Sshd sshd("MaxSessions 1");
  const std::vector<Command> commands(20, Line("cat"));
  const Outcome outcome = RunOn(sshd.Host(), commands);
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.exits.size(), 20u);
}

TEST(Fleet, StandardInputReachesTheCommandWholeAndEnds) {
  const Sshd sshd;
  Command command = Line("wc -c; cat");
  command.standard_input = std::string(300'000, 'x');
  command.shared_input = std::make_shared<const std::string>(5'000'000, 'y');
  const Outcome outcome = RunOn(sshd.Host(), {command});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "5300000\n");
}

TEST(Fleet, InputThatACommandDoesNotReadDoesNotHoldItUp) {
  const Sshd sshd;
  Command command = Line("exit 3");
  command.shared_input = std::make_shared<const std::string>(20'000'000, 'y');
  const Outcome outcome = RunOn(sshd.Host(), {command, Line("echo next")});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.exits[0].code, 3);
  EXPECT_EQ(outcome.out, "next\n");
}

// libssh takes in what has arrived while it writes: the end of the command may be heard there, with
// nothing left on the socket that would wake the loop.
TEST(Fleet, AnEndThatIsHeardWhileInputIsWrittenCounts) {
  const Sshd sshd;
  const auto input = std::make_shared<const std::string>(4'000'000, 'y');
  std::vector<Command> commands;
  for (int i = 0; i < 40; ++i) {
    commands.push_back(Line("head -c " + std::to_string(i * 50'021) + " >/dev/null; exit 3"));
    commands.back().shared_input = input;
  }
  const Outcome outcome = RunOn(sshd.Host(), commands);
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.exits.size(), commands.size());
}

TEST(Fleet, FourMegabytesOfOutputArriveWhole) {
  const Sshd sshd;
  Command command = Line("yes abcdefg | head -c 4000000");
  command.max_output = 4'000'000;
  const Outcome outcome = RunOn(sshd.Host(), {command});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out.size(), 4'000'000u);
}

TEST(Fleet, AFloodIsCutOffAtTheLimit) {
  const Sshd sshd;
  Command command = Line("yes");
  command.max_output = 1'000'000;
  const Outcome outcome = RunOn(sshd.Host(), {command});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kOutputTooLong);
  EXPECT_EQ(ToString(*outcome.failure),
            "command: the command wrote more than 1000000 bytes; let it write less");
  EXPECT_LE(outcome.out.size(), 1'000'000u);
}

// Sends a line for each line it is given, three times.
class PingPong : public Conversation {
 public:
  Next OnReady(Now) override {
    Command command = Line("while read -r line; do echo \"got $line\"; done");
    command.keep_input_open = true;
    command.standard_input = "1\n";
    return RunCommand{.command = command};
  }
  Next OnOutput(Now now, std::string_view bytes, bool) override {
    EXPECT_GE(now.mono, last);
    last = now.mono;
    text += bytes;
    if (++count == 3) return Send{.bytes = "", .end = true};
    return Send{.bytes = std::to_string(count + 1) + "\n"};
  }
  Next OnExit(Now, const Exit&) override { return Done{}; }
  void OnFailed(const Failure& failure) override { ADD_FAILURE() << ToString(failure); }

  std::string text;
  int count = 0;
  MonoTime last{};
};

class TextOfPingPong : public FleetObserver {
 public:
  void OnStage(const inventory::Host&, Stage) override {}
  void OnHostDone(const inventory::Host&, Conversation& conversation, const Failure*) override {
    text = dynamic_cast<PingPong&>(conversation).text;
  }
  std::string text;
};

TEST(Fleet, AConversationAnswersWhatARunningCommandSays) {
  const Sshd sshd;
  const inventory::Host host = sshd.Host();
  TextOfPingPong observer;
  const std::atomic<bool> never{false};
  ASSERT_TRUE(RunFleet(
                  {&host}, QuickOptions(),
                  [](const inventory::Host&) { return std::make_unique<PingPong>(); }, observer,
                  never)
                  .ok());
  EXPECT_EQ(observer.text, "got 1\ngot 2\ngot 3\n");
}

TEST(Fleet, FiftyHostsAtOnceAllEndWell) {
  const Sshd sshd;
  std::vector<inventory::Host> hosts;
  for (int i = 0; i < 50; ++i) hosts.push_back(sshd.Host("web" + std::to_string(i)));
  const auto outcomes = RunOn(hosts, {Line("echo ok")});
  for (const auto& [name, outcome] : outcomes) {
    EXPECT_FALSE(outcome.failure) << name << ": " << ToString(*outcome.failure);
    EXPECT_EQ(outcome.out, "ok\n");
  }
  EXPECT_EQ(sshd.connections(), 50u);
}

TEST(Fleet, FewerForksThanHostsStillReachAll) {
  const Sshd sshd;
  std::vector<inventory::Host> hosts;
  for (int i = 0; i < 8; ++i) hosts.push_back(sshd.Host("web" + std::to_string(i)));
  FleetOptions options = QuickOptions();
  options.forks = 1;
  options.max_sessions = 2;
  for (const auto& [name, outcome] : RunOn(hosts, {Line("true")}, options))
    EXPECT_FALSE(outcome.failure) << name;
}

TEST(Fleet, AHungHostDelaysNobodyEvenWithOneForkAlone) {
  const Sshd sshd;
  const Listener silent("", Listener::Then::kSilence);
  std::vector<inventory::Host> hosts;
  hosts.push_back(sshd.Host("hung"));
  hosts.back().connection.port = static_cast<uint16_t>(silent.port());
  for (int i = 0; i < 5; ++i) hosts.push_back(sshd.Host("web" + std::to_string(i)));
  FleetOptions options = QuickOptions();
  options.forks = 1;
  options.connect_deadline = seconds(5);
  const auto outcomes = RunOn(hosts, {Line("true")}, options);
  EXPECT_GE(outcomes.at("hung").took, milliseconds(4900));
  for (int i = 0; i < 5; ++i)
    EXPECT_LT(outcomes.at("web" + std::to_string(i)).took, outcomes.at("hung").took);
}

TEST(Fleet, ACommandThatHangsFailsAtItsDeadlineAlone) {
  const Sshd sshd;
  Command command = Line("sleep 60");
  command.deadline = milliseconds(300);
  const Outcome outcome = RunOn(sshd.Host(), {command});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(ToString(*outcome.failure),
            "command: the command did not end within 300 ms; give it longer with --timeout");
  EXPECT_EQ(outcome.failure->fault, Fault::kTimedOut);
}

// Runs in another thread until `stop`.
std::map<std::string, Outcome> RunAndInterrupt(const std::vector<inventory::Host>& hosts,
                                               Sshd& sshd, FleetOptions options) {
  struct Observer : FleetObserver {
    void OnStage(const inventory::Host&, Stage stage) override {
      if (stage == Stage::kCommand) running.set_value();
    }
    void OnHostDone(const inventory::Host& host, Conversation&, const Failure* failure) override {
      if (failure != nullptr) outcomes[host.name].failure = *failure;
    }
    std::promise<void> running;
    std::map<std::string, Outcome> outcomes;
  } observer;
  std::vector<const inventory::Host*> pointers;
  for (const inventory::Host& host : hosts) pointers.push_back(&host);
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    observer.running.get_future().wait();
    stop = true;
  });
  EXPECT_TRUE(RunFleet(
                  pointers, options,
                  [](const inventory::Host&) {
                    return std::make_unique<Script>(std::vector<Command>{Line("sleep 60")});
                  },
                  observer, stop)
                  .ok());
  thread.join();
  sshd.KillSessions();
  return std::move(observer.outcomes);
}

TEST(Fleet, AnInterruptionSaysWhatWasAndWhatWasNotDone) {
  Sshd sshd;
  FleetOptions options = QuickOptions();
  options.max_sessions = 1;
  std::vector<inventory::Host> hosts;
  hosts.push_back(sshd.Host("first"));
  hosts.push_back(sshd.Host("second"));
  const auto outcomes = RunAndInterrupt(hosts, sshd, options);
  EXPECT_EQ(ToString(*outcomes.at("first").failure),
            "command: interrupted while a command ran: what it did is not known");
  EXPECT_EQ(ToString(*outcomes.at("second").failure),
            "resolve: interrupted before the host was contacted");
  EXPECT_EQ(outcomes.at("second").failure->fault, Fault::kInterrupted);
}

TEST(Fleet, SshdKilledWhileACommandRunsIsADisconnection) {
  Sshd sshd;
  struct Killer : FleetObserver {
    explicit Killer(Sshd& victim) : sshd(victim) {}
    void OnStage(const inventory::Host&, Stage) override {}
    void OnHostDone(const inventory::Host&, Conversation&, const Failure* why) override {
      if (why != nullptr) failure = *why;
    }
    Sshd& sshd;
    std::optional<Failure> failure;
  } observer(sshd);
  struct KillOnOutput : Script {
    KillOnOutput(Sshd& victim) : Script({Line("echo up; sleep 60")}), sshd(victim) {}
    Next OnOutput(Now, std::string_view, bool) override {
      sshd.KillSessions();
      return Wait{};
    }
    Sshd& sshd;
  };
  const inventory::Host host = sshd.Host();
  const std::atomic<bool> never{false};
  ASSERT_TRUE(RunFleet(
                  {&host}, QuickOptions(),
                  [&](const inventory::Host&) { return std::make_unique<KillOnOutput>(sshd); },
                  observer, never)
                  .ok());
  ASSERT_TRUE(observer.failure);
  EXPECT_EQ(observer.failure->fault, Fault::kDisconnected);
  EXPECT_EQ(observer.failure->stage, Stage::kCommand);
  EXPECT_THAT(ToString(*observer.failure), HasSubstr("what the command did is not known"));
}

TEST(Fleet, AConversationMayHangUpWhileItsCommandRuns) {
  const Sshd sshd;
  struct HangUp : Script {
    HangUp() : Script({Line("echo enough; sleep 60")}) {}
    Next OnOutput(Now, std::string_view bytes, bool) override {
      out += bytes;
      return Done{};
    }
  };
  struct Observer : FleetObserver {
    void OnStage(const inventory::Host&, Stage) override {}
    void OnHostDone(const inventory::Host&, Conversation& conversation,
                    const Failure* why) override {
      well = why == nullptr;
      out = dynamic_cast<Script&>(conversation).out;
    }
    bool well = false;
    std::string out;
  } observer;
  const inventory::Host host = sshd.Host();
  const std::atomic<bool> never{false};
  ASSERT_TRUE(RunFleet(
                  {&host}, QuickOptions(),
                  [](const inventory::Host&) { return std::make_unique<HangUp>(); }, observer,
                  never)
                  .ok());
  EXPECT_TRUE(observer.well);
  EXPECT_EQ(observer.out, "enough\n");
}

TEST(Fleet, ABannerAndANoisyLoginAreNotTheCommandsOutput) {
  const Sshd sshd;
  const TemporaryFolder folder;
  const std::string banner =
      folder.Write("banner", "Authorised use only.\nYou are watched.\n", 0644);
  const Sshd with_banner("Banner " + banner);
  const Outcome outcome = RunOn(with_banner.Host(), {Line("echo hello")});
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace fleetsync::ssh
