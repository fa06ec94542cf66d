#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/inventory.h"
#include "inventory/name.h"

namespace fleetsync::inventory {

// One value as it stands in the file.
struct Word {
  std::string text;
  Origin origin;
};

// A key that `defaults`, `time`, a group or a host can set.
struct Key {
  std::string_view name;  // "user", "time.tolerance"
  enum class Form : uint8_t { kScalar, kList, kLines } form = Form::kScalar;
  bool of_one_host = false;   // not in defaults and groups
  std::string_view slot;      // keys of one slot replace one another: password_file, password_env
  std::string_view built_in;  // what holds when nobody sets it, in words
  // Puts one word into the host (appends it, for lists), or says what is wrong with it.
  Problem (*set)(Host& host, const Word& word) = nullptr;
  void (*clear)(Host& host) = nullptr;  // of a list, before its first word
  // Where a value, or an item of a list, may be a mapping: the key whose value comes first when it
  // is folded into one word ("ntp1.example prefer minpoll 4"); "" for none. Null: no mappings.
  const char* lead = nullptr;
};

std::span<const Key> Keys();
const Key* FindKey(std::string_view name);

// One key set in one place; its words have passed Check.
struct Setting {
  const Key* key = nullptr;
  std::vector<Word> words;
  Origin origin;
};

// What is wrong with a word of this key.
Problem Check(const Key& key, const Word& word);

// The settings of one place: "host web07", "group web", "time", "defaults", "servers.txt". Of two
// layers with the same level neither is nearer to the host.
struct Layer {
  std::string from;
  int level = 0;
  const std::vector<Setting>* settings = nullptr;
};

// Two layers of the same level that say different things; the first of them in the order won.
struct Conflict {
  const Setting* winner = nullptr;
  const Setting* loser = nullptr;
  std::string winner_from, loser_from;
};

// Gives the host every value that the layers, strongest first, hold for it.
std::vector<Conflict> Resolve(std::span<const Layer> layers, Host& host);

// Every value that holds for the host, those built in as well, as `inventory show` prints them.
std::map<std::string, Variable> AllVariables(const Host& host);

}  // namespace fleetsync::inventory
