#pragma once

#include <functional>

#include "CLI/App.hpp"
#include "controller/cli/context.h"

namespace fleetsync::cli {

// Set by the command that the user chose; main runs it after parsing and returns its exit code.
using Action = std::function<int(const Context&)>;

// Each adds its command (name, options, help with examples) to `app` and, when chosen, puts what it
// does into `action`. Both outlive the parsing.
void AddInventory(CLI::App& app, Action& action);  // inventory list|show|check
void AddExec(CLI::App& app, Action& action);       // exec -- COMMAND
void AddFacts(CLI::App& app, Action& action);      // facts HOST
void AddSyncAll(CLI::App& app, Action& action);    // sync-all
void AddPush(CLI::App& app, Action& action);       // push [--check] [--diff]
void AddPlan(CLI::App& app, Action& action);       // plan
void AddRollback(CLI::App& app, Action& action);   // rollback [--to RUN]
void AddRuns(CLI::App& app, Action& action);       // runs [RUN]
void AddAgent(CLI::App& app, Action& action);      // agent install|remove|status
void AddServe(CLI::App& app, Action& action);      // serve
void AddRelay(CLI::App& app, Action& action);      // relay run|status
void AddDoctor(CLI::App& app, Action& action);     // doctor [HOSTS]
void AddSources(CLI::App& app, Action& action);    // sources [HOSTS]
void AddTracking(CLI::App& app, Action& action);   // tracking [HOSTS]
void AddStatus(CLI::App& app, Action& action);     // status [--live] [--watch]
void AddHistory(CLI::App& app, Action& action);    // history [HOST…]
void AddDb(CLI::App& app, Action& action);         // db check|backup|vacuum

}  // namespace fleetsync::cli
