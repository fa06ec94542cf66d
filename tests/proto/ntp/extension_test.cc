#include "proto/ntp/extension.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "proto/ntp/packet.h"
#include "tests/proto/ntp/wire.h"

namespace fleetsync::ntp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

static_assert(std::forward_iterator<Extensions::Iterator>);

constexpr std::string_view kUniqueId =  // RFC 8915 5.3, shortened
    "0104 0010 a0a1a2a3a4a5a6a7a8a9aaab ";
constexpr std::string_view kUnknown =
    "f5ff 001c b0b1b2b3b4b5b6b7b8b9babb bcbdbebf c0c1c2c3 c4c5c6c7 ";

using Seen = std::vector<std::pair<uint16_t, size_t>>;

Seen Walk(std::span<const std::byte> fields) {
  Seen seen;
  for (const Extension& field : Extensions(fields))
    seen.emplace_back(field.type, field.body.size());
  return seen;
}

Seen WalkHex(const std::string& hex) {
  const std::vector<std::byte> bytes = FromHex(hex);
  return Walk(bytes);
}

std::vector<std::byte> AfterHeader(const std::string& hex) {
  return FromHex(std::string(kChronydAnswer) + hex);
}

TEST(Extensions, AreWalkedInOrderUnknownOnesToo) {
  const auto wire =
      AfterHeader(std::string(kUniqueId) + std::string(kUnknown) + std::string(kUnknown));
  const Decoded decoded = Decode(wire);
  ASSERT_TRUE(decoded.ok()) << Describe(decoded.error);
  EXPECT_THAT(Walk(decoded.extensions),
              ElementsAre(Pair(0x0104, 12), Pair(0xf5ff, 24), Pair(0xf5ff, 24)));
  const Extension first = *Extensions(decoded.extensions).begin();
  EXPECT_EQ(first.body.front(), std::byte{0xa0});
  EXPECT_EQ(first.body.back(), std::byte{0xab});
  EXPECT_EQ(first.body.data(), wire.data() + kHeaderSize + 4);
}

TEST(Extensions, OfNothingAreNone) {
  EXPECT_THAT(Walk({}), IsEmpty());
  EXPECT_THAT(Walk(Decode(AfterHeader("")).extensions), IsEmpty());
}

TEST(Extensions, EndBeforeAFieldThatIsMalformed) {
  const std::string good(kUniqueId), body = "a0a1a2a3a4a5a6a7a8a9aaab";
  for (const std::string& bad : {std::string("0104"), std::string("0104 0010 a0a1"),  // cut off
                                 "0104 0000" + body, "0104 0004" + body, "0104 000c" + body,
                                 "0104 0012" + body + "0000", "0104 fffc" + body}) {
    EXPECT_THAT(WalkHex(good + bad), ElementsAre(Pair(0x0104, 12))) << bad;
    EXPECT_THAT(WalkHex(bad), IsEmpty()) << bad;
  }
}

TEST(Extensions, OfOtherVersionsAreNotRead) {
  auto wire = AfterHeader(std::string(kUnknown));
  wire[0] = std::byte{3 << 3 | 4};
  EXPECT_TRUE(Decode(wire).extensions.empty());
}

// RFC 7822 7.5.1: without a MAC the last field has 28 bytes or more, else it is taken for a MAC or
// refused; with one 16 are enough.
TEST(Extensions, AShortLastFieldNeedsAMac) {
  const std::string alone(kUniqueId), mac(40, '1');
  EXPECT_EQ(Decode(AfterHeader(alone)).error, DecodeError::kTrailingBytes);
  EXPECT_TRUE(Decode(AfterHeader(std::string(kUnknown))).ok());
  const auto wire = AfterHeader(alone + mac);
  const Decoded decoded = Decode(wire);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.extensions.size(), 16u);
  EXPECT_EQ(decoded.mac.size(), 20u);
  EXPECT_EQ(decoded.covered.size(), kHeaderSize + 16);
}

}  // namespace
}  // namespace fleetsync::ntp
