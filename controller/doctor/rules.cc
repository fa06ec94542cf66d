#include "controller/doctor/rules.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

struct Rule {
  std::string_view about;
  void (*find)(const Case&, Findings&);
};
constexpr Rule kRules[] = {{"who keeps the clock", OneKeeper},
                           {"start at boot", StartsAtBoot},
                           {"UDP 123", Port123},
                           {"the right to set the clock", MaySetClock},
                           {"how far it is off", Panic},
                           {"jobs of cron", Jobs},
                           {"loops over ssh", Loops},
                           {"the daemon's answers", Answers},
                           {"its sources", Sources},
                           {"their names", Names},
                           {"their addresses", PublicLiterals},
                           {"local clocks", LocalClock},
                           {"access lists", Access},
                           {"firewalld", Firewalld},
                           {"packet filters", PacketFilter},
                           {"time zone and hardware clock", ZoneAndRtc},
                           {"TZ", ZoneOverridden},
                           {"/etc/services", Services},
                           {"lists of passwords", PasswordLists}};

}  // namespace

void Add(Findings& findings, std::string id, Severity severity, std::string what,
         std::string todo) {
  findings.push_back({std::move(id), severity, Printable(what), Printable(todo)});
}

std::string Push(const Case& patient) {
  return fmt::format("fleetsync push --limit {}", patient.host.name);
}

std::string_view ToString(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::vector<Finding> Examine(const Case& patient) {
  Findings findings;
  for (const Rule& rule : kRules) rule.find(patient, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
  return findings;
}

std::string WhatWasLookedAt() {
  std::string text;
  for (const Rule& rule : kRules) text += (text.empty() ? "" : ", ") + std::string(rule.about);
  return text;
}

}  // namespace fleetsync::doctor
