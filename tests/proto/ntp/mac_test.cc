#include "proto/ntp/mac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "proto/ntp/packet.h"
#include "tests/proto/ntp/wire.h"

namespace fleetsync::ntp {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::string_view kAesKey = "2b7e1516 28aed2a6 abf71588 09cf4f3c";  // of RFC 4493

std::string Text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes FromText(std::string_view text) {
  const auto* const data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

// Keys 1 to 4, one of each type.
KeyStore AllTypes() {
  KeyStore keys;
  EXPECT_TRUE(keys.Add({1, KeyType::kMd5, Secret("abcdefgh")}).ok());
  EXPECT_TRUE(keys.Add({4, KeyType::kAesCmac128, Secret(Text(FromHex(kAesKey)))}).ok());
  EXPECT_TRUE(keys.Add({3, KeyType::kSha256, Secret("abcdefgh")}).ok());
  EXPECT_TRUE(keys.Add({2, KeyType::kSha1, Secret("abcdefgh")}).ok());
  return keys;
}

Authenticator Created(const KeyStore& keys) {
  StatusOr<Authenticator> created = Authenticator::Create(keys);
  EXPECT_TRUE(created.ok()) << created.status();
  return *std::move(created);
}

Bytes MacOf(Authenticator& authenticator, uint32_t key_id, const Bytes& packet) {
  Bytes mac(kMacRoom);
  mac.resize(authenticator.Append(key_id, packet, mac));
  return mac;
}

TEST(Mac, OfAesIsRfc4493s) {
  Authenticator authenticator = Created(AllTypes());
  const Bytes message = FromHex(
      "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 "
      "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710");
  const std::pair<size_t, std::string_view> kVectors[] = {
      {0, "bb1d6929 e9593728 7fa37d12 9b756746"},
      {16, "070a16b4 6b4d4144 f79bdd9d d04a287c"},
      {40, "dfa66747 de9ae630 30ca3261 1497c827"},
      {64, "51f0bebf 7e3b9d92 fc497417 79363cfe"},
  };
  for (const auto& [size, mac] : kVectors) {
    const Bytes part(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(MacOf(authenticator, 4, part), FromHex("00000004 " + std::string(mac))) << size;
  }
}

// RFC 1321 A.5, FIPS 180-2 A.1 and C.1 for "abc…": with a key, the message is what follows it.
TEST(Mac, OfADigestIsTheDigestOfKeyAndPacket) {
  KeyStore keys;
  ASSERT_TRUE(keys.Add({1, KeyType::kMd5, Secret("abcdefghijklm")}).ok());
  ASSERT_TRUE(keys.Add({2, KeyType::kSha1, Secret("a")}).ok());
  ASSERT_TRUE(keys.Add({3, KeyType::kSha256, Secret("a")}).ok());
  Authenticator authenticator = Created(keys);
  EXPECT_EQ(MacOf(authenticator, 1, FromText("nopqrstuvwxyz")),
            FromHex("00000001 c3fcd3d76192e4007dfb496cca67e13b"));
  EXPECT_EQ(MacOf(authenticator, 2, FromText("bc")),
            FromHex("00000002 a9993e364706816aba3e25717850c26c9cd0d89d"));
  // 'b' says version 4: SHA-256 is cut to 20 bytes.
  EXPECT_EQ(MacOf(authenticator, 3, FromText("bc")),
            FromHex("00000003 ba7816bf8f01cfea414140de5dae2223b00361a3"));
}

TEST(Mac, IsCutInVersion4Alone) {
  Authenticator authenticator = Created(AllTypes());
  Bytes packet = FromHex(kChronydAnswer);
  const auto sizes = [&] {
    std::vector<size_t> all;
    for (uint32_t id = 1; id <= 4; ++id) all.push_back(MacOf(authenticator, id, packet).size());
    return all;
  };
  EXPECT_THAT(sizes(), testing::ElementsAre(20, 24, 24, 20));
  packet[0] = std::byte{3 << 3 | 4};
  EXPECT_THAT(sizes(), testing::ElementsAre(20, 24, 36, 20));
}

TEST(Mac, OfEveryTypeIsFoundAndGoodInAWholePacket) {
  Authenticator ours = Created(AllTypes());
  Authenticator theirs = Created(AllTypes());
  for (const std::string_view header : {kChronydAnswer, kNtpdKiss}) {  // versions 4 and 3
    for (uint32_t id = 1; id <= 4; ++id) {
      Bytes wire = FromHex(header);
      const Bytes mac = MacOf(ours, id, wire);
      wire.insert(wire.end(), mac.begin(), mac.end());
      const Decoded decoded = Decode(wire);
      ASSERT_TRUE(decoded.ok()) << Describe(decoded.error);
      const MacCheck check = theirs.Check(decoded.covered, decoded.mac);
      EXPECT_EQ(check.verdict, MacVerdict::kGood) << Describe(check.verdict) << " " << id;
      EXPECT_EQ(check.key_id, id);
    }
  }
}

TEST(Mac, CoversExtensionFields) {
  Authenticator authenticator = Created(AllTypes());
  Bytes wire = FromHex(std::string(kChronydAnswer) + " 0204 0010 000000000000000000000000");
  const Bytes mac = MacOf(authenticator, 4, wire);
  wire.insert(wire.end(), mac.begin(), mac.end());
  const auto checked = [&] {
    const Decoded decoded = Decode(wire);
    EXPECT_EQ(decoded.extensions.size(), 16u);
    return authenticator.Check(decoded.covered, decoded.mac).verdict;
  };
  EXPECT_EQ(checked(), MacVerdict::kGood);
  wire[kHeaderSize + 8] = std::byte{1};
  EXPECT_EQ(checked(), MacVerdict::kMismatch);
}

TEST(Mac, NoBitOfPacketOrMacMayChange) {
  Authenticator authenticator = Created(AllTypes());
  for (uint32_t id = 1; id <= 4; ++id) {
    Bytes packet = FromHex(kChronydAnswer);
    Bytes mac = MacOf(authenticator, id, packet);
    for (Bytes* const part : {&packet, &mac}) {
      for (size_t bit = 0; bit < 8 * part->size(); ++bit) {
        const auto mask = static_cast<std::byte>(1 << bit % 8);
        (*part)[bit / 8] ^= mask;
        EXPECT_FALSE(authenticator.Check(packet, mac).ok()) << id << " bit " << bit;
        (*part)[bit / 8] ^= mask;
      }
    }
    EXPECT_TRUE(authenticator.Check(packet, mac).ok());
  }
}

TEST(Mac, OfAnotherKeyIsRefused) {
  Authenticator authenticator = Created(AllTypes());
  const Bytes packet = FromHex(kChronydAnswer);
  const Bytes mac = MacOf(authenticator, 2, packet);
  EXPECT_EQ(authenticator.Check(packet, mac, 2).verdict, MacVerdict::kGood);
  EXPECT_EQ(authenticator.Check(packet, mac, 3).verdict, MacVerdict::kUnknownKey);

  KeyStore same_number;
  ASSERT_TRUE(same_number.Add({2, KeyType::kSha1, Secret("abcdefgi")}).ok());
  EXPECT_EQ(Created(same_number).Check(packet, mac).verdict, MacVerdict::kMismatch);
  EXPECT_EQ(Created(KeyStore()).Check(packet, mac).verdict, MacVerdict::kUnknownKey);
}

TEST(Mac, ThatIsCutOrLongerIsRefused) {
  Authenticator authenticator = Created(AllTypes());
  const Bytes packet = FromHex(kChronydAnswer);
  for (uint32_t id = 1; id <= 4; ++id) {
    const Bytes whole = MacOf(authenticator, id, packet);
    for (size_t size = 1; size < 80; ++size) {
      Bytes mac = whole;
      mac.resize(size);
      EXPECT_EQ(authenticator.Check(packet, mac).verdict,
                size == whole.size() ? MacVerdict::kGood : MacVerdict::kWrongSize)
          << id << ": " << size;
    }
  }
}

TEST(Mac, NoneAndACryptoNakAreToldApart) {
  Authenticator authenticator = Created(AllTypes());
  const Bytes packet = FromHex(kChronydAnswer);
  EXPECT_EQ(authenticator.Check(packet, {}).verdict, MacVerdict::kAbsent);
  EXPECT_EQ(authenticator.Check(packet, Bytes(4)).verdict, MacVerdict::kCryptoNak);
  EXPECT_EQ(authenticator.Check(packet, Bytes(20)).verdict, MacVerdict::kUnknownKey);
}

TEST(Mac, IsNotWrittenWithoutAKeyOrRoom) {
  Authenticator authenticator = Created(AllTypes());
  const Bytes packet = FromHex(kChronydAnswer);
  Bytes room(19, std::byte{0xaa});
  EXPECT_EQ(authenticator.Append(1, packet, room), 0u);
  EXPECT_EQ(room, Bytes(19, std::byte{0xaa}));
  EXPECT_EQ(MacOf(authenticator, 5, packet).size(), 0u);
  EXPECT_EQ(MacOf(authenticator, 0, packet).size(), 0u);
}

TEST(Mac, AnAuthenticatorThatWasMovedGoesOnElsewhere) {
  Authenticator first = Created(AllTypes());
  const Bytes packet = FromHex(kChronydAnswer);
  const Bytes mac = MacOf(first, 4, packet);
  Authenticator second = std::move(first);
  EXPECT_TRUE(second.Check(packet, mac).ok());
}

}  // namespace
}  // namespace fleetsync::ntp
