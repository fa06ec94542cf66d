#include "controller/sync/relay_conversation.h"

#include <gtest/gtest.h>

#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

RelayState Read(std::string_view output) {
  RelayState relay;
  relay.name = relay.address = "relay1";
  relay.detail = "no answer";
  ReadDaemonState(output, relay);
  return relay;
}

// Recorded: chronyc -n -c tracking of chrony 4.3; ntpq -n -c rv of ntp 4.2.8p15.
constexpr const char* kChronySynchronised =
    "tracking C6120101,198.18.1.1,9,1795213494.558821444,0.000000073,0.000004313,9.989998817,0.011,"
    "2.178,0.073,0.000028849,0.000007734,2.0,Normal\n";
constexpr const char* kChronyUnsynchronised =
    "tracking 00000000,,0,0.000000000,-0.000000000,0.000000481,0.000000940,0.011,0.000,0.000,"
    "1.000000000,1.000000000,16.2,Not synchronised\n";
constexpr const char* kNtpqSynchronised =
    "associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,\n"
    "version=\"ntpd 4.2.8p15\", leap=00, stratum=9, precision=-23,\n";
constexpr const char* kNtpqUnsynchronised =
    "associd=0 status=c016 leap_alarm, sync_unspec, 1 event, restart,\n"
    "version=\"ntpd 4.2.8p15\", leap=11, stratum=16, precision=-23,\n";

TEST(ReadDaemonState, UnderstandsChronyc) {
  EXPECT_EQ(Read(kChronySynchronised).kind, RelayState::Kind::kSynchronised);
  EXPECT_EQ(Read(kChronySynchronised).stratum, 9);
  EXPECT_EQ(Read(kChronyUnsynchronised).kind, RelayState::Kind::kUnsynchronised);
}

TEST(ReadDaemonState, UnderstandsNtpq) {
  EXPECT_EQ(Read(kNtpqSynchronised).kind, RelayState::Kind::kSynchronised);
  EXPECT_EQ(Read(kNtpqSynchronised).stratum, 9);
  EXPECT_EQ(Read(kNtpqUnsynchronised).kind, RelayState::Kind::kUnsynchronised);
}

TEST(ReadDaemonState, SaysWhenNoDaemonAnswers) {
  EXPECT_EQ(Describe(Read("")),
            "relay1 does not answer on UDP 123 (no answer, and no time daemon answers on it)");
}

TEST(RelayConversation, MeasuresASynchronisedRelayWithTheRightSign) {
  RelayConversation conversation(Read(""), 10s);
  conversation.OnReady(At(0s));
  conversation.OnOutput(At(0s), kChronySynchronised, false);
  auto next = conversation.OnExit(At(0s), {});
  EXPECT_TRUE(std::get<ssh::Conversation::RunCommand>(next).command.keep_input_open);
  next = conversation.OnOutput(At(1ms), "fleetsync-clock shell\n", false);
  // The relay is 5 s ahead of us.
  Duration at = 1ms;
  while (!std::get<ssh::Conversation::Send>(next).end) {
    const std::string number = std::get<ssh::Conversation::Send>(next).bytes;
    at += 100us;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(at).count();
    std::string fraction = std::to_string(us);
    fraction.insert(0, 6 - fraction.size(), '0');
    next = conversation.OnOutput(
        At(at), number.substr(0, number.size() - 1) + " 1800000005." + fraction + "\n", false);
  }
  conversation.OnExit(At(at), {});
  const RelayState& relay = conversation.relay();
  EXPECT_EQ(relay.kind, RelayState::Kind::kSynchronised);
  EXPECT_TRUE(relay.over_ssh);
  ASSERT_TRUE(relay.measured);
  EXPECT_LE(Abs(relay.measured->offset - 5s), relay.measured->bound);
  EXPECT_EQ(relay.measured_at.mono, At(at).mono);
}

TEST(RelayConversation, DoesNotMeasureARelayThatIsNotSynchronised) {
  RelayConversation conversation(Read(""), 10s);
  conversation.OnReady(At(0s));
  conversation.OnOutput(At(0s), kChronyUnsynchronised, false);
  EXPECT_TRUE(std::holds_alternative<ssh::Conversation::Done>(conversation.OnExit(At(0s), {})));
  EXPECT_EQ(conversation.relay().kind, RelayState::Kind::kUnsynchronised);
}

}  // namespace
}  // namespace fleetsync::sync
