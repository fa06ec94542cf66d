#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "controller/doctor/answers.h"
#include "controller/facts/facts.h"
#include "controller/observe/observation.h"
#include "inventory/inventory.h"

namespace fleetsync::doctor {

enum class Severity : uint8_t { kError, kWarning, kNote };
std::string_view ToString(Severity severity);

// One thing that is wrong, or may be. Texts are printable.
struct Finding {
  std::string id;  // "two-daemons": stable
  Severity severity = Severity::kWarning;
  std::string what;  // with the evidence: the line, the process
  std::string todo;  // a command, or what to change
};

// What is known of one host.
struct Case {
  const inventory::Host& host;
  const facts::Facts& facts;
  const observe::Observation& observation;
  const HostAnswers& answers;
  const std::set<std::string>& fleet;  // addresses that the inventory names
  // How far its clock is ahead of this machine's, at least: nearer to zero than the truth.
  std::optional<Duration> ahead = {};
};

// Every rule's findings, errors first. Pure.
std::vector<Finding> Examine(const Case& patient);

// What the rules look at, for a host with nothing wrong: "daemons, sources, …".
std::string WhatWasLookedAt();

}  // namespace fleetsync::doctor
