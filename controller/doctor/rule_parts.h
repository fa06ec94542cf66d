#pragma once

#include <string>
#include <vector>

#include "controller/doctor/rules.h"

// What rules.cc puts together; each rule adds what it finds.
namespace fleetsync::doctor {

using Findings = std::vector<Finding>;

void Add(Findings& findings, std::string id, Severity severity, std::string what, std::string todo);

// "fleetsync push --limit HOST".
std::string Push(const Case& patient);

// daemon_rules.cc
void OneKeeper(const Case& patient, Findings& findings);
void StartsAtBoot(const Case& patient, Findings& findings);
void Port123(const Case& patient, Findings& findings);
void MaySetClock(const Case& patient, Findings& findings);
void Answers(const Case& patient, Findings& findings);
void Panic(const Case& patient, Findings& findings);

// sources_rules.cc
void Sources(const Case& patient, Findings& findings);
void Names(const Case& patient, Findings& findings);
void PublicLiterals(const Case& patient, Findings& findings);

// config_rules.cc
void LocalClock(const Case& patient, Findings& findings);
void Access(const Case& patient, Findings& findings);

// firewall_rules.cc
void Firewalld(const Case& patient, Findings& findings);
void PacketFilter(const Case& patient, Findings& findings);

// jobs_rules.cc
void Jobs(const Case& patient, Findings& findings);
void Loops(const Case& patient, Findings& findings);

// system_rules.cc
void ZoneAndRtc(const Case& patient, Findings& findings);
void ZoneOverridden(const Case& patient, Findings& findings);
void Services(const Case& patient, Findings& findings);
void PasswordLists(const Case& patient, Findings& findings);

}  // namespace fleetsync::doctor
