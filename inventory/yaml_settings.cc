#include "inventory/yaml_settings.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kTime = "time.";

std::vector<std::string_view> KnownKeys(const YamlScope& scope) {
  std::vector<std::string_view> known = scope.own_keys;
  if (!scope.is_time) known.push_back("time");
  for (const Key& key : Keys()) {
    if (key.name.starts_with(kTime) != scope.is_time || (key.of_one_host && !scope.one_host))
      continue;
    known.push_back(key.name.substr(scope.is_time ? kTime.size() : 0));
  }
  return known;
}

// A block of text is a list of its lines.
void AddWords(const Key& key, const YamlNode& scalar, std::vector<Word>& words) {
  if (key.form != Key::Form::kLines) {
    words.push_back({scalar.text, scalar.origin});
    return;
  }
  std::string_view text = scalar.text;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string_view line : Split(text, '\n'))
    words.push_back({std::string(line), scalar.origin});
}

}  // namespace

std::string_view NameOf(YamlNode::Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "text";
    case Kind::kSequence:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
    case Kind::kOpaque:
      return "an alias, a value with a tag or too deep";
  }
  return "";
}

bool IsTimeKey(std::string_view name) {
  return FindKey(std::string(kTime) + std::string(name)) != nullptr;
}

bool YamlEntries::IsMapping(const YamlNode& node, std::string_view thing, std::string hint) {
  if (node.kind == Kind::kMapping || node.kind == Kind::kNull) return true;
  AddError(diagnostics_, node.origin,
           fmt::format("{} is a mapping of keys and values, this is {}", thing, NameOf(node.kind)),
           std::move(hint));
  return false;
}

void YamlEntries::ForEachEntry(const YamlNode& mapping, std::string_view where,
                               const Visit& visit) {
  std::map<std::string_view, const YamlNode*> seen;
  for (size_t i = 0; i + 1 < mapping.items.size(); i += 2) {
    const YamlNode& key = mapping.items[i];
    const auto [first, is_new] = seen.try_emplace(key.text, &key);
    if (is_new) {
      visit(key, mapping.items[i + 1]);
      continue;
    }
    AddError(diagnostics_, key.origin,
             fmt::format("key {} of {} is there already, in line {}", Quoted(key.text), where,
                         first->second->origin.line),
             "keep one of the two");
  }
}

void YamlSettings::Error(const YamlNode& node, std::string what, std::string hint) {
  AddError(diagnostics_, node.origin, std::move(what), std::move(hint));
}

void YamlSettings::Read(const YamlNode& mapping, const YamlScope& scope,
                        std::vector<Setting>& settings, const YamlEntries::Visit& own) {
  entries_.ForEachEntry(mapping, scope.name, [&](const YamlNode& key, const YamlNode& value) {
    const auto& own_keys = scope.own_keys;
    if (std::find(own_keys.begin(), own_keys.end(), key.text) != own_keys.end()) {
      own(key, value);
    } else if (!scope.is_time && key.text == "time") {
      const YamlScope time{.name = "'time' of " + scope.name, .is_time = true};
      if (entries_.IsMapping(value, "'time'", "write time: {tolerance: 10ms}"))
        Read(value, time, settings, own);
    } else {
      ReadOne(key, value, scope, settings);
    }
  });
}

void YamlSettings::ReadOne(const YamlNode& node, const YamlNode& value, const YamlScope& scope,
                           std::vector<Setting>& settings) {
  const Key* key = FindKey(scope.is_time ? std::string(kTime) + node.text : node.text);
  if (key == nullptr || (!scope.is_time && key->name.starts_with(kTime))) {
    RefuseKey(node, scope);
    return;
  }
  if (key->of_one_host && !scope.one_host) {
    Error(node, fmt::format("'{}' cannot be set in {}", key->name, scope.name),
          "it belongs to one host; write it under 'hosts'");
    return;
  }
  std::optional<Setting> setting = ReadValue(*key, node, value);
  if (!setting) return;
  const auto rival = std::find_if(settings.begin(), settings.end(), [&](const Setting& other) {
    return !key->slot.empty() && other.key->slot == key->slot;
  });
  if (rival != settings.end()) {
    Error(node,
          fmt::format("'{}' and '{}' both say where one password comes from", key->name,
                      rival->key->name),
          "keep one of the two");
    return;
  }
  settings.push_back(*std::move(setting));
}

