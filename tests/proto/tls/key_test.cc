#include "proto/tls/key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::tls {
namespace {

using testing::HasSubstr;

std::string Why(std::string_view der) { return Message(KeyOfRequest(der).status()); }

std::string RequestFor(EVP_PKEY* key) { return *MakeRequest(key); }

TEST(TlsKey, IsReadBackFromItsPem) {
  const KeyPtr key = *MakeKey();
  const Secret pem = KeyPem(key.get());
  EXPECT_TRUE(pem.Reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const StatusOr<KeyPtr> again = ParseKey(pem.Reveal());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(EVP_PKEY_eq(key.get(), again->get()), 1);
  EXPECT_FALSE(ParseKey("").ok());
  EXPECT_FALSE(ParseKey("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").ok());
}

TEST(TlsKey, ARequestProvesItsKey) {
  const KeyPtr key = *MakeKey();
  const StatusOr<KeyPtr> found = KeyOfRequest(RequestFor(key.get()));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(EVP_PKEY_eq(key.get(), found->get()), 1);
}

TEST(TlsKey, ARequestThatWasChangedIsRefused) {
  const std::string good = RequestFor(MakeKey()->get());
  EXPECT_THAT(Why(""), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(good + "x"), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(good.substr(0, good.size() - 1)), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(std::string(20'000, '0')), HasSubstr("cannot be read"));
  // No byte of it can be changed without being noticed.
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(Why(changed), "") << "byte " << i;
  }
}

TEST(TlsKey, WeakKeysAreRefused) {
  EXPECT_TRUE(KeyOfRequest(RequestFor(KeyPtr(EVP_EC_gen("P-384")).get())).ok());
  EXPECT_TRUE(KeyOfRequest(RequestFor(KeyPtr(EVP_RSA_gen(2048)).get())).ok());
  EXPECT_THAT(Why(RequestFor(KeyPtr(EVP_RSA_gen(1024)).get())), HasSubstr("neither EC P-256"));
  EXPECT_THAT(Why(RequestFor(KeyPtr(EVP_EC_gen("P-224")).get())), HasSubstr("neither EC P-256"));
  EXPECT_THAT(Why(RequestFor(KeyPtr(EVP_EC_gen("secp256k1")).get())),
              HasSubstr("neither EC P-256"));
}

}  // namespace
}  // namespace fleetsync::tls
