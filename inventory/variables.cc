#include "inventory/variables.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/key_checks.h"

namespace fleetsync::inventory {
namespace {

using Form = Key::Form;

std::string_view SlotOf(const Key& key) { return key.slot.empty() ? key.name : key.slot; }

std::string TextOf(const Setting& setting) {
  if (setting.key->name.ends_with("password_command")) return "(command)";
  if (setting.key->name == "time.keys")
    return fmt::format("({} {})", setting.words.size(), setting.words.size() == 1 ? "key" : "keys");
  if (setting.key->form == Form::kScalar)
    return setting.words.empty() ? "" : setting.words.front().text;
  std::vector<std::string> texts;
  for (const Word& word : setting.words) texts.push_back(word.text);
  return "[" + Join(texts, ", ") + "]";
}

void Apply(const Setting& setting, const std::string& from, Host& host) {
  if (setting.key->clear != nullptr) setting.key->clear(host);
  for (const Word& word : setting.words) setting.key->set(host, word);
  Variable variable{.text = TextOf(setting), .origin = setting.origin, .from = from};
  for (const Word& word : setting.words) variable.words.push_back(word.text);
  host.variables[std::string(setting.key->name)] = std::move(variable);
}

}  // namespace

std::span<const Key> Keys() {
  static const std::vector<Key> all = [] {
    std::vector<Key> keys(ConnectionKeys().begin(), ConnectionKeys().end());
    keys.insert(keys.end(), TimeKeys().begin(), TimeKeys().end());
    return keys;
  }();
  return all;
}

const Key* FindKey(std::string_view name) {
  for (const Key& key : Keys())
    if (key.name == name) return &key;
  return nullptr;
}

Problem Check(const Key& key, const Word& word) {
  Host scratch;
  return key.set(scratch, word);
}

std::vector<Conflict> Resolve(std::span<const Layer> layers, Host& host) {
  struct Winner {
    const Setting* setting;
    const Layer* layer;
  };
  std::map<std::string_view, Winner> winners;
  std::vector<Conflict> conflicts;
  for (const Layer& layer : layers) {
    for (const Setting& setting : *layer.settings) {
      const auto [found, is_new] =
          winners.try_emplace(SlotOf(*setting.key), Winner{&setting, &layer});
      const Winner& winner = found->second;
      if (is_new || winner.layer == &layer || winner.layer->level != layer.level) continue;
      const bool same =
          winner.setting->key == setting.key && TextOf(*winner.setting) == TextOf(setting);
      if (!same) conflicts.push_back({winner.setting, &setting, winner.layer->from, layer.from});
    }
  }
  for (const auto& [slot, winner] : winners) Apply(*winner.setting, winner.layer->from, host);
  return conflicts;
}

std::map<std::string, Variable> AllVariables(const Host& host) {
  std::map<std::string, Variable> all = host.variables;
  for (const Key& key : Keys()) {
    if (key.built_in.empty()) continue;
    std::string text(key.built_in);
    if (key.name == "address") text = host.name;
    all.try_emplace(std::string(key.name),
                    Variable{.text = std::move(text), .origin = {}, .from = "built in"});
  }
  return all;
}

}  // namespace fleetsync::inventory
