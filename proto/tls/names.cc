#include "proto/tls/names.h"

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::tls {
namespace {

constexpr size_t kLongestName = 255;
constexpr std::string_view kHostPrefix = "fleetsync:host:";
constexpr std::string_view kOperatorPrefix = "fleetsync:operator:";

bool Unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string Escape(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (Unreserved(c))
      text += c;
    else
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return name;
}

}  // namespace

std::string_view ToString(Role role) { return role == Role::kHost ? "host" : "operator"; }

std::string ToUri(const Holder& holder) {
  const std::string_view prefix = holder.role == Role::kHost ? kHostPrefix : kOperatorPrefix;
  return fmt::format("{}{}", prefix, Escape(holder.name));
}

std::optional<Holder> FromUri(std::string_view uri) {
  Holder holder;
  if (uri.starts_with(kOperatorPrefix)) {
    holder.role = Role::kOperator;
    uri.remove_prefix(kOperatorPrefix.size());
  } else if (uri.starts_with(kHostPrefix)) {
    uri.remove_prefix(kHostPrefix.size());
  } else {
    return std::nullopt;
  }
  std::optional<std::string> name = Unescape(uri);
  // One spelling of each name: two that differ could be two things to two readers.
  if (!name || !CheckName(*name).ok() || Escape(*name) != uri) return std::nullopt;
  holder.name = *std::move(name);
  return holder;
}

Status CheckName(std::string_view name) {
  if (!name.empty() && name.size() <= kLongestName) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("'{}' is no name for a certificate: it must have 1 to {} bytes", Printable(name),
                  kLongestName));
}

}  // namespace fleetsync::tls
