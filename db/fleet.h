#pragma once

#include <vector>

#include "base/status.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// Reader::Fleet, within the caller's transaction.
StatusOr<std::vector<HostRecord>> ReadFleet(Connection& connection);

}  // namespace fleetsync::db
