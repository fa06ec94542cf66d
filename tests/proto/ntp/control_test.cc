#include "proto/ntp/control.h"

#include <string>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

// One fragment of an answer to number 7, association 3.
std::vector<std::byte> Fragment(std::string_view data, uint16_t offset, bool more,
                                uint8_t error = 0) {
  std::vector<std::byte> wire(12 + data.size());
  wire[0] = std::byte{0x16};
  wire[1] = std::byte(0x82 | (more ? 0x20 : 0) | (error != 0 ? 0x40 : 0));
  wire[3] = std::byte{7};
  wire[4] = std::byte{error};
  wire[7] = std::byte{3};
  wire[8] = std::byte(offset >> 8);
  wire[9] = std::byte(offset & 0xff);
  wire[10] = std::byte(data.size() >> 8);
  wire[11] = std::byte(data.size() & 0xff);
  for (size_t i = 0; i < data.size(); ++i) wire[12 + i] = static_cast<std::byte>(data[i]);
  return wire;
}

ControlAnswer Expected() { return {ControlOperation::kReadVariables, 7, 3}; }

TEST(Control, FragmentsAreJoinedInAnyOrder) {
  ControlAnswer answer = Expected();
  EXPECT_TRUE(answer.Add(Fragment("=9", 7, false)));
  EXPECT_FALSE(answer.complete());
  EXPECT_TRUE(answer.Add(Fragment("stratum", 0, true)));
  ASSERT_TRUE(answer.complete());
  EXPECT_EQ(answer.text(), "stratum=9");
}

TEST(Control, AFragmentThatComesTwiceCountsOnce) {
  ControlAnswer answer = Expected();
  EXPECT_TRUE(answer.Add(Fragment("abc", 0, true)));
  EXPECT_TRUE(answer.Add(Fragment("xyz", 0, true)));
  EXPECT_TRUE(answer.Add(Fragment("d", 3, false)));
  ASSERT_TRUE(answer.complete());
  EXPECT_EQ(answer.text(), "abcd") << "what came first stays";
}

TEST(Control, WhatBelongsToAnotherAnswerIsLeftOut) {
  for (const size_t at : {size_t{0}, size_t{1}, size_t{3}, size_t{7}}) {
    ControlAnswer answer = Expected();
    std::vector<std::byte> wire = Fragment("a", 0, false);
    wire[at] ^= std::byte{1};
    EXPECT_FALSE(answer.Add(wire)) << at;
    EXPECT_FALSE(answer.complete());
  }
}

TEST(Control, WhatIsCutOffOrBeyondTheEndIsLeftOut) {
  ControlAnswer answer = Expected();
  std::vector<std::byte> cut = Fragment("abc", 0, false);
  cut.pop_back();
  EXPECT_FALSE(answer.Add(cut));
  EXPECT_FALSE(answer.Add(std::span(cut).first(11)));
  EXPECT_TRUE(answer.Add(Fragment("def", 3, false)));
  EXPECT_FALSE(answer.Add(Fragment("abcdefg", 0, true))) << "longer than the whole";
  EXPECT_FALSE(answer.Add(Fragment("", 0, true))) << "says nothing";
  EXPECT_FALSE(answer.Add(Fragment("a", 0, false))) << "another end";
  EXPECT_TRUE(answer.Add(Fragment("abc", 0, true)));
  EXPECT_EQ(answer.text(), "abcdef");
}

TEST(Control, AnErrorEndsIt) {
  ControlAnswer answer = Expected();
  EXPECT_TRUE(answer.Add(Fragment("", 0, false, 5)));
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.error(), 5);
}

TEST(Control, AssociationsAreReadWithTheirSelection) {
  ControlAnswer answer = Expected();
  EXPECT_TRUE(
      answer.Add(Fragment(std::string_view("\x45\x67\xb6\x1a\x45\x68\x91\x1a\x01", 9), 0, false)));
  const auto associations = answer.Associations();
  ASSERT_EQ(associations.size(), 2U) << "what is no whole pair is left out";
  EXPECT_EQ(associations[0].id, 0x4567);
  EXPECT_EQ(associations[0].selection(), 6);
  EXPECT_EQ(associations[1].selection(), 1);
}

TEST(Control, ARequestIsPaddedToFourBytes) {
  const auto wire = EncodeControlRequest(ControlOperation::kReadVariables, 258, 3, "reach");
  ASSERT_EQ(wire.size(), 20U);
  EXPECT_EQ(wire[0], std::byte{0x16});
  EXPECT_EQ(wire[1], std::byte{2});
  EXPECT_EQ(wire[2], std::byte{1});
  EXPECT_EQ(wire[3], std::byte{2});
  EXPECT_EQ(wire[7], std::byte{3});
  EXPECT_EQ(wire[11], std::byte{5});
}

}  // namespace
}  // namespace fleetsync::ntp
