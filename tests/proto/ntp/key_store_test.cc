#include "proto/ntp/key_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fleetsync::ntp {
namespace {

using testing::HasSubstr;

Status AddTo(KeyStore& keys, uint32_t id, KeyType type, std::string bytes) {
  return keys.Add({.id = id, .type = type, .bytes = Secret(std::move(bytes))});
}

TEST(KeyStore, FindsWhatWasAddedInAnyOrder) {
  KeyStore keys;
  for (const uint32_t id : {7u, 1u, 4294967295u, 3u})
    ASSERT_TRUE(AddTo(keys, id, KeyType::kSha1, "key" + std::to_string(id)).ok());
  ASSERT_NE(keys.Find(3), nullptr);
  EXPECT_EQ(keys.Find(3)->bytes.Reveal(), "key3");
  EXPECT_EQ(keys.Find(4294967295u)->id, 4294967295u);
  EXPECT_EQ(keys.Find(2), nullptr);
  EXPECT_EQ(keys.keys().front().id, 1u);
}

TEST(KeyStore, TakesANumberOnceAndNeverZero) {
  KeyStore keys;
  ASSERT_TRUE(AddTo(keys, 7, KeyType::kMd5, "s3cret").ok());
  EXPECT_EQ(Message(AddTo(keys, 7, KeyType::kMd5, "other")), "key 7 is there twice");
  EXPECT_THAT(Message(AddTo(keys, 0, KeyType::kMd5, "other")), HasSubstr("key 0 cannot be"));
  EXPECT_EQ(keys.Find(7)->bytes.Reveal(), "s3cret");
  EXPECT_EQ(keys.keys().size(), 1u);
}

TEST(KeyStore, RefusesLengthsThatNoDaemonHas) {
  KeyStore keys;
  EXPECT_EQ(Message(AddTo(keys, 1, KeyType::kMd5, "")), "key 1 is empty");
  EXPECT_EQ(Message(AddTo(keys, 1, KeyType::kAesCmac128, std::string(15, 'x'))),
            "key 1 has 15 bytes; AES128 takes 16");
  EXPECT_THAT(Message(AddTo(keys, 1, KeyType::kMd5, std::string(1025, 'x'))), HasSubstr("1025"));
  EXPECT_TRUE(AddTo(keys, 1, KeyType::kMd5, std::string(1024, 'x')).ok());
  EXPECT_TRUE(AddTo(keys, 2, KeyType::kAesCmac128, std::string(16, 'x')).ok());
}

}  // namespace
}  // namespace fleetsync::ntp
