#include "controller/render/key_file.h"

#include <algorithm>
#include <string_view>

#include "controller/render/heading.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

using inventory::NtpKey;
using policy::TimeKey;

constexpr size_t kLongestNtpdText = 20;  // ntpd takes a longer word for hexadecimal digits
constexpr size_t kMostNtpdBytes = 32;

std::string_view TypeWord(NtpKey::Type type, facts::Daemon daemon) {
  switch (type) {
    case NtpKey::Type::kMd5:
      return "MD5";
    case NtpKey::Type::kSha1:
      return "SHA1";
    case NtpKey::Type::kSha256:
      return "SHA256";
    case NtpKey::Type::kAes128:
      if (daemon == facts::Daemon::kChrony || daemon == facts::Daemon::kAgent) return "AES128";
      return daemon == facts::Daemon::kNtpsec ? "AES-128" : "AES128CMAC";
  }
  return "";
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

// ntpd has no mark for hexadecimal digits: a word of more than 20 characters is some.
StatusOr<std::string> NtpdWord(const TimeKey& key) {
  const std::string_view bytes = key.bytes.Reveal();
  const bool is_text = std::all_of(bytes.begin(), bytes.end(),
                                   [](char c) { return c > ' ' && c <= '~' && c != '#'; });
  if (is_text && bytes.size() <= kLongestNtpdText) return std::string(bytes);
  if (2 * bytes.size() <= kLongestNtpdText || bytes.size() > kMostNtpdBytes)
    return absl::InvalidArgumentError(
        fmt::format("of {} bytes; it takes up to {} printable ones, or {} to {} of any kind",
                    bytes.size(), kLongestNtpdText, kLongestNtpdText / 2 + 1, kMostNtpdBytes));
  return Hex(bytes);
}

}  // namespace

StatusOr<std::string> KeyFile(const policy::TimePolicy& policy, facts::Daemon daemon) {
  std::string body;
  for (const TimeKey& key : *policy.keys) {
    std::string word = "HEX:" + Hex(key.bytes.Reveal());
    if (daemon != facts::Daemon::kChrony && daemon != facts::Daemon::kAgent) {
      StatusOr<std::string> ntpd = NtpdWord(key);
      if (!ntpd.ok())
        return absl::InvalidArgumentError(fmt::format("{}: {} cannot do key {} of time.keys ({})",
                                                      policy.host, facts::ToString(daemon), key.id,
                                                      Message(ntpd.status())));
      word = *std::move(ntpd);
    }
    body += fmt::format("{} {} {}\n", key.id, TypeWord(key.type, daemon), word);
  }
  return WithHeading(body, policy.inventory);
}

}  // namespace fleetsync::render
