#pragma once

#include <atomic>
#include <string>

#include "base/status.h"
#include "controller/serve/ingest.h"
#include "controller/serve/listen_address.h"

namespace fleetsync::serve {

struct ServeOptions {
  std::string listen = "127.0.0.1:7312";
  PlainText plain_text;
  std::string port_file;  // gets the bound port, for those who ask for port 0; empty: none
  std::string db_path;
  std::string ca_folder{};  // made where there is none; not used in plain text
  HostNames hosts;        // those who may report
};

// The service: takes agents' reports into the store until `stop` is set by a handler of SIGTERM or
// SIGINT, which is waited for with these two signals unblocked in this thread alone. Logs to
// standard error. InvalidArgument and FailedPrecondition for what the user asked for, else why it
// cannot start, or why it had to end (the store is damaged).
Status Serve(const ServeOptions& options, const std::atomic<bool>& stop);

}  // namespace fleetsync::serve
