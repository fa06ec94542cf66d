#include "proto/ntp/packet.h"

#include <array>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/proto/ntp/wire.h"

namespace fleetsync::ntp {
namespace {

std::vector<std::byte> Followed(std::string_view hex, size_t zeros) {
  std::vector<std::byte> bytes = FromHex(hex);
  bytes.resize(bytes.size() + zeros);
  return bytes;
}

std::vector<std::byte> WithField(std::vector<std::byte> bytes, uint16_t length, size_t present) {
  const size_t at = bytes.size();
  bytes.resize(at + present);
  bytes[at + 2] = static_cast<std::byte>(length >> 8);
  bytes[at + 3] = static_cast<std::byte>(length);
  return bytes;
}

TEST(Packet, ChronydsAnswerIsReadFieldByField) {
  const Decoded decoded = Decode(FromHex(kChronydAnswer));
  ASSERT_TRUE(decoded.ok()) << Describe(decoded.error);
  const Packet& p = decoded.packet;
  EXPECT_EQ(p.leap, Leap::kNone);
  EXPECT_EQ(p.version, 4);
  EXPECT_EQ(p.mode, Mode::kServer);
  EXPECT_EQ(p.stratum, 8);
  EXPECT_EQ(p.poll, 6);
  EXPECT_EQ(p.precision, -24);
  EXPECT_EQ(p.root_delay, Duration(0));
  EXPECT_EQ(p.reference_id, 0x7f7f0101u);
  EXPECT_EQ(p.reference.bits, 0xeeab4a24ddec6a0bu);
  EXPECT_EQ(p.origin.bits, 0x0123456789abcdefu);
  EXPECT_EQ(p.receive.bits, 0xeeab4a53c0bef5abu);
  EXPECT_EQ(p.transmit.bits, 0xeeab4a53c0c35c96u);
  EXPECT_TRUE(decoded.mac.empty());
}

TEST(Packet, NtpdsAnswerHasItsRootDelayAndDispersion) {
  const Decoded decoded = Decode(FromHex(kNtpdAnswer));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.packet.root_delay, Duration(45'776));              // 3 / 65536 s
  EXPECT_EQ(decoded.packet.root_dispersion, Duration(5'000'198'364));  // 5 s and 13 / 65536 s
}

TEST(Packet, NtpdsKissIsAPacketToo) {
  const Decoded decoded = Decode(FromHex(kNtpdKiss));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded.packet.leap, Leap::kUnsynchronised);
  EXPECT_EQ(decoded.packet.version, 3);
  EXPECT_EQ(decoded.packet.stratum, 0);
  EXPECT_EQ(decoded.packet.reference_id, 0x52415445u);
}

TEST(Packet, WhatIsDecodedIsEncodedToTheSameBytes) {
  for (const std::string_view hex : {kChronydAnswer, kNtpdAnswer, kNtpdKiss}) {
    const std::vector<std::byte> wire = FromHex(hex);
    std::array<std::byte, kHeaderSize> again;
    Encode(Decode(wire).packet, again);
    EXPECT_TRUE(std::equal(wire.begin(), wire.end(), again.begin(), again.end()));
  }
}

TEST(Packet, EveryLengthBelowAHeaderIsTooShort) {
  const std::vector<std::byte> wire = FromHex(kChronydAnswer);
  for (size_t size = 0; size < wire.size(); ++size) {
    EXPECT_EQ(Decode(std::span(wire).first(size)).error, DecodeError::kTooShort);
  }
}

TEST(Packet, VersionsAndModesThatAreNotTimeAreRefused) {
  std::vector<std::byte> wire = FromHex(kChronydAnswer);
  for (unsigned version = 0; version < 8; ++version) {
    for (unsigned mode = 0; mode < 8; ++mode) {
      wire[0] = static_cast<std::byte>(version << 3 | mode);
      DecodeError expected = DecodeError::kNone;
      if (mode < 1 || mode > 5) expected = DecodeError::kMode;
      if (version < 1 || version > 4) expected = DecodeError::kVersion;
      EXPECT_EQ(Decode(wire).error, expected) << "version " << version << " mode " << mode;
    }
  }
}

TEST(Packet, AMacOfEveryKnownSizeIsFound) {
  for (const size_t size : {size_t{4}, size_t{20}, size_t{24}}) {
    const Decoded decoded = Decode(Followed(kChronydAnswer, size));
    EXPECT_TRUE(decoded.ok()) << size;
    EXPECT_EQ(decoded.mac.size(), size);
    EXPECT_TRUE(decoded.extensions.empty());
  }
}

TEST(Packet, BytesThatAreNoMacAreRefused) {
  for (const size_t size : std::initializer_list<size_t>{1, 3, 5, 8, 12, 16, 19, 21, 23}) {
    EXPECT_EQ(Decode(Followed(kChronydAnswer, size)).error, DecodeError::kTrailingBytes) << size;
  }
}

TEST(Packet, AnExtensionFieldIsWalkedOverToTheMac) {
  const auto wire = WithField(FromHex(kChronydAnswer), 28, 28 + 20);
  const Decoded decoded = Decode(wire);
  ASSERT_TRUE(decoded.ok()) << Describe(decoded.error);
  EXPECT_EQ(decoded.extensions.size(), 28u);
  EXPECT_EQ(decoded.mac.size(), 20u);
  EXPECT_EQ(decoded.covered.data(), wire.data());
  EXPECT_EQ(decoded.covered.size(), kHeaderSize + 28);
}

TEST(Packet, MalformedExtensionFieldsAreRefused) {
  for (const int length : {0, 4, 12, 30, 52, 65532}) {
    const auto wire = WithField(FromHex(kChronydAnswer), static_cast<uint16_t>(length), 48);
    EXPECT_EQ(Decode(wire).error, DecodeError::kBadExtension) << length;
  }
}

// Trailers of small fields and of noise; every byte of a packet belongs to one part of it.
TEST(Packet, OfRandomBytesIsTakenWholeOrRefused) {
  std::mt19937 random(20360207);
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::vector<std::byte> wire(48 + 4 * (random() % 32));
    for (std::byte& byte : wire) byte = static_cast<std::byte>(random());
    wire[0] = static_cast<std::byte>(random() % 4 << 6 | (1 + random() % 4) << 3 | 4);
    for (size_t at = 48; at + 4 <= wire.size() && random() % 8 != 0;) {
      const size_t length = 4 * (3 + random() % 6);
      wire[at + 2] = std::byte{0};
      wire[at + 3] = static_cast<std::byte>(length);
      at += length;
    }
    const Decoded decoded = Decode(wire);
    if (!decoded.ok()) continue;
    ++taken;
    ASSERT_EQ(decoded.covered.size(), kHeaderSize + decoded.extensions.size());
    ASSERT_EQ(decoded.covered.size() + decoded.mac.size(), wire.size());
  }
  EXPECT_GT(taken, 10'000);
}

TEST(Packet, Version3HasNoExtensionFieldsButLongDigests) {
  EXPECT_EQ(Decode(Followed(kNtpdKiss, 36)).mac.size(), 36u);  // key id and SHA-256
  EXPECT_EQ(Decode(Followed(kNtpdKiss, 72)).error, DecodeError::kTrailingBytes);
}

}  // namespace
}  // namespace fleetsync::ntp
