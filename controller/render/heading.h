#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fleetsync::render {

// `body` under a heading that says who wrote the file, from which inventory, and the body's
// checksum, by which hand edits are seen later. `inventory` has no line break.
std::string WithHeading(std::string_view body, std::string_view inventory);

enum class Authorship : uint8_t {
  kForeign,  // not written by fleetsync
  kOurs,     // as it was written
  kEdited,   // written by fleetsync, changed since
};
Authorship AuthorshipOf(std::string_view file);

}  // namespace fleetsync::render
