#pragma once

#include <vector>

#include "db/records.h"
#include "proto/fleetsync/v1/operator.pb.h"

namespace fleetsync::serve {

// What a controller answered, as its own store would tell it: the way back from fleet_message.h.
// The bytes are another machine's: numbers are brought into their range, texts cut. Pure.
db::HostRecord RecordOf(const v1::FleetHost& host);
std::vector<db::HostHistory> HistoriesOf(const v1::GetHistoryResponse& response);

}  // namespace fleetsync::serve
