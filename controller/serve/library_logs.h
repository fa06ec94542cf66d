#pragma once

#include <memory>
#include <string_view>

#include "spdlog/logger.h"

namespace fleetsync::serve {

// What gRPC and protobuf say on their own, at every byte that a stranger sends wrong, goes to the
// service's log at the pace of LogLimit instead of straight to standard error. For the rest of the
// process.
void TameLibraryLogs(std::shared_ptr<spdlog::logger> log);

// A line of a library's, within the limit; nothing before TameLibraryLogs.
void LogLibraryLine(std::string_view library, std::string_view text);

}  // namespace fleetsync::serve
