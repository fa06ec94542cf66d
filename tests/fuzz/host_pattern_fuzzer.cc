#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/fleet_yaml.h"
#include "inventory/select.h"
#include "tests/fuzz/inventory_invariants.h"

namespace fleetsync::inventory {
namespace {

constexpr size_t kMostToFold = 2000;  // keeps a run short

void FoldIsTheInverseOfExpand(const std::vector<std::string>& candidates) {
  std::vector<std::string> names;
  for (const std::string& name : candidates)
    if (CheckHostName(name).ok() && names.size() < kMostToFold) names.push_back(name);
  if (names.empty()) return;
  const std::set<std::string> set(names.begin(), names.end());
  const std::string folded = FoldNames(names);
  Require(ExpandedSet(folded) == set, "Expand(Fold(x)) is x");
  Require(SplitOutsideBrackets(folded, ",").size() <= set.size(), "folding splits nothing");
}

const Inventory& Fleet() {
  static const Loaded loaded = ParseFleetYaml(R"(
groups:
  web: {hosts: ["web[01-20]"]}
  db: {hosts: ["db[1-3]", web01]}
  prod: {children: [web]}
hosts: [lone, "2001:db8::1", 10.0.0.1]
)",
                                              "fleet.yaml");
  return loaded.inventory;
}

// What a pattern chooses and what is left without it are the two halves of the fleet.
void ExcludingIsTheComplementOfLimiting(const std::string& pattern) {
  const auto limited = Select(Fleet(), {.groups = {}, .limits = {pattern}, .excludes = {}});
  const auto left = Select(Fleet(), {.groups = {}, .limits = {}, .excludes = {pattern}});
  for (const auto* result : {&limited, &left}) {
    if (result->ok()) continue;
    const std::string message = Message(result->status());
    Require(message == Printable(message), "an error is printable");
  }
  if (limited.ok() && left.ok())
    Require(limited->size() + left->size() == Fleet().hosts.size(), "the halves make the whole");
  if (limited.ok() && !left.ok())
    Require(limited->size() == Fleet().hosts.size(), "only all hosts leave none");
}

}  // namespace
}  // namespace fleetsync::inventory

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const fleetsync::StatusOr<std::vector<std::string>> names = ExpandRange(text);
  if (names.ok()) {
    Require(!names->empty() && names->size() <= kMostNames, "a range has one to the most names");
    FoldIsTheInverseOfExpand(*names);
  } else {
    Require(names.status().code() == absl::StatusCode::kInvalidArgument, "the only error");
  }
  std::vector<std::string> words;
  for (const std::string_view word : fleetsync::SplitWords(text)) words.emplace_back(word);
  FoldIsTheInverseOfExpand(words);
  ExcludingIsTheComplementOfLimiting(text);
  return 0;
}
