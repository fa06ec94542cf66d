#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// "flsy": in the file's header, so that another program's SQLite file is never taken for ours.
inline constexpr int64_t kApplicationId = 0x666c7379;

// A step of the schema from version `version - 1`, run once, in one transaction with the new
// version. What is released here is never edited: a change is a new migration.
struct Migration {
  int version;
  const char* sql;
};
std::span<const Migration> Migrations();

// FailedPrecondition: the file is another program's, or a newer fleetsync has written it. An empty
// file is nobody's. Changes nothing.
Status CheckOwner(Connection& connection, std::span<const Migration> migrations = Migrations());

// Makes a new file, or brings an older one up to the last of `migrations`. FailedPrecondition
// as above.
Status Migrate(Connection& connection, std::span<const Migration> migrations = Migrations());

// For readers, which change nothing. FailedPrecondition as above, and for an older file.
Status CheckSchema(Connection& connection);

}  // namespace fleetsync::db
