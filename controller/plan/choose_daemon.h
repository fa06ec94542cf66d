#pragma once

#include <string>

#include "base/status.h"
#include "controller/facts/facts.h"
#include "controller/policy/time_policy.h"

namespace fleetsync::plan {

bool Fits(policy::DaemonChoice choice, facts::Daemon daemon);

// The installed daemon that is to keep the host's clock: fleetsync's agent where it keeps it
// already; of the others that fit the one that runs, else chrony over ntpsec over ntp, and openntpd
// and timesyncd where none of these is installed. Null when none at all is.
const facts::DaemonFact* ChooseDaemon(policy::DaemonChoice choice, const facts::Facts& actual);

// The package that brings it, by the names of the host's distribution. FailedPrecondition: there is
// none to be had, or no package manager.
StatusOr<std::string> PackageFor(policy::DaemonChoice choice, const facts::Facts& actual);

// "chrony"; "chrony, ntpsec or ntp" for whichever
std::string_view NameOf(policy::DaemonChoice choice);

}  // namespace fleetsync::plan
