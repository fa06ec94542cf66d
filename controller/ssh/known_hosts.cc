#include "controller/ssh/known_hosts.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr size_t kLargestFile = size_t{64} << 20;
constexpr size_t kSha1Size = 20;
constexpr size_t kSha1Block = 64;

using Sha1 = std::array<unsigned char, kSha1Size>;

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

std::string Lower(std::string_view s) {
  std::string lower(s);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

// known_hosts patterns: * and ?, as ssh_config(5) PATTERNS.
bool MatchesPattern(std::string_view name, std::string_view pattern) {
  size_t n = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] == name[n] && pattern[p] != '*'))) {
      ++n;
      ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool MatchesList(std::string_view name, std::string_view list) {
  bool matches = false;
  for (std::string_view pattern : Split(list, ',')) {
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (pattern.empty() || !MatchesPattern(name, pattern)) continue;
    if (negated) return false;
    matches = true;
  }
  return matches;
}

bool IsKeyType(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
}

}  // namespace

enum class Marker : unsigned char { kNone, kRevoked, kAuthority };

struct KnownHosts::Entry {
  Marker marker = Marker::kNone;
  HostKey key;
  std::string where;
};

// |1|SALT|HASH: HASH is HMAC-SHA1 of the name with SALT as the key. The key's share of the work is
// done once, here: each host of a run is then compared with each hashed name for two short digests.
struct KnownHosts::HashedName {
  DigestContext inner, outer;
  Sha1 hash{};
  size_t entry = 0;

  bool Matches(std::string_view name, EVP_MD_CTX* scratch) const {
    Sha1 digest{};
    EVP_MD_CTX_copy_ex(scratch, inner.get());
    EVP_DigestUpdate(scratch, name.data(), name.size());
    EVP_DigestFinal_ex(scratch, digest.data(), nullptr);
    EVP_MD_CTX_copy_ex(scratch, outer.get());
    EVP_DigestUpdate(scratch, digest.data(), digest.size());
    EVP_DigestFinal_ex(scratch, digest.data(), nullptr);
    return digest == hash;
  }
};

KnownHosts::KnownHosts() = default;
KnownHosts::~KnownHosts() = default;

