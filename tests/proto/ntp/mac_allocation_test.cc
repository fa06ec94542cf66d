// A relay's workers make and check codes at line rate. A program of its own: libcrypto takes an
// allocator only before its first allocation.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

#include "proto/ntp/mac.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {
namespace {

int allocations = 0;

void* Allocate(size_t size, const char*, int) {
  ++allocations;
  return std::malloc(size);
}
void* Reallocate(void* old, size_t size, const char*, int) {
  ++allocations;
  return std::realloc(old, size);
}
void Release(void* old, const char*, int) { std::free(old); }

const bool counting = CRYPTO_set_mem_functions(Allocate, Reallocate, Release) == 1;

TEST(Mac, OfAPacketAllocatesNothing) {
  ASSERT_TRUE(counting);
  KeyStore keys;
  ASSERT_TRUE(keys.Add({1, KeyType::kMd5, Secret("0123456789abcdef")}).ok());
  ASSERT_TRUE(keys.Add({2, KeyType::kSha1, Secret("0123456789abcdef")}).ok());
  ASSERT_TRUE(keys.Add({3, KeyType::kSha256, Secret("0123456789abcdef")}).ok());
  ASSERT_TRUE(keys.Add({4, KeyType::kAesCmac128, Secret("0123456789abcdef")}).ok());
  StatusOr<Authenticator> authenticator = Authenticator::Create(keys);
  ASSERT_TRUE(authenticator.ok());
  ASSERT_GT(allocations, 0);

  const std::array<std::byte, kHeaderSize> packet{};
  std::array<std::byte, kMacRoom> room{};
  for (uint32_t id = 1; id <= 4; ++id) {
    allocations = 0;
    for (int i = 0; i < 10; ++i) {
      const size_t size = authenticator->Append(id, packet, room);
      ASSERT_TRUE(authenticator->Check(packet, std::span(room).first(size)).ok());
    }
    EXPECT_EQ(allocations, 0) << "key " << id;
  }
}

}  // namespace
}  // namespace fleetsync::ntp
