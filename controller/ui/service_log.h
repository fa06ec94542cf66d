#pragma once

#include <memory>
#include <string>

#include "spdlog/logger.h"

namespace fleetsync::ui {

enum class LogLevel { kInfo, kDebug };

// What a command that runs for long tells on standard error: time in UTC, level, text. Thread-safe.
std::shared_ptr<spdlog::logger> MakeServiceLog(const std::string& name,
                                               LogLevel level = LogLevel::kInfo);

}  // namespace fleetsync::ui
