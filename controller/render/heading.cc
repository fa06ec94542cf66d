#include "controller/render/heading.h"

#include "base/sha256.h"
#include "fmt/format.h"

namespace fleetsync::render {
namespace {

constexpr std::string_view kFirstLine = "# Managed by fleetsync from ";
constexpr std::string_view kChecksum = "# fleetsync sha256 ";

}  // namespace

std::string WithHeading(std::string_view body, std::string_view inventory) {
  return fmt::format(
      "{}{}: change it there, the next push replaces this file.\n"
      "{}{}\n\n{}",
      kFirstLine, inventory, kChecksum, Sha256Hex(body), body);
}

Authorship AuthorshipOf(std::string_view file) {
  if (file.substr(0, kFirstLine.size()) != kFirstLine) return Authorship::kForeign;
  const size_t second = file.find('\n');
  if (second == std::string_view::npos) return Authorship::kEdited;
  file.remove_prefix(second + 1);
  const size_t end = file.find("\n\n");
  if (file.substr(0, kChecksum.size()) != kChecksum || end == std::string_view::npos)
    return Authorship::kEdited;
  const std::string_view sum = file.substr(kChecksum.size(), end - kChecksum.size());
  return sum == Sha256Hex(file.substr(end + 2)) ? Authorship::kOurs : Authorship::kEdited;
}

}  // namespace fleetsync::render
