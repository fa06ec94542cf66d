#include "controller/policy/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fleetsync::policy {
namespace {

using inventory::NtpKey;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

StatusOr<KeyRing> Read(NtpKey::Type type, const std::string& text) {
  NtpKey key;
  key.id = 7;
  key.type = type;
  return ReadKeys({key},
                  [&](const inventory::SecretSource&) -> StatusOr<Secret> { return Secret(text); });
}

TEST(KeyRing, TakesTextAndHexadecimalDigitsAsChronyDoes) {
  for (const auto& [text, bytes] : {std::pair<std::string, std::string>{"s3cret", "s3cret"},
                                    {"ASCII:HEX:00", "HEX:00"},
                                    {"HEX:7a00FF20", std::string("z\0\xff ", 4)}}) {
    const auto ring = Read(NtpKey::Type::kSha256, text);
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ((**ring)[0].bytes.Reveal(), bytes);
    EXPECT_EQ((**ring)[0].id, 7U);
  }
}

TEST(KeyRing, SaysWhichKeyIsWrongAndNothingOfIt) {
  for (const char* text : {"HEX:123", "HEX:zz11zz11", "a blank zz", "abc", ""}) {
    const auto ring = Read(NtpKey::Type::kSha1, text);
    ASSERT_FALSE(ring.ok()) << text;
    EXPECT_THAT(ring.status().message(),
                AllOf(HasSubstr("key 7 of time.keys"), Not(HasSubstr("zz"))));
  }
  EXPECT_THAT(Read(NtpKey::Type::kAes128, "HEX:00112233").status().message(),
              HasSubstr("has 4 bytes; AES128 takes 16"));
}

TEST(KeyRing, PassesOnWhyASecretCannotBeRead) {
  const auto ring = ReadKeys({NtpKey{.id = 9, .secret = {}}},
                             [](const inventory::SecretSource&) -> StatusOr<Secret> {
                               return absl::NotFoundError("no such file");
                             });
  EXPECT_THAT(ring.status().message(), AllOf(HasSubstr("key 9"), HasSubstr("no such file")));
}

TEST(KeyRing, NoKeysAreNone) {
  const auto ring = ReadKeys({}, nullptr);
  ASSERT_TRUE(ring.ok());
  EXPECT_EQ(*ring, nullptr);
}

}  // namespace
}  // namespace fleetsync::policy
