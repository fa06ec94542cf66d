#include "controller/serve/agent_table.h"

#include "controller/serve/connection_table.h"
#include "controller/serve/log_limit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const MonoTime kStart(1000s);

// A stream that keeps what it is told.
struct Link : AgentLink {
  void End(const Status& why) override { ended = why; }
  void Cancel() override {}
  void Send(const v1::Command& command) override { sent.push_back(command); }
  void OnTick(Now) override { ++ticks; }

  std::vector<v1::Command> sent;
  Status ended;
  int ticks = 0;
};

class AgentTableTest : public testing::Test {
 protected:
  std::shared_ptr<Link> Connect(const std::string& host) {
    auto link = std::make_shared<Link>();
    table_.Add(link);
    table_.Introduce(host, link);
    return link;
  }
  bool Command(const std::string& host) {
    v1::Command command;
    command.mutable_sync_now();
    return table_.Command(host, command, kStart + 5s,
                          [this](const CommandAnswer& answer) { answers_.push_back(answer); });
  }
  void Answer(const std::string& host, uint64_t id) {
    v1::CommandResult result;
    result.set_id(id);
    result.set_outcome(v1::COMMAND_OUTCOME_DONE);
    table_.OnResult(host, result);
  }

  AgentTable table_{7};
  std::vector<CommandAnswer> answers_;
};

TEST_F(AgentTableTest, ACommandGoesToItsHostAndItsAnswerComesOnce) {
  const auto web01 = Connect("web01"), web02 = Connect("web02");
  ASSERT_TRUE(Command("web01"));
  ASSERT_EQ(web01->sent.size(), 1u);
  EXPECT_TRUE(web02->sent.empty());
  Answer("web01", web01->sent[0].id() + 1);
  Answer("web02", web01->sent[0].id());
  EXPECT_TRUE(answers_.empty()) << "an unknown number, another host";
  Answer("web01", web01->sent[0].id());
  Answer("web01", web01->sent[0].id());
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0]->outcome(), v1::COMMAND_OUTCOME_DONE);
}

TEST_F(AgentTableTest, CommandsHaveDifferentNumbers) {
  const auto web01 = Connect("web01");
  Command("web01");
  Command("web01");
  EXPECT_NE(web01->sent[0].id(), web01->sent[1].id());
}

TEST_F(AgentTableTest, WithoutAnAnswerACommandEndsInTime) {
  const auto web01 = Connect("web01");
  Command("web01");
  table_.OnTick({kStart + 4s, {}});
  EXPECT_TRUE(answers_.empty());
  table_.OnTick({kStart + 5s, {}});
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_FALSE(answers_[0]);
  Answer("web01", web01->sent[0].id());
  EXPECT_EQ(answers_.size(), 1u) << "too late";
  EXPECT_EQ(web01->ticks, 2);
}

TEST_F(AgentTableTest, WithTheStreamItsCommandsEnd) {
  const auto web01 = Connect("web01");
  Command("web01");
  table_.Remove(web01, "web01");
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_FALSE(answers_[0]);
  EXPECT_FALSE(Command("web01"));
  EXPECT_FALSE(Command("web09"));
}

TEST_F(AgentTableTest, AFloodOfCommandsIsNotTaken) {
  const auto web01 = Connect("web01");
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += Command("web01") ? 1 : 0;
  EXPECT_EQ(taken, 16);
  EXPECT_EQ(web01->sent.size(), 16u);
}

TEST_F(AgentTableTest, ASecondStreamOfAHostTakesTheFirstOnesPlace) {
  const auto first = Connect("web01");
  const auto second = std::make_shared<Link>();
  table_.Add(second);
  EXPECT_EQ(table_.Introduce("web01", second), first);
  table_.Remove(first, "web01");
  EXPECT_EQ(table_.Find("web01"), second);
  EXPECT_THAT(table_.Connected(), ElementsAre("web01"));
  EXPECT_TRUE(Command("web01"));
  EXPECT_EQ(second->sent.size(), 1u);
}

TEST(ConnectionTable, StrangersAreFewAndOfOneAddressFewer) {
  ConnectionTable table({.strangers = 3, .strangers_of_one_address = 2, .patience = 10s});
  EXPECT_TRUE(table.Admit(kStart, "a:1", "a"));
  EXPECT_TRUE(table.Admit(kStart, "a:2", "a"));
  EXPECT_FALSE(table.Admit(kStart, "a:3", "a"));
  EXPECT_TRUE(table.Admit(kStart, "b:1", "b"));
  EXPECT_FALSE(table.Admit(kStart, "c:1", "c"));
  table.OnClosed("a:1");
  EXPECT_TRUE(table.Admit(kStart, "c:1", "c"));
}

TEST(ConnectionTable, AKnownHostIsNoStranger) {
  ConnectionTable table({.strangers = 1, .strangers_of_one_address = 1, .patience = 10s});
  EXPECT_TRUE(table.Admit(kStart, "a:1", "a"));
  table.OnIntroduced("a:1");
  EXPECT_TRUE(table.Admit(kStart, "a:2", "a"));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.strangers(), 1u);
  EXPECT_THAT(table.Overdue(kStart + 10s), ElementsAre("a:2"));
}

TEST(ConnectionTable, WhenItsStreamIsOverItsTimeBeginsAgain) {
  ConnectionTable table({.strangers = 5, .strangers_of_one_address = 5, .patience = 10s});
  table.Admit(kStart, "a:1", "a");
  table.OnIntroduced("a:1");
  table.OnIntroduced("a:1");
  table.OnEnded(kStart + 60s, "a:1");
  EXPECT_TRUE(table.Overdue(kStart + 1h).empty()) << "another stream is open";
  table.OnEnded(kStart + 60s, "a:1");
  EXPECT_TRUE(table.Overdue(kStart + 69s).empty());
  EXPECT_THAT(table.Overdue(kStart + 70s), ElementsAre("a:1"));
  table.OnClosed("a:1");
  table.OnClosed("a:1");
  table.OnEnded(kStart, "a:1");
  table.OnIntroduced("nobody");
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.strangers(), 0u);
}

TEST(ConnectionTable, StreamsOfAConnectionAreCounted) {
  ConnectionTable table({.streams = 2});
  EXPECT_TRUE(table.Admit(kStart, "a:1", "a"));
  table.OnStream("a:1");
  table.OnStream("a:1");
  table.OnStreamOver("a:1");
  table.OnStream("a:1");
  EXPECT_TRUE(table.Crowded().empty());
  table.OnStream("a:1");
  EXPECT_THAT(table.Crowded(), ElementsAre("a:1"));
  table.OnStreamOver("a:1");
  EXPECT_THAT(table.Crowded(), ElementsAre("a:1")) << "what it has done counts";
  table.OnClosed("a:1");
  EXPECT_TRUE(table.Crowded().empty());
}

TEST(LogLimit, AFloodIsCountedAndNotWritten) {
  LogLimit limit;
  int written = 0;
  for (int i = 0; i < 1000; ++i) written += limit.Allow(kStart) ? 1 : 0;
  EXPECT_EQ(written, 20);
  EXPECT_TRUE(limit.Allow(kStart + 1s));
  EXPECT_EQ(limit.LeftOut(), " (980 lines like it were left out)");
  EXPECT_EQ(limit.LeftOut(), "");
}

}  // namespace
}  // namespace fleetsync::serve
