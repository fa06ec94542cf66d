#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/doctor/rules.h"

// What shows only when several hosts are looked at together. Pure.
namespace fleetsync::doctor {

struct HostJobs {
  std::string host;
  std::vector<std::string> jobs;  // as Facts::time_jobs
};

// Hosts, three or more, whose jobs ask for the time at the same minute of the day or hour: by name,
// what to tell of each.
std::map<std::string, Finding> SameMinute(const std::vector<HostJobs>& hosts);

}  // namespace fleetsync::doctor
