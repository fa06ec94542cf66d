#include "controller/policy/key_ring.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::policy {
namespace {

constexpr size_t kLeastBytes = 4;  // shorter ones are slips of the hand
constexpr size_t kMostBytes = 64;  // ntpd's limit is 64, chrony's above that
constexpr size_t kAes128Bytes = 16;

Status Bad(uint32_t id, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("key {} of time.keys {}", id, what));
}

StatusOr<Secret> FromHex(uint32_t id, std::string_view digits) {
  if (digits.size() % 2 != 0) return Bad(id, "has an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    const char* const end = digits.data() + i + 2;
    if (const auto read = std::from_chars(digits.data() + i, end, value, 16);
        read.ec != std::errc() || read.ptr != end) {
      WipeString(bytes);
      return Bad(id, "holds something else than hexadecimal digits behind HEX:");
    }
    bytes += static_cast<char>(value);
  }
  return Secret(std::move(bytes));
}

StatusOr<Secret> Decode(const inventory::NtpKey& key, std::string_view text) {
  constexpr std::string_view kHex = "HEX:", kAscii = "ASCII:";
  if (text.starts_with(kHex)) return FromHex(key.id, text.substr(kHex.size()));
  if (text.starts_with(kAscii)) text.remove_prefix(kAscii.size());
  for (const char c : text)
    if (c <= ' ' || c > '~')
      return Bad(key.id, "holds blanks or characters beyond ASCII; write it as HEX: and digits");
  return Secret(std::string(text));
}

Status CheckLength(const inventory::NtpKey& key, size_t size) {
  if (key.type == inventory::NtpKey::Type::kAes128 && size != kAes128Bytes)
    return Bad(key.id, fmt::format("has {} bytes; AES128 takes 16", size));
  if (size < kLeastBytes || size > kMostBytes)
    return Bad(key.id,
               fmt::format("has {} bytes; {} to {} are taken", size, kLeastBytes, kMostBytes));
  return absl::OkStatus();
}

}  // namespace

StatusOr<KeyRing> ReadKeys(
    const std::vector<inventory::NtpKey>& keys,
    const std::function<StatusOr<Secret>(const inventory::SecretSource&)>& read) {
  if (keys.empty()) return KeyRing();
  auto ring = std::make_shared<std::vector<TimeKey>>();
  for (const inventory::NtpKey& key : keys) {
    const StatusOr<Secret> text = read(key.secret);
    if (!text.ok()) return Annotate(text.status(), fmt::format("key {} of time.keys", key.id));
    FS_ASSIGN_OR_RETURN(Secret bytes, Decode(key, text->Reveal()));
    FS_RETURN_IF_ERROR(CheckLength(key, bytes.Reveal().size()));
    ring->push_back({.id = key.id, .type = key.type, .bytes = std::move(bytes)});
  }
  return KeyRing(std::move(ring));
}

}  // namespace fleetsync::policy
