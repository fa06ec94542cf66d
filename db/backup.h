#pragma once

#include <string>

#include "base/status.h"

namespace fleetsync::db {

// A copy of the database as it is at one moment, also while it is written, in a new file that only
// its owner may read. `to` appears when the copy is whole, on disk and found sound. AlreadyExists:
// `to` is there and was left as it is. NotFound: `from` is not. DataLoss: `from` is damaged.
// ResourceExhausted: no room for it; nothing is left behind.
Status BackUp(const std::string& from, const std::string& to);

}  // namespace fleetsync::db
