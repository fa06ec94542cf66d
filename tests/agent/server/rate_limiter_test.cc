#include "agent/server/rate_limiter.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace fleetsync::server {
namespace {

using Decision = RateLimiter::Decision;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSeed = 0x5eed;

ntp::Address Client(uint32_t number) {
  ntp::Address address;
  for (size_t i = 0; i < 4; ++i) address.ip[12 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return address;
}

MonoTime At(Duration since_start) { return MonoTime(seconds(1000) + since_start); }

TEST(RateLimiter, WithoutALimitEverybodyIsServedAndCounted) {
  RateLimiter limiter({}, kSeed);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(limiter.OnRequest(Client(1), At({})), Decision::kServe);
  }
  ASSERT_EQ(limiter.Top(3).size(), 1u);
  EXPECT_EQ(limiter.Top(3)[0].requests, 100'000u);
}

TEST(RateLimiter, ABurstIsServedThenOneRequestAnInterval) {
  RateLimiter limiter({.interval = seconds(2), .burst = 4}, kSeed);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter.OnRequest(Client(1), At({})), Decision::kServe);
  EXPECT_NE(limiter.OnRequest(Client(1), At({})), Decision::kServe);
  EXPECT_NE(limiter.OnRequest(Client(1), At(milliseconds(1999))), Decision::kServe);
  EXPECT_EQ(limiter.OnRequest(Client(1), At(seconds(2))), Decision::kServe);
  EXPECT_NE(limiter.OnRequest(Client(1), At(seconds(2))), Decision::kServe);
  EXPECT_EQ(limiter.OnRequest(Client(2), At(seconds(2))), Decision::kServe);
}

TEST(RateLimiter, AfterARestTheWholeBurstIsBack) {
  RateLimiter limiter({.interval = seconds(2), .burst = 4}, kSeed);
  for (int i = 0; i < 50; ++i) limiter.OnRequest(Client(1), At({}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(limiter.OnRequest(Client(1), At(seconds(3600))), Decision::kServe);
  }
  EXPECT_NE(limiter.OnRequest(Client(1), At(seconds(3600))), Decision::kServe);
}

TEST(RateLimiter, AFloodGetsItsShareAndFewKisses) {
  RateLimiter limiter({.interval = seconds(1), .burst = 8}, kSeed);
  int served = 0;
  int kissed = 0;
  for (int ms = 0; ms < 60'000; ++ms) {
    const Decision decision = limiter.OnRequest(Client(1), At(milliseconds(ms)));
    served += decision == Decision::kServe;
    kissed += decision == Decision::kKiss;
  }
  EXPECT_EQ(served, 8 + 59);
  EXPECT_EQ(kissed, 30);
  EXPECT_EQ(limiter.Top(1)[0].limited, 60'000u - 67u);
}

TEST(RateLimiter, AFloodOfAddressesNeedsNoMoreRoom) {
  RateLimiter limiter({.interval = seconds(1)}, kSeed, 64);
  EXPECT_EQ(limiter.capacity(), 512u);
  for (uint32_t i = 0; i < 100'000; ++i) limiter.OnRequest(Client(i), At(milliseconds(i)));
  EXPECT_EQ(limiter.capacity(), 512u);
  EXPECT_EQ(limiter.size(), 512u);
}

TEST(RateLimiter, WhoAsksOftenIsNotPushedOutByAFloodOfOthers) {
  RateLimiter limiter({}, kSeed, 64);
  for (uint32_t i = 0; i < 100'000; ++i) {
    if (i % 100 == 0) limiter.OnRequest(Client(0xffffffff), At(milliseconds(i)));
    limiter.OnRequest(Client(i), At(milliseconds(i)));
  }
  ASSERT_FALSE(limiter.Top(1).empty());
  EXPECT_EQ(limiter.Top(1)[0].client.ip, Client(0xffffffff).ip);
  EXPECT_EQ(limiter.Top(1)[0].requests, 1000u);
}

// Neighbouring addresses, as in a fleet: few of a half full table collide.
TEST(RateLimiter, AFleetHalfAsLargeAsTheTableFits) {
  RateLimiter limiter({}, kSeed);
  const auto hosts = static_cast<uint32_t>(limiter.capacity() / 2);
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < hosts; ++i) limiter.OnRequest(Client(0x0a000000 + i), At({}));
  }
  EXPECT_GE(limiter.size(), hosts * 95 / 100);
}

TEST(RateLimiter, TopNamesTheBusiestFirst) {
  RateLimiter limiter({}, kSeed);
  for (uint32_t i = 0; i < 20; ++i) {
    for (uint32_t n = 0; n <= i; ++n) limiter.OnRequest(Client(i), At(seconds(n)));
  }
  const auto top = limiter.Top(3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].client.ip, Client(19).ip);
  EXPECT_EQ(top[0].requests, 20u);
  EXPECT_EQ(top[0].last, At(seconds(19)));
  EXPECT_EQ(top[2].client.ip, Client(17).ip);
}

TEST(RateLimiter, TheSameRequestsGiveTheSameDecisions) {
  std::vector<Decision> runs[2];
  for (auto& run : runs) {
    RateLimiter limiter({.interval = milliseconds(300), .burst = 2}, kSeed, 4);
    std::mt19937 random(7);
    Duration now{};
    for (int i = 0; i < 10'000; ++i) {
      now += milliseconds(random() % 20);
      run.push_back(limiter.OnRequest(Client(random() % 64), At(now)));
    }
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ((std::set<Decision>(runs[0].begin(), runs[0].end()).size()), 3u);
}

}  // namespace
}  // namespace fleetsync::server
