#include "proto/ntp/key_store.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::ntp {
namespace {

Status Bad(uint32_t id, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("key {} {}", id, what));
}

Status CheckLength(const Key& key) {
  const size_t size = key.bytes.Reveal().size();
  if (size == 0) return Bad(key.id, "is empty");
  if (key.type == KeyType::kAesCmac128 && size != kCmacKeySize)
    return Bad(key.id, fmt::format("has {} bytes; {} takes 16", size, ToString(key.type)));
  if (size > kLongestKey)
    return Bad(key.id, fmt::format("has {} bytes; {} are the most", size, kLongestKey));
  return absl::OkStatus();
}

}  // namespace

std::string_view ToString(KeyType type) {
  switch (type) {
    case KeyType::kMd5:
      return "MD5";
    case KeyType::kSha1:
      return "SHA1";
    case KeyType::kSha256:
      return "SHA256";
    case KeyType::kAesCmac128:
      return "AES128";
  }
  return "";
}

Status KeyStore::Add(Key key) {
  if (key.id == 0) return Bad(key.id, "cannot be: the number 0 says that a packet has no key");
  FS_RETURN_IF_ERROR(CheckLength(key));
  const auto at = std::ranges::lower_bound(keys_, key.id, {}, &Key::id);
  if (at != keys_.end() && at->id == key.id) return Bad(key.id, "is there twice");
  keys_.insert(at, std::move(key));
  return absl::OkStatus();
}

const Key* KeyStore::Find(uint32_t id) const {
  const auto at = std::ranges::lower_bound(keys_, id, {}, &Key::id);
  return at != keys_.end() && at->id == id ? &*at : nullptr;
}

}  // namespace fleetsync::ntp