std::string Fingerprint(const HostKey& key) {
  const std::optional<std::string> blob = DecodeBase64(key.base64);
  if (!blob) return Printable(key.type) + " (not a key)";
  std::array<unsigned char, 32> digest{};
  EVP_Digest(blob->data(), blob->size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::array<unsigned char, 45> text{};  // 44 and NUL
  EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
  std::string type = key.type;
  if (type == "ssh-ed25519") type = "ED25519";
  if (type.starts_with("ecdsa-sha2-")) type = "ECDSA";
  if (type == "ssh-rsa") type = "RSA";
  return fmt::format("{} SHA256:{}", Printable(type),
                     std::string_view(reinterpret_cast<const char*>(text.data()), 43));
}

std::string KnownHostsName(std::string_view host, int port) {
  return port == 22 ? Lower(host) : fmt::format("[{}]:{}", Lower(host), port);
}

bool KnownHosts::AddHashed(std::string_view name, size_t entry) {
  const std::vector<std::string_view> parts = Split(name, '|');  // "", "1", SALT, HASH
  if (parts.size() != 4 || parts[1] != "1") return false;
  const std::optional<std::string> salt = DecodeBase64(parts[2]), hash = DecodeBase64(parts[3]);
  if (!salt || !hash || salt->size() > kSha1Block || hash->size() != kSha1Size) return false;
  std::array<unsigned char, kSha1Block> inner_pad, outer_pad;
  for (size_t i = 0; i < kSha1Block; ++i) {
    const auto byte = static_cast<unsigned char>(i < salt->size() ? (*salt)[i] : 0);
    inner_pad[i] = byte ^ 0x36;
    outer_pad[i] = byte ^ 0x5c;
  }
  HashedName hashed{.inner = DigestContext(EVP_MD_CTX_new()),
                    .outer = DigestContext(EVP_MD_CTX_new()),
                    .hash = {},
                    .entry = entry};
  EVP_DigestInit_ex(hashed.inner.get(), EVP_sha1(), nullptr);
  EVP_DigestUpdate(hashed.inner.get(), inner_pad.data(), inner_pad.size());
  EVP_DigestInit_ex(hashed.outer.get(), EVP_sha1(), nullptr);
  EVP_DigestUpdate(hashed.outer.get(), outer_pad.data(), outer_pad.size());
  std::copy(hash->begin(), hash->end(), hashed.hash.begin());
  hashed_.push_back(std::move(hashed));
  return true;
}

void KnownHosts::AddNames(std::string_view names, size_t entry) {
  if (names.starts_with('|')) {
    AddHashed(names, entry);
  } else if (names.find_first_of("*?!") != std::string_view::npos) {
    patterns_.emplace_back(Lower(names), entry);
  } else {
    for (const std::string_view name : Split(names, ','))
      if (!name.empty()) by_name_.emplace(Lower(name), entry);
  }
}

void KnownHosts::Parse(std::string_view text, const std::string& file) {
  matched_.clear();
  int number = 0;
  for (const std::string_view line : Split(text, '\n')) {
    ++number;
    std::vector<std::string_view> words = SplitWords(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    Entry entry{.marker = Marker::kNone, .key = {}, .where = fmt::format("{}:{}", file, number)};
    if (words[0].starts_with('@')) {
      if (words[0] == "@revoked")
        entry.marker = Marker::kRevoked;
      else if (words[0] == "@cert-authority")
        entry.marker = Marker::kAuthority;
      else
        continue;
      words.erase(words.begin());
    }
    if (words.size() < 3 || !IsKeyType(words[1]) || !DecodeBase64(words[2])) continue;
    entry.key = {.type = std::string(words[1]), .base64 = std::string(words[2])};
    entries_.push_back(std::move(entry));
    AddNames(words[0], entries_.size() - 1);
  }
}

Status KnownHosts::Load(const std::string& file) {
  const StatusOr<std::string> text = ReadFile(file, kLargestFile);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  FS_RETURN_IF_ERROR(text.status());
  Parse(*text, file);
  return absl::OkStatus();
}

const std::vector<size_t>& KnownHosts::Matching(const std::string& name) const {
  const auto [memo, is_new] = matched_.try_emplace(name);
  std::vector<size_t>& found = memo->second;
  if (!is_new) return found;
  const auto [first, last] = by_name_.equal_range(name);
  for (auto it = first; it != last; ++it) found.push_back(it->second);
  if (!hashed_.empty()) {
    const DigestContext scratch(EVP_MD_CTX_new());
    for (const HashedName& hashed : hashed_)
      if (hashed.Matches(name, scratch.get())) found.push_back(hashed.entry);
  }
  for (const auto& [list, entry] : patterns_)
    if (MatchesList(name, list)) found.push_back(entry);
  std::sort(found.begin(), found.end());
  return found;
}

KnownHosts::Answer KnownHosts::CheckName(const std::string& name, const HostKey& key) const {
  Answer answer;
  const Entry* same_type = nullptr;
  const Entry* other = nullptr;
  for (const size_t index : Matching(name)) {
    const Entry* entry = &entries_[index];
    if (entry->marker == Marker::kRevoked) {
      if (entry->key == key)
        return {.verdict = Verdict::kRevoked,
                .known = key,
                .where = entry->where,
                .authority_where = ""};
    } else if (entry->marker == Marker::kAuthority) {
      if (answer.authority_where.empty()) answer.authority_where = entry->where;
    } else if (entry->key == key) {
      if (answer.verdict != Verdict::kKnown) answer.where = entry->where;
      answer.verdict = Verdict::kKnown;  // a later @revoked line still wins
    } else if (entry->key.type == key.type) {
      if (same_type == nullptr) same_type = entry;
    } else if (other == nullptr) {
      other = entry;
    }
  }
  const Entry* expected = same_type != nullptr ? same_type : other;
  if (answer.verdict == Verdict::kKnown || expected == nullptr) return answer;
  return {.verdict = Verdict::kChanged,
          .known = expected->key,
          .where = expected->where,
          .authority_where = ""};
}

KnownHosts::Answer KnownHosts::Check(std::string_view host, int port, const HostKey& key) const {
  Answer answer = CheckName(KnownHostsName(host, port), key);
  if (answer.verdict != Verdict::kUnknown || port == 22) return answer;
  // As ssh does: an entry without a port vouches for the host on every port, but only for the key
  // it names.
  Answer plain = CheckName(KnownHostsName(host, 22), key);
  if (plain.verdict == Verdict::kKnown || plain.verdict == Verdict::kRevoked) return plain;
  if (answer.authority_where.empty()) answer.authority_where = plain.authority_where;
  return answer;
}

std::vector<std::string> KnownHosts::KeyTypes(std::string_view host, int port) const {
  std::vector<std::string> types;
  const auto add_all_of = [&](const std::string& name) {
    for (const size_t index : Matching(name)) {
      const Entry& entry = entries_[index];
      const bool is_new = std::find(types.begin(), types.end(), entry.key.type) == types.end();
      if (entry.marker == Marker::kNone && is_new) types.push_back(entry.key.type);
    }
  };
  add_all_of(KnownHostsName(host, port));
  if (types.empty() && port != 22) add_all_of(KnownHostsName(host, 22));
  return types;
}

void KnownHosts::Add(std::string_view host, int port, const HostKey& key) {
  entries_.push_back({.marker = Marker::kNone, .key = key, .where = "just accepted"});
  by_name_.emplace(KnownHostsName(host, port), entries_.size() - 1);
  matched_.clear();
}

}  // namespace fleetsync::ssh
