#pragma once

#include <memory>
#include <string>
#include <variant>

#include "CLI/CLI.hpp"
#include "controller/cli/context.h"
#include "controller/cli/exit_code.h"
#include "controller/status/fleet_source.h"

namespace fleetsync::cli {

// Where a command reads what agents have reported: the store of this machine, or a controller
// elsewhere.
struct FleetFlags {
  std::string controller;  // HOST:PORT; empty: this machine
  std::string identity;    // the operator's folder; empty: the usual one
};
void AddFleetFlags(CLI::App& command, FleetFlags& flags);

struct Fleet {
  Chosen
      chosen;  // of a controller elsewhere: names, groups and tolerances, as its inventory has them
  std::unique_ptr<status::FleetSource> source;
};

// On failure the reasons are on standard error.
std::variant<Fleet, ExitCode> OpenFleet(const Context& context, const FleetFlags& flags);

}  // namespace fleetsync::cli
