#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/ntp/key_store.h"

namespace fleetsync::ntp {

inline constexpr size_t kMacRoom = 4 + 32;  // key id and SHA-256, in versions before 4

enum class MacVerdict : uint8_t {
  kGood,
  kAbsent,      // there is none
  kCryptoNak,   // the other side could not check ours (RFC 5905 7.3): four zero bytes
  kUnknownKey,  // we have no such key, or not the one asked for
  kWrongSize,   // cut, or longer than this key's
  kMismatch,    // not made with this key, or changed on the way
};
std::string_view Describe(MacVerdict verdict);

struct MacCheck {
  MacVerdict verdict = MacVerdict::kAbsent;
  uint32_t key_id = 0;  // as the packet says; believe it when kGood
  bool ok() const { return verdict == MacVerdict::kGood; }
};

// Makes and checks the message authentication codes of NTP packets: RFC 5905 7.3 (a digest of key
// and packet) and RFC 8573 (AES-128-CMAC). After Create no call allocates. Not thread-safe, not
// even Check: each thread has its own. The keys in it are overwritten when it goes.
class Authenticator {
 public:
  // FailedPrecondition when this host's libcrypto lacks an algorithm, as MD5 in FIPS mode.
  static StatusOr<Authenticator> Create(const KeyStore& keys);
  Authenticator(Authenticator&&) noexcept;
  Authenticator& operator=(Authenticator&&) noexcept;
  ~Authenticator();

  // Writes key id and digest of `packet`, which is the header and all extension fields, and says
  // how many bytes they take: 20, 24, or up to kMacRoom in versions before 4, whose longer
  // digests are not cut to 20 bytes (as with chronyd; ntpsec cuts in all versions). 0: no such key,
  // or no room.
  size_t Append(uint32_t key_id, std::span<const std::byte> packet, std::span<std::byte> mac_out);

  // `packet` and `mac` as Decoded has them (`covered`, `mac`). With `only`, a good MAC of another
  // key is kUnknownKey: a client has agreed on one key with each server.
  MacCheck Check(std::span<const std::byte> packet, std::span<const std::byte> mac,
                 std::optional<uint32_t> only = std::nullopt);

 private:
  struct Slot;

  explicit Authenticator(std::vector<Slot> slots);
  Slot* Find(uint32_t key_id);

  std::vector<Slot> slots_;  // by id
};

}  // namespace fleetsync::ntp
