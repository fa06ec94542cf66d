#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// Reader::History, within the caller's transaction.
StatusOr<std::vector<HostHistory>> ReadHistory(Connection& connection,
                                               std::span<const std::string> hosts, SystemTime since,
                                               SystemTime until, size_t points);

}  // namespace fleetsync::db