void YamlSettings::RefuseKey(const YamlNode& node, const YamlScope& scope) {
  if (node.text == "password" || node.text == "become_password") {
    Error(node, fmt::format("a '{}' in clear is refused", node.text),
          fmt::format("put it into a file of mode 600 and write {0}_file: PATH, or use {0}_env or "
                      "{0}_command",
                      node.text));
    return;
  }
  const bool belongs_in_time = !scope.is_time && IsTimeKey(node.text);
  AddUnknownKey(node, "in " + scope.name, KnownKeys(scope), belongs_in_time ? "time" : "");
}

void YamlSettings::AddUnknownKey(const YamlNode& key, std::string_view where,
                                 std::span<const std::string_view> known,
                                 std::string_view belongs_in) {
  std::string hint;
  if (!belongs_in.empty()) {
    hint = fmt::format("it belongs in '{}'", belongs_in);
  } else if (const std::string_view closest = ClosestWord(key.text, known); !closest.empty()) {
    hint = fmt::format("did you mean '{}'?", closest);
  } else {
    const std::vector<std::string> words(known.begin(), known.end());
    hint = "known are " + Join(words, ", ");
  }
  Error(key, fmt::format("unknown key {} {}", Quoted(key.text), where), std::move(hint));
}

std::optional<Setting> YamlSettings::ReadValue(const Key& key, const YamlNode& node,
                                               const YamlNode& value) {
  Setting setting{.key = &key, .words = {}, .origin = node.origin};
  if (!ReadWords(key, node, value, setting.words)) return std::nullopt;
  bool ok = true;
  for (const Word& word : setting.words) {
    Problem problem = Check(key, word);
    if (problem.ok()) continue;
    ok = false;
    AddError(diagnostics_, word.origin, std::move(problem.what), std::move(problem.hint));
  }
  if (!ok) return std::nullopt;
  return setting;
}

// {address: ntp1.example, prefer: true, minpoll: 4} is "ntp1.example prefer minpoll 4"; where the
// secret of a key comes from stands last, for it may hold blanks.
bool YamlSettings::FoldMapping(const Key& key, const YamlNode& mapping, std::vector<Word>& words) {
  const std::string_view lead = key.lead;
  std::string first, middle, last;
  bool ok = true;
  entries_.ForEachEntry(
      mapping, fmt::format("'{}'", key.name), [&](const YamlNode& name, const YamlNode& value) {
        if (value.kind != Kind::kScalar) {
          ok = false;
          Error(value, fmt::format("'{}' is one value, this is {}", name.text, NameOf(value.kind)),
                "write it without brackets");
        } else if (name.text == lead) {
          first = value.text;
        } else if (name.text == "file" || name.text == "env" || name.text == "command") {
          last = fmt::format(" {} {}", name.text, value.text);
        } else if (value.text == "true" || value.text == "yes") {
          middle += " " + name.text;
        } else if (value.text == "false" || value.text == "no") {
          if (name.text == "iburst") middle += " noiburst";
        } else {
          middle += fmt::format(" {} {}", name.text, value.text);
        }
      });
  if (ok && !lead.empty() && first.empty()) {
    ok = false;
    Error(mapping, fmt::format("an item of '{}' has no '{}'", key.name, lead),
          fmt::format("write {{{}: …}}", lead));
  }
  if (ok) words.push_back({std::string(Trim(first + middle + last)), mapping.origin});
  return ok;
}

bool YamlSettings::ReadWords(const Key& key, const YamlNode& node, const YamlNode& value,
                             std::vector<Word>& words) {
  const bool list = key.form != Key::Form::kScalar;
  if (value.kind == Kind::kMapping && key.lead != nullptr) return FoldMapping(key, value, words);
  if (value.kind == Kind::kNull) {
    Error(node, fmt::format("'{}' has no value", key.name),
          list ? "write one, or [] for none" : "write one, or remove the line");
    return false;
  }
  const bool one_word = value.kind == Kind::kScalar || (value.kind == Kind::kSequence && list);
  if (!one_word) {
    Error(value,
          fmt::format("'{}' is {}, this is {}", key.name, list ? "a list" : "one value",
                      NameOf(value.kind)),
          list ? "write [A, B]" : "write it without brackets");
    return false;
  }
  if (value.kind == Kind::kScalar) {
    AddWords(key, value, words);
    return true;
  }
  bool ok = true;
  for (const YamlNode& item : value.items) {
    if (item.kind == Kind::kScalar) {
      AddWords(key, item, words);
      continue;
    }
    if (item.kind == Kind::kMapping && key.lead != nullptr) {
      ok = FoldMapping(key, item, words) && ok;
      continue;
    }
    ok = false;
    Error(item, fmt::format("an item of '{}' is text, this is {}", key.name, NameOf(item.kind)),
          "write [A, B]");
  }
  return ok;
}

}  // namespace fleetsync::inventory
