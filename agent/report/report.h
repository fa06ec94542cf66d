#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/engine/snapshot.h"
#include "base/status.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// Without a sequence number: the spool gives it.
v1::Report ToReport(const ntp::Snapshot& snapshot);

// A spooled payload and its number as the message that goes on the wire. DataLoss: not a report.
StatusOr<v1::Report> ParseReport(std::string_view payload, uint64_t sequence);

}  // namespace fleetsync::report
