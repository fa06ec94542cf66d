#pragma once

#include <memory>

#include "base/status.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// What an Appender does to the tables, prepared once.
struct AppenderStatements {
  Statement read_host, add_host, update_arrival, seen_host;
  Statement read_numbering, add_numbering, advance_numbering;
  Statement find_text, add_text, find_context, add_context;
  Statement add_report, replace_latest, delete_sources, replace_source;
  Statement add_event, replace_measurement;

  // `connection` outlives them.
  static StatusOr<std::unique_ptr<AppenderStatements>> Prepare(Connection& connection);
};

}  // namespace fleetsync::db
