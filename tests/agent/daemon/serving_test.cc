// A server and the engine that asks it over loopback, and who asks that one.
#include "agent/daemon/serving.h"

#include "agent/daemon/engine_shell.h"
#include "agent/net/address_text.h"
#include "agent/serve/ask_server.h"
#include "base/clock_read.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

serve::TimeServerConfig OnLoopback(const char* address = "127.0.0.1") {
  serve::TimeServerConfig config;
  config.listen = {*net::ParseNumericAddress(address, 0)};
  config.access = {{.network = {}, .prefix = 0, .allow = true}};
  return config;
}

class ServingTest : public testing::Test {
 protected:
  ServingTest() {
    auto upstream = serve::TimeServer::Start(OnLoopback("::1"));
    EXPECT_TRUE(upstream.ok()) << Message(upstream.status());
    upstream_ = *std::move(upstream);
    upstream_->Publish({.as_of = ReadClocks(),
                        .offset = seconds(5),
                        .root_delay = milliseconds(4),
                        .root_dispersion = milliseconds(2),
                        .stratum = 2,
                        .leap = ntp::Leap::kInsert});
  }

  Log ToList() {
    return [this](const std::string& line) { log_.push_back(line); };
  }
  std::unique_ptr<Serving> Serve(ServingConfig config) {
    auto serving = Serving::Bind(std::move(config), ToList());
    EXPECT_TRUE(serving.ok()) << Message(serving.status());
    (*serving)->Start();
    return *std::move(serving);
  }
  ShellConfig AskingUpstream() {
    ShellConfig config{.engine = {}, .seed = 1, .log = ToList()};
    config.engine.sources = {{.name = "::1",
                              .port = upstream_->addresses()[0].port,
                              .minpoll = 0,
                              .maxpoll = 0,
                              .iburst = true}};
    return config;
  }
  static std::optional<serve::ServerAnswer> Ask(const Serving& serving) {
    return serve::AskServer(serving.server().addresses()[0], seconds(10));
  }

  std::vector<std::string> log_;
  std::unique_ptr<serve::TimeServer> upstream_;
};

TEST_F(ServingTest, WhatTheEngineBelievesIsServedOneStratumFurtherAway) {
  const auto serving = Serve({.server = OnLoopback(), .precision = -24, .local_stratum = {}});
  EngineShell shell(AskingUpstream());
  ASSERT_TRUE(shell.Start().ok());
  serving->Publish(shell.TakeSnapshot());
  const auto before = Ask(*serving);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->packet.leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(before->packet.stratum, 16);

  const MonoTime end = ReadClocks().mono + seconds(60);
  while (!shell.TakeSnapshot().synchronised && ReadClocks().mono < end) {
    ASSERT_TRUE(shell.Turn(serving->NextTimer(), {}).ok());
    serving->Publish(shell.TakeSnapshot());
  }
  const auto answer = Ask(*serving);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->packet.stratum, 3);
  EXPECT_EQ(answer->packet.leap, ntp::Leap::kInsert);
  EXPECT_EQ(answer->packet.precision, -24);
  EXPECT_NEAR(ToSeconds(answer->offset), 5, 0.05);
  EXPECT_GE(answer->packet.root_delay, milliseconds(4));
  EXPECT_GE(answer->packet.root_dispersion, milliseconds(2));
  EXPECT_FALSE(answer->packet.reference.IsZero());
  EXPECT_THAT(log_, Contains(StartsWith("serving time from ::1: stratum 3, reference ")));
}

// A second ago.
ntp::Snapshot Believed(Duration offset) {
  ntp::Snapshot snapshot;
  snapshot.at = ReadClocks();
  snapshot.at.mono -= seconds(1);
  snapshot.at.system -= seconds(1);
  snapshot.synchronised = true;
  snapshot.offset = offset;
  snapshot.stratum = 3;
  snapshot.leap = ntp::Leap::kNone;
  return snapshot;
}

TEST_F(ServingTest, WhatASlewedClockMovesSinceThePublicationIsClaimed) {
  const auto serving = Serve({.server = OnLoopback(), .local_stratum = {}, .slewed = true});
  const auto dispersion = [&] { return ToSeconds(Ask(*serving)->packet.root_dispersion); };

  ntp::Snapshot snapshot = Believed(milliseconds(40));
  serving->Publish(snapshot);
  EXPECT_EQ(serving->NextTimer() - snapshot.at.mono, milliseconds(10));
  EXPECT_GE(dispersion(), 0.04);
  snapshot.at.mono += milliseconds(10);
  snapshot.at.system += milliseconds(10);
  snapshot.offset = Duration(0);
  serving->Publish(snapshot);
  EXPECT_GE(dispersion(), 0.05 * 0.99) << "the slew may go on for a moment";
  snapshot.at.mono += milliseconds(10);
  snapshot.at.system += milliseconds(10);
  serving->Publish(snapshot);
  EXPECT_EQ(serving->NextTimer() - snapshot.at.mono, milliseconds(125));
  EXPECT_LT(dispersion(), 0.01);
}

TEST_F(ServingTest, AClockThatIsLeftAloneDoesNotMove) {
  const auto serving = Serve({.server = OnLoopback(), .local_stratum = {}});
  serving->Publish(Believed(seconds(2)));
  EXPECT_LT(ToSeconds(Ask(*serving)->packet.root_dispersion), 0.01);
}

TEST_F(ServingTest, WithoutABetterTimeItsOwnIsServedAtTheLocalStratum) {
  const auto serving = Serve({.server = OnLoopback(), .local_stratum = 11});
  EngineShell shell({.engine = {}, .seed = 1, .log = ToList()});
  ASSERT_TRUE(shell.Start().ok());
  serving->Publish(shell.TakeSnapshot());
  const auto answer = Ask(*serving);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->packet.stratum, 11);
  EXPECT_EQ(answer->packet.leap, ntp::Leap::kNone);
  EXPECT_NEAR(ToSeconds(answer->offset), 0, 0.05);
  EXPECT_THAT(log_, Contains(HasSubstr("serving time from this machine's own clock, for want of a "
                                       "better one: stratum 11, ")));
}

TEST_F(ServingTest, OthersAreWaitedForBeforeThat) {
  const auto serving =
      Serve({.server = OnLoopback(), .local_stratum = 11, .local_after = seconds(3600)});
  EngineShell shell(AskingUpstream());
  ASSERT_TRUE(shell.Start().ok());
  serving->Publish(shell.TakeSnapshot());
  const auto answer = Ask(*serving);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->packet.leap, ntp::Leap::kUnsynchronised);
}

TEST_F(ServingTest, APortThatIsTakenIsToldWithItsOwner) {
  const auto serving = Serve({.server = OnLoopback(), .local_stratum = {}});
  ServingConfig config{.server = OnLoopback(), .local_stratum = {}};
  config.server.listen[0].port = serving->server().addresses()[0].port;
  const Status status = Serving::Bind(std::move(config), ToList()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(Message(status), HasSubstr(" is taken by agent_daemon_te (process "));
}

}  // namespace
}  // namespace fleetsync::daemon
