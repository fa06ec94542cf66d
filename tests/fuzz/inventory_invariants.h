#pragma once

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "base/text.h"
#include "inventory/fleet_yaml.h"
#include "inventory/host_set.h"
#include "inventory/load.h"
#include "inventory/name.h"
#include "inventory/to_yaml.h"

namespace fleetsync::inventory {

inline void Require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "invariant broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// What must hold for any file, in any format.
inline void RequireWellFormed(const Loaded& loaded) {
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    const std::string text = ToString(diagnostic);
    Require(text == Printable(text) && text.find('\n') == std::string::npos,
            "a diagnostic is one printable line");
    Require(diagnostic.where.line >= 0 && diagnostic.where.column >= 0, "places are in the file");
  }
  std::set<std::string> names;
  for (const Host& host : loaded.inventory.hosts) {
    Require(CheckHostName(host.name).ok(), "an accepted name passes the rule");
    Require(names.insert(host.name).second, "a host is there once");
    Require(host.connection.user.empty() || CheckUser(host.connection.user).ok(),
            "an accepted user passes the rule");
    Require(host.connection.address.empty() || CheckHostName(host.connection.address).ok(),
            "an accepted address passes the rule");
    for (const auto& [key, variable] : host.variables)
      Require(key != "password" || variable.text == "(secret)", "a password is not a variable");
  }
  for (const Group& group : loaded.inventory.groups)
    for (const std::string& host : group.hosts)
      Require(names.count(host) == 1, "the hosts of a group are in the inventory");
}

// What was accepted is, as fleet.yaml, accepted again with the same values.
inline void RequireConverts(const Loaded& loaded) {
  if (!loaded.ok()) return;
  const Loaded again = ParseFleetYaml(ToFleetYaml(loaded.inventory), "converted");
  Require(again.ok(), "what was converted is accepted");
  Require(again.inventory.hosts.size() == loaded.inventory.hosts.size(), "no host is lost");
  for (const Host& host : loaded.inventory.hosts) {
    const Host* found = again.inventory.FindHost(host.name);
    Require(found != nullptr, "every host is there again");
    for (const auto& [key, variable] : host.variables) {
      if (key == "password") continue;
      const auto value = found->variables.find(key);
      Require(value != found->variables.end() && value->second.words == variable.words,
              "every value is the same again");
    }
  }
}

// A word that no inventory holds by chance.
constexpr std::string_view kMarker = "QzxjvKq";

inline void RequireNoMarker(const Loaded& loaded) {
  for (const Diagnostic& diagnostic : loaded.diagnostics)
    Require(ToString(diagnostic).find(kMarker) == std::string::npos,
            "a diagnostic never holds a password");
  for (const Host& host : loaded.inventory.hosts)
    for (const auto& [key, variable] : host.variables)
      Require(variable.text.find(kMarker) == std::string::npos,
              "a variable never holds a password");
}

inline std::set<std::string> ExpandedSet(std::string_view folded) {
  std::set<std::string> names;
  for (const std::string_view part : SplitOutsideBrackets(folded, ",")) {
    const StatusOr<std::vector<std::string>> expanded = ExpandRange(part);
    Require(expanded.ok(), "what was folded can be expanded");
    names.insert(expanded->begin(), expanded->end());
  }
  return names;
}

}  // namespace fleetsync::inventory
