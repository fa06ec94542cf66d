#pragma once

#include "CLI/App.hpp"
#include "controller/cli/context.h"

namespace fleetsync::cli {

// Puts the options of CommonOptions on `app`; they are then taken before and after the command's
// name. `options` outlives the parsing.
void AddCommonOptions(CLI::App& app, CommonOptions& options);

// A validator-and-reader for durations such as 10ms, for any command's option.
CLI::Option* AddDuration(CLI::App& app, const std::string& name, Duration& value,
                         const std::string& help);

}  // namespace fleetsync::cli
