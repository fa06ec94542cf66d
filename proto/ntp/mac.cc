// EVP of OpenSSL 3.0 makes a new context at every EVP_DigestInit and every copy. The functions
// below it work on a plain struct, which has the key in it before the first packet comes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "proto/ntp/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <variant>

#include "fmt/format.h"

namespace fleetsync::ntp {
namespace {

constexpr size_t kKeyIdSize = 4;
constexpr size_t kLongestDigestOfVersion4 = 20;  // RFC 7822 3: more would be an extension field

using Digest = std::array<unsigned char, kMacRoom - kKeyIdSize>;

bool IsVersion4(std::span<const std::byte> packet) {
  return packet.empty() || (std::to_integer<unsigned>(packet[0]) >> 3 & 7) >= 4;
}

// H(key || packet), the state after `key`.
template <typename State, auto init, auto update, auto final, size_t size>
class KeyedDigest {
 public:
  explicit KeyedDigest(std::string_view key) {
    init(&state_);
    update(&state_, key.data(), key.size());
  }
  KeyedDigest(const KeyedDigest&) = default;
  KeyedDigest& operator=(const KeyedDigest&) = default;
  ~KeyedDigest() { OPENSSL_cleanse(&state_, sizeof state_); }

  size_t Of(std::span<const std::byte> packet, Digest& out) const {
    State state = state_;
    update(&state, packet.data(), packet.size());
    final(out.data(), &state);  // overwrites what is left of the key in `state`
    return IsVersion4(packet) ? std::min(size, kLongestDigestOfVersion4) : size;
  }

 private:
  State state_;
};
using Md5 = KeyedDigest<MD5_CTX, MD5_Init, MD5_Update, MD5_Final, MD5_DIGEST_LENGTH>;
using Sha1 = KeyedDigest<SHA_CTX, SHA1_Init, SHA1_Update, SHA1_Final, SHA_DIGEST_LENGTH>;
using Sha256 = KeyedDigest<SHA256_CTX, SHA256_Init, SHA256_Update, SHA256_Final,  //
                           SHA256_DIGEST_LENGTH>;

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

// EVP overwrites the key in a context that it frees.
class Cmac {
 public:
  explicit Cmac(std::string_view key) {
    const std::unique_ptr<EVP_MAC, Free<EVP_MAC_free>> algorithm(
        EVP_MAC_fetch(nullptr, "CMAC", nullptr));
    if (!algorithm) return;
    context_.reset(EVP_MAC_CTX_new(algorithm.get()));
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("cipher", cipher, 0),
                                 OSSL_PARAM_construct_end()};
    if (!context_ ||
        !EVP_MAC_init(context_.get(), reinterpret_cast<const unsigned char*>(key.data()),
                      key.size(), params)) {
      context_.reset();
    }
  }
  bool ok() const { return context_ != nullptr; }

  size_t Of(std::span<const std::byte> packet, Digest& out) const {
    size_t size = 0;
    const auto* const data = reinterpret_cast<const unsigned char*>(packet.data());
    const bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) &&  // again, the same key
                    EVP_MAC_update(context_.get(), data, packet.size()) &&
                    EVP_MAC_final(context_.get(), out.data(), &size, out.size());
    return ok ? size : 0;
  }

 private:
  std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>> context_;
};

using Keyed = std::variant<Md5, Sha1, Sha256, Cmac>;

// What the host forbids (FIPS) is not in its providers, which the functions above do not ask.
bool IsOffered(KeyType type) {
  const std::unique_ptr<EVP_MD, Free<EVP_MD_free>> algorithm(
      EVP_MD_fetch(nullptr, ToString(type).data(), nullptr));
  return algorithm != nullptr;
}

// None when libcrypto does not have the algorithm.
std::optional<Keyed> Prepare(const Key& key) {
  const std::string_view bytes = key.bytes.Reveal();
  if (key.type != KeyType::kAesCmac128 && !IsOffered(key.type)) return std::nullopt;
  switch (key.type) {
    case KeyType::kMd5:
      return Md5(bytes);
    case KeyType::kSha1:
      return Sha1(bytes);
    case KeyType::kSha256:
      return Sha256(bytes);
    case KeyType::kAesCmac128:
      if (Cmac cmac(bytes); cmac.ok()) return Keyed(std::move(cmac));
  }
  return std::nullopt;
}

