#pragma once

#include <memory>

#include "CLI/App.hpp"
#include "controller/cli/commands.h"

namespace fleetsync::cli {

// The command line of fleetsync: every command and option. Parsing it fills `context.options` and
// puts what the chosen command does into `action`; both outlive it.
std::unique_ptr<CLI::App> MakeApp(Context& context, Action& action);

}  // namespace fleetsync::cli
