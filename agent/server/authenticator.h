#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fleetsync::server {

// The keys of a server. Called by every worker at once: const, without a lock or an allocation.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // `mac` is key id and digest. False: the key is unknown or the digest is another one.
  virtual bool Check(std::span<const std::byte> signed_part,
                     std::span<const std::byte> mac) const = 0;
  // Writes key id and digest of `signed_part` behind it; the bytes written, 0: no such key, or no
  // room.
  virtual size_t Sign(uint32_t key_id, std::span<const std::byte> signed_part,
                      std::span<std::byte> mac) const = 0;
};

}  // namespace fleetsync::server
