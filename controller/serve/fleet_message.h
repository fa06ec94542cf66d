#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/serve/served_fleet.h"
#include "db/records.h"
#include "proto/fleetsync/v1/operator.pb.h"

namespace fleetsync::serve {

// A stored report as its agent could have sent it: it tells all of its texts.
v1::Report ToMessage(const db::Report& report);

// Every host of the inventory, in its order, with what the store has of it.
v1::GetFleetResponse FleetMessage(const ServedFleet& fleet,
                                  const std::vector<db::HostRecord>& records,
                                  const std::set<std::string, std::less<>>& connected,
                                  SystemTime now);

v1::GetHistoryResponse HistoryMessage(const std::vector<db::HostHistory>& hosts);

}  // namespace fleetsync::serve
