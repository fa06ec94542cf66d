#pragma once

#include <string>

#include "base/time.h"
#include "db/records.h"

namespace fleetsync::db {

// Where a host's report before lies in time.
struct Anchor {
  std::string boot_id;
  Duration monotonic{};
  SystemTime at;  // by the controller's clock
};

// A report counts at the time of its arrival, by the controller's clock; but what an agent has kept
// while the controller was away arrives late, and counts when it was made. Returns how long before
// `report.received` that was; zero for one that came within half a minute.
//
// A host's clock may be wrong, so it is asked last. In this order:
//  - the monotonic clock says how long after the report before (same boot) it was made, and that
//    is just now: in time, whatever the host believes;
//  - a synchronised host's corrected time, when it is past and not older than 31 days;
//  - the monotonic clock, when it says a past time;
//  - else in time.
Duration Lateness(const Report& report, const Anchor& before);

}  // namespace fleetsync::db
