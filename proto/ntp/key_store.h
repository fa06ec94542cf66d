#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/status.h"

namespace fleetsync::ntp {

enum class KeyType : uint8_t {
  kMd5,         // the three: H(key || packet), RFC 5905 7.3
  kSha1,        //
  kSha256,      //
  kAesCmac128,  // RFC 8573
};
std::string_view ToString(KeyType type);

// A symmetric key shared with a server or a client.
struct Key {
  uint32_t id = 0;  // what is on the wire; 0 is a crypto-NAK's and no key's
  KeyType type = KeyType::kMd5;
  Secret bytes;
};

inline constexpr size_t kCmacKeySize = 16;
inline constexpr size_t kLongestKey = 1024;  // what a line of chrony.keys has room for

// Keys by their number. Not copied: secrets are not.
class KeyStore {
 public:
  // InvalidArgument, naming the key's number and never its bytes: number 0 or taken, no bytes or
  // too many, a CMAC key that has not 16.
  Status Add(Key key);

  const Key* Find(uint32_t id) const;                  // null: no such key
  std::span<const Key> keys() const { return keys_; }  // by id

 private:
  std::vector<Key> keys_;
};

}  // namespace fleetsync::ntp
