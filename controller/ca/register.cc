#include "controller/ca/register.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ca {
namespace {

using std::chrono::seconds;

constexpr std::string_view kIssued = "issued";
constexpr std::string_view kRevoked = "revoked";

int64_t SecondsOf(SystemTime t) {
  return std::chrono::floor<seconds>(t.time_since_epoch()).count();
}

std::optional<SystemTime> TimeOf(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool fits = count >= 0 && seconds(count) <= std::chrono::floor<seconds>(
                                                        SystemTime::max().time_since_epoch());
  if (error != std::errc() || end != text.data() + text.size() || !fits) return std::nullopt;
  return SystemTime(seconds(count));
}

class Parser {
 public:
  bool Add(std::string_view line) {
    const std::vector<std::string_view> words = Split(line, ' ');
    if (words.size() == 5 && words[0] == kIssued) return AddIssued(words);
    if (words.size() == 3 && words[0] == kRevoked) return AddRevoked(words);
    return false;
  }
  std::vector<Issued> Take() { return std::move(all_); }

 private:
  bool AddIssued(const std::vector<std::string_view>& words) {
    const auto issued = TimeOf(words[2]);
    const auto expires = TimeOf(words[3]);
    const auto holder = tls::FromUri(words[4]);
    if (words[1].empty() || !issued || !expires || !holder) return false;
    by_serial_[std::string(words[1])] = all_.size();
    all_.push_back({.serial = std::string(words[1]),
                    .holder = *holder,
                    .issued = *issued,
                    .expires = *expires,
                    .revoked = std::nullopt});
    return true;
  }

  bool AddRevoked(const std::vector<std::string_view>& words) {
    const auto at = TimeOf(words[2]);
    const auto found = by_serial_.find(std::string(words[1]));
    if (!at || found == by_serial_.end()) return false;
    Issued& issued = all_[found->second];
    if (!issued.revoked) issued.revoked = at;
    return true;
  }

  std::vector<Issued> all_;
  std::map<std::string, size_t> by_serial_;
};

}  // namespace

StatusOr<std::vector<Issued>> ParseRegister(std::string_view text) {
  Parser parser;
  size_t number = 0;
  for (size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
    ++number;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!parser.Add(line))
      return absl::DataLossError(
          fmt::format("line {} '{}' is not one of the register", number, Printable(line)));
  }
  return parser.Take();
}

std::string IssuedLine(const Issued& issued) {
  return fmt::format("{} {} {} {} {}\n", kIssued, issued.serial, SecondsOf(issued.issued),
                     SecondsOf(issued.expires), tls::ToUri(issued.holder));
}

std::string RevokedLine(std::string_view serial, SystemTime at) {
  return fmt::format("{} {} {}\n", kRevoked, serial, SecondsOf(at));
}

std::string RegisterText(const std::vector<Issued>& all) {
  std::string text;
  for (const Issued& issued : all) {
    text += IssuedLine(issued);
    if (issued.revoked) text += RevokedLine(issued.serial, *issued.revoked);
  }
  return text;
}

}  // namespace fleetsync::ca