uint32_t LoadKeyId(std::span<const std::byte> mac) {
  uint32_t id = 0;
  for (size_t i = 0; i < kKeyIdSize; ++i) id = id << 8 | std::to_integer<uint32_t>(mac[i]);
  return id;
}

}  // namespace

struct Authenticator::Slot {
  uint32_t id = 0;
  Keyed keyed;

  // The size of the digest, 0 when libcrypto fails.
  size_t Compute(std::span<const std::byte> packet, Digest& out) const {
    return std::visit([&](const auto& key) { return key.Of(packet, out); }, keyed);
  }
};

std::string_view Describe(MacVerdict verdict) {
  switch (verdict) {
    case MacVerdict::kGood:
      return "good";
    case MacVerdict::kAbsent:
      return "not authenticated";
    case MacVerdict::kCryptoNak:
      return "crypto-NAK: the other side does not accept our key";
    case MacVerdict::kUnknownKey:
      return "authenticated with another key";
    case MacVerdict::kWrongSize:
      return "the authentication code has a wrong size";
    case MacVerdict::kMismatch:
      return "the authentication code is wrong";
  }
  return "";
}

Authenticator::Authenticator(std::vector<Slot> slots) : slots_(std::move(slots)) {}
Authenticator::Authenticator(Authenticator&&) noexcept = default;
Authenticator& Authenticator::operator=(Authenticator&&) noexcept = default;
Authenticator::~Authenticator() = default;

StatusOr<Authenticator> Authenticator::Create(const KeyStore& keys) {
  std::vector<Slot> slots;
  slots.reserve(keys.keys().size());
  for (const Key& key : keys.keys()) {
    std::optional<Keyed> keyed = Prepare(key);
    if (!keyed)
      return absl::FailedPreconditionError(
          fmt::format("key {}: libcrypto on this host offers no {}; use another type", key.id,
                      ToString(key.type)));
    slots.push_back({.id = key.id, .keyed = *std::move(keyed)});
  }
  return Authenticator(std::move(slots));
}

Authenticator::Slot* Authenticator::Find(uint32_t key_id) {
  const auto at = std::ranges::lower_bound(slots_, key_id, {}, &Slot::id);
  return at != slots_.end() && at->id == key_id ? &*at : nullptr;
}

size_t Authenticator::Append(uint32_t key_id, std::span<const std::byte> packet,
                             std::span<std::byte> mac_out) {
  const Slot* const slot = Find(key_id);
  if (slot == nullptr) return 0;
  Digest digest;
  const size_t size = slot->Compute(packet, digest);
  if (size == 0 || mac_out.size() < kKeyIdSize + size) return 0;
  for (size_t i = 0; i < kKeyIdSize; ++i)
    mac_out[i] = static_cast<std::byte>(key_id >> (24 - 8 * i));
  std::ranges::transform(std::span(digest).first(size), mac_out.begin() + kKeyIdSize,
                         [](unsigned char c) { return std::byte{c}; });
  return kKeyIdSize + size;
}

MacCheck Authenticator::Check(std::span<const std::byte> packet, std::span<const std::byte> mac,
                              std::optional<uint32_t> only) {
  if (mac.empty()) return {MacVerdict::kAbsent, 0};
  if (mac.size() < kKeyIdSize) return {MacVerdict::kWrongSize, 0};
  const uint32_t id = LoadKeyId(mac);
  if (id == 0 && mac.size() == kKeyIdSize) return {MacVerdict::kCryptoNak, 0};
  const Slot* const slot = !only || *only == id ? Find(id) : nullptr;
  if (slot == nullptr) return {MacVerdict::kUnknownKey, id};
  Digest expected;
  const size_t size = slot->Compute(packet, expected);
  const std::span<const std::byte> digest = mac.subspan(kKeyIdSize);
  if (size == 0 || digest.size() != size) return {MacVerdict::kWrongSize, id};
  const bool same = CRYPTO_memcmp(digest.data(), expected.data(), size) == 0;
  return {same ? MacVerdict::kGood : MacVerdict::kMismatch, id};
}

}  // namespace fleetsync::ntp
