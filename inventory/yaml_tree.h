#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/diagnostic.h"

namespace fleetsync::inventory {

// One value of a YAML file with its place. A mapping's keys and values take turns in `items`.
struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping } kind = Kind::kNull;
  Origin origin = {};
  std::string text = {};  // of a scalar
  std::vector<YamlNode> items = {};
};

// The one document of the file; a file without any content is a null. Nothing, and errors, when it
// is not YAML or uses what an inventory has no need of: aliases, tags, several documents, keys that
// are not text, more than 16 levels. Library exceptions end here.
std::optional<YamlNode> ParseYaml(std::string_view text, const std::string& file,
                                  Diagnostics& diagnostics);

}  // namespace fleetsync::inventory
