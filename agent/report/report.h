#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/engine/snapshot.h"
#include "base/status.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// What a snapshot does not say of itself.
struct ReportContext {
  std::string daemon;   // what owns the clock: "chrony", "ntp", "agent"
  std::string boot_id;  // of the running system
};

// Of the running system; empty where the kernel does not tell.
std::string BootId();

// Without a sequence number: the spool gives it. Tells all of its texts. `events`: since the report
// before.
v1::Report ToReport(const ntp::Snapshot& snapshot, const ReportContext& context,
                    const std::vector<v1::Event>& events = {});

// A spooled payload and its number as the message that goes on the wire. DataLoss: not a report.
StatusOr<v1::Report> ParseReport(std::string_view payload, uint64_t sequence);

}  // namespace fleetsync::report
