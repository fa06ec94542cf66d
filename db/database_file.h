#pragma once

#include <string>

#include "base/status.h"

namespace fleetsync::db {

// Makes the folder (0700) and the file (0600) of a database where they are missing; never changes
// one that is there. Returns the file's one name, whatever links lead to it.
StatusOr<std::string> PrepareDatabaseFile(const std::string& path);

// SQLite takes an empty file for a new database and throws its log away. DataLoss: with a log
// beside it, it was no new one.
Status CheckNotEmptied(const std::string& path);

// Makes an empty file that only its owner may read. AlreadyExists.
Status CreatePrivateFile(const std::string& path);
// After a file was made in it or renamed. "" is the working folder.
Status SyncFolder(const std::string& folder);

}  // namespace fleetsync::db
