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
// Opaque is what an inventory has no need of, in a file where others may have put it.
struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping, kOpaque } kind = Kind::kNull;
  Origin origin = {};
  std::string text = {};  // of a scalar
  std::vector<YamlNode> items = {};
};

// The one document of the file; a file without any content is a null. Nothing, and errors, when it
// is not YAML or uses what an inventory has no need of: aliases, tags, several documents, keys that
// are not text, more than 16 levels. In a file that is shared with other programs aliases, values
// with tags and those too deep are opaque instead. Library exceptions end here.
enum class YamlFile : uint8_t { kOurs, kShared };
std::optional<YamlNode> ParseYaml(std::string_view text, const std::string& file,
                                  Diagnostics& diagnostics, YamlFile whose = YamlFile::kOurs);

}  // namespace fleetsync::inventory
