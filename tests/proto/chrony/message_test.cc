#include "proto/chrony/message.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace fleetsync::chrony {
namespace {

std::vector<std::byte> FromHex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 2 <= text.size(); i += 2)
    bytes.push_back(std::byte(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// chronyd 4.3; `chronyc -c tracking` said at that moment:
// C6120101,198.18.1.1,9,1795259640.659295351,…,-0.518,0.010,2.149,0.000028715,0.000004063,2.0,Normal
constexpr std::string_view kTracking =
    "06020000002100050000000000000000010203040000000000000000c6120101c61201010000000000000000000000"
    "00"
    "000100000009"
    "0000000000006b017cf8274c0c77db288d22dae6879ae09af138037b7340f6a5a28f06898c8ce4f0e0fee087ab3606"
    "80"
    "7fe0";

TEST(ChronyMessage, NumbersAreWhatChronycShows) {
  const std::vector<std::byte> wire = FromHex(kTracking);
  const auto reply = DecodeReply(wire);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->sequence, 0x01020304U);
  const auto t = ReadTracking(*reply);
  ASSERT_TRUE(t.has_value());
  EXPECT_EQ(t->reference_id, 0xc6120101U);
  EXPECT_EQ(t->address.family, Family::kIpv4);
  EXPECT_EQ(t->stratum, 9);
  EXPECT_EQ(t->leap, 0);
  EXPECT_NEAR(t->reference_time, 1795259640.659295351, 1e-5);
  EXPECT_NEAR(t->frequency_ppm, -0.518, 5e-4);
  EXPECT_NEAR(t->residual_frequency_ppm, 0.010, 5e-4);
  EXPECT_NEAR(t->skew_ppm, 2.149, 5e-4);
  EXPECT_NEAR(t->root_delay, 0.000028715, 5e-10);
  EXPECT_NEAR(t->root_dispersion, 0.000004063, 2e-7);
  EXPECT_NEAR(t->update_interval, 2.0, 0.05);
}

TEST(ChronyMessage, ARequestIsAsLongAsItsAnswer) {
  EXPECT_EQ(EncodeRequest(Command::kTracking, 1).size(), FromHex(kTracking).size());
  EXPECT_EQ(EncodeRequest(Command::kSourceCount, 1).size(), 32U);
  EXPECT_EQ(EncodeRequest(Command::kSourceData, 1, 0).size(), 76U);
  EXPECT_EQ(EncodeRequest(Command::kSourceStats, 1, 0).size(), 84U);
  EXPECT_EQ(EncodeRequest(Command::kNtpData, 1, Address{}).size(), 152U);
  EXPECT_EQ(EncodeRequest(Command::kSourceName, 1, Address{}).size(), 284U);
}

TEST(ChronyMessage, ARequestHasItsNumberAndItsIndex) {
  const std::vector<std::byte> wire = EncodeRequest(Command::kSourceData, 0x01020304, 258);
  const std::vector<std::byte> head = FromHex(
      "060100"
      "00000f0000"
      "01020304"
      "0000000000000000"
      "00000102");
  EXPECT_TRUE(std::equal(head.begin(), head.end(), wire.begin()));
}

TEST(ChronyMessage, AnAnswerThatIsCutOffIsNone) {
  const std::vector<std::byte> wire = FromHex(kTracking);
  for (size_t size = 0; size < wire.size(); ++size) {
    const auto reply = DecodeReply(std::span(wire).first(size));
    EXPECT_TRUE(!reply || !ReadTracking(*reply)) << size;
  }
}

TEST(ChronyMessage, AnAnswerToAnotherQuestionIsNone) {
  const std::vector<std::byte> wire = FromHex(kTracking);
  const auto reply = DecodeReply(wire);
  EXPECT_FALSE(ReadSourceCount(*reply));
  EXPECT_FALSE(ReadSourceData(*reply));
  EXPECT_FALSE(ReadSourceStats(*reply));
  EXPECT_FALSE(ReadNtpData(*reply));
  EXPECT_FALSE(ReadSourceName(*reply));
}

TEST(ChronyMessage, ARequestIsNoAnswer) {
  EXPECT_FALSE(DecodeReply(EncodeRequest(Command::kTracking, 1)));
}

}  // namespace
}  // namespace fleetsync::chrony
