// Leap seconds: announced, smeared, and made up.
#include <algorithm>
#include <cmath>
#include <utility>

#include "gtest/gtest.h"
#include "proto/ntp/names.h"
#include "tests/sim/usual.h"
#include "tests/sim/world.h"

namespace fleetsync::sim {
namespace {

using Kind = ntp::Note::Kind;

constexpr double kEndOfMonth = 24 * kHour;  // since kEpoch

TEST(Leap, ASecondIsInsertedAtTheEndOfTheMonthWithoutAStepOfOurs) {
  // At long polls nothing happens for a minute after it.
  for (const auto& [kernel_knows, maxpoll] :
       {std::pair(true, 6), std::pair(true, 10), std::pair(false, 6)}) {
    WorldConfig config = Usual(3);
    config.source.maxpoll = static_cast<int8_t>(maxpoll);
    for (Server& server : config.servers) {
      server.jump = -1;
      server.jump_at = kEndOfMonth;
      server.tamper = [](ntp::Packet& p, double now) {
        if (now > kEndOfMonth - kHour * 20 && now < kEndOfMonth) p.leap = ntp::Leap::kInsert;
      };
    }
    World world(config);
    world.may_announce = kernel_knows;
    world.RunFor(kEndOfMonth - 60);
    EXPECT_EQ(world.CountNotes(Kind::kLeap), 1);
    EXPECT_LT(std::abs(world.clock().Error()), 200e-6);
    world.RunFor(kHour);
    // The true time has gone back by a second since; the clock with it.
    EXPECT_NEAR(world.clock().Error(), -1, 300e-6) << kernel_knows;
    EXPECT_EQ(world.steps.size(), kernel_knows ? 0u : 1u);
    EXPECT_EQ(world.CountNotes(Kind::kClockJumped), 0);
  }
}

// As the large providers do it: linear over a day, from noon to noon, and nothing tells it.
constexpr double kSmearFrom = kEndOfMonth - 12 * kHour;
double SmearedAt(double now) { return -std::clamp((now - kSmearFrom) / (24 * kHour), 0.0, 1.0); }
double UnsmearedAt(double now) { return now < kEndOfMonth ? 0 : -1; }

WorldConfig FiveOfWhichSmear(size_t smearing, int8_t maxpoll, double base) {
  WorldConfig config = Usual(5);
  config.source.maxpoll = maxpoll;
  for (size_t i = 0; i < 5; ++i) {
    Server& server = config.servers[i] = Near(base, base / 10);
    if (i < smearing) {
      server.tamper = [](ntp::Packet& p, double now) {
        const auto late = static_cast<uint64_t>(-SmearedAt(now) * 0x1p32);
        for (ntp::Timestamp* t : {&p.receive, &p.transmit, &p.reference}) t->bits -= late;
      };
      continue;
    }
    server.jump = -1;
    server.jump_at = kEndOfMonth;
    server.tamper = [](ntp::Packet& p, double now) {
      if (now > kEndOfMonth - kHour * 20 && now < kEndOfMonth) p.leap = ntp::Leap::kInsert;
    };
  }
  return config;
}

// The largest distance of the clock from the majority while the two are further apart than `apart`,
// but for the leap second itself.
double FurthestFromTheMajority(World& world, size_t smearing, double apart) {
  double furthest = 0;
  world.RunFor(kSmearFrom + 26 * kHour, [&] {
    const double now = world.now();
    if (std::abs(SmearedAt(now) - UnsmearedAt(now)) < apart) return;
    if (std::abs(now - kEndOfMonth) < 2) return;
    const double right = smearing > 2 ? SmearedAt(now) : UnsmearedAt(now);
    furthest = std::max(furthest, std::abs(world.clock().Error() - right));
  });
  return furthest;
}

TEST(Smear, TheMajorityIsFollowedAndNeverAMeanOfTheTwo) {
  for (const size_t smearing : {2u, 3u}) {
    for (const int8_t maxpoll : {int8_t{6}, int8_t{10}}) {
      for (const double base : {100e-6, 1e-3}) {
        World world(FiveOfWhichSmear(smearing, maxpoll, base));
        EXPECT_LT(FurthestFromTheMajority(world, smearing, 0.03), 1e-3)
            << smearing << " at poll " << int{maxpoll} << ", " << base;
        EXPECT_LT(std::abs(world.clock().Error() + 1), 1e-3);
        EXPECT_TRUE(world.steps.empty());
      }
    }
  }
}

TEST(Smear, ThoseThatAreSaidToAreLeftOutFromTheStartWhateverTheirNumber) {
  WorldConfig config = FiveOfWhichSmear(3, 6, 20e-3);
  for (int i = 0; i < 5; ++i) {
    config.engine.sources.push_back(config.source);
    config.engine.sources.back().name = "ntp" + std::to_string(i);
    config.engine.sources.back().smear = i < 3;
  }
  World world(config);
  EXPECT_LT(FurthestFromTheMajority(world, 2, 0), 2e-3);
}

// For the first hour nobody can tell them apart, and all are followed.
TEST(Smear, WhereHalfTheDelayHidesItForALongTimeItIsUndoneOnceItShows) {
  World world(FiveOfWhichSmear(2, 6, 20e-3));
  EXPECT_LT(FurthestFromTheMajority(world, 2, 0.1), 2e-3);
}

TEST(Leap, OneServerThatAnnouncesALeapSecondAloneIsNotHeard) {
  WorldConfig config = Usual(3);
  config.servers[0].tamper = [](ntp::Packet& p, double) { p.leap = ntp::Leap::kInsert; };
  World world(config);
  world.RunFor(kEndOfMonth + kHour);
  EXPECT_EQ(world.CountNotes(Kind::kLeap), 0);
  EXPECT_LT(std::abs(world.clock().Error()), 200e-6);
}

}  // namespace
}  // namespace fleetsync::sim
