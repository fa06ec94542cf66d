#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/doctor/rules.h"

namespace fleetsync::doctor {

// A host with nothing wrong; each test makes one thing wrong.
class Rules : public testing::Test {
 protected:
  Rules() {
    host.name = "web07";
    facts.init = facts::Init::kSystemd;
    facts::DaemonFact& chrony = facts.daemons.emplace_back();
    chrony.daemon = facts::Daemon::kChrony;
    chrony.service = "chrony";
    chrony.config_path = "/etc/chrony/chrony.conf";
    chrony.running = chrony.enabled = true;
    chrony.pid = 15;
    facts.udp123_held = true;
    facts.udp123_holder = "chronyd (15)";
    SetConfig("server ntp1 iburst\n");
    observe::DaemonState& state = observation.state;
    state.daemon = "chrony";
    state.answered = true;
    state.leap = observe::Leap::kNone;
    state.stratum = 3;
    for (const char* name : {"ntp1", "ntp2", "ntp3"}) {
      observe::Source& source = state.sources.emplace_back();
      source.name = name;
      source.state = observe::SourceState::kCandidate;
      source.reach = uint8_t{0377};
    }
  }

  void SetConfig(const std::string& text) {
    facts::FileFact& file = facts.files["/etc/chrony/chrony.conf"];
    file.exists = file.readable = true;
    file.content = text;
  }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const Finding& finding : Findings()) ids.push_back(finding.id);
    return ids;
  }
  std::vector<Finding> Findings() const {
    return Examine({host, facts, observation, answers, fleet, ahead});
  }

  inventory::Host host;
  facts::Facts facts;
  observe::Observation observation;
  HostAnswers answers;
  std::set<std::string> fleet;
  std::optional<Duration> ahead;
};

}  // namespace fleetsync::doctor
