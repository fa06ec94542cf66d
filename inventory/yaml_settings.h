#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/variables.h"
#include "inventory/yaml_tree.h"

namespace fleetsync::inventory {

// What a node is, for messages: "text", "a list".
std::string_view NameOf(YamlNode::Kind kind);

// Goes through mappings, and reports what is none.
class YamlEntries {
 public:
  explicit YamlEntries(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // True for nothing as well: `hosts:` with everything below it commented out.
  bool IsMapping(const YamlNode& node, std::string_view thing, std::string hint);

  using Visit = std::function<void(const YamlNode& key, const YamlNode& value)>;
  // Each key once; an error for each key that is there again, which yaml-cpp would take in silence.
  void ForEachEntry(const YamlNode& mapping, std::string_view where, const Visit& visit);

 private:
  Diagnostics& diagnostics_;
};

// Whose settings are read.
struct YamlScope {
  std::string name = {};  // for messages: "group 'web'"
  bool one_host = false;
  bool is_time = false;  // the mapping below a key `time`: upstreams, servers, …
  std::vector<std::string_view> own_keys = {};  // what the caller reads beside the settings
};

// Reads the keys of inventory/variables.h out of a mapping.
class YamlSettings {
 public:
  explicit YamlSettings(Diagnostics& diagnostics)
      : diagnostics_(diagnostics), entries_(diagnostics) {}

  // Appends every setting that is well to `settings` and reports the others; `own` gets the entries
  // of scope.own_keys. The mapping was seen by IsMapping.
  void Read(const YamlNode& mapping, const YamlScope& scope, std::vector<Setting>& settings,
            const YamlEntries::Visit& own);

  // One value of a key; nothing, and errors, when it is not well.
  std::optional<Setting> ReadValue(const Key& key, const YamlNode& node, const YamlNode& value);

  // "unknown key 'usr' in …; did you mean 'user'?", or where it belongs unless that is "".
  void AddUnknownKey(const YamlNode& key, std::string_view where,
                     std::span<const std::string_view> known, std::string_view belongs_in);

 private:
  void ReadOne(const YamlNode& node, const YamlNode& value, const YamlScope& scope,
               std::vector<Setting>& settings);
  void RefuseKey(const YamlNode& node, const YamlScope& scope);
  bool ReadWords(const Key& key, const YamlNode& node, const YamlNode& value,
                 std::vector<Word>& words);
  bool FoldMapping(const Key& key, const YamlNode& mapping, std::vector<Word>& words);
  void Error(const YamlNode& node, std::string what, std::string hint);

  Diagnostics& diagnostics_;
  YamlEntries entries_;
};

// Whether `name` is a key below `time`.
bool IsTimeKey(std::string_view name);

}  // namespace fleetsync::inventory
