// serve_process DATABASE PORT_FILE HOST...: fleetsync serve on a free loopback port. Reading the
// inventory again takes the names in PORT_FILE.hosts, a line each, where there is such a file.
// $FLEETSYNC_TEST_PATIENCE_MS: how long strangers may stay and readers sleep.
// $FLEETSYNC_TEST_LIMITS=default: as many strangers as may be in production.
// $FLEETSYNC_TEST_MEMORY_MB: beyond which connections end.

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "controller/serve/serve.h"

namespace {

using fleetsync::serve::ServedFleet;
using fleetsync::serve::ServedHost;

std::atomic<bool> stop_requested{false};
extern "C" void OnStopSignal(int) { stop_requested = true; }

fleetsync::StatusOr<ServedFleet> LoadFleet(const std::string& path,
                                           const std::vector<std::string>& names) {
  std::vector<ServedHost> hosts;
  const fleetsync::StatusOr<std::string> file = fleetsync::ReadFile(path, 1 << 20);
  if (file.ok()) {
    for (const std::string_view name : fleetsync::SplitWords(*file))
      hosts.push_back({.name = std::string(name)});
  } else {
    for (const std::string& name : names) hosts.push_back({.name = name, .groups = {"all"}});
  }
  return ServedFleet::Of(std::move(hosts));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  signal(SIGTERM, OnStopSignal);
  const std::vector<std::string> names(argv + 3, argv + argc);
  const char* patience = std::getenv("FLEETSYNC_TEST_PATIENCE_MS");
  fleetsync::serve::ConnectionLimits limits;
  if (std::getenv("FLEETSYNC_TEST_LIMITS") == nullptr) limits.strangers_of_one_address = 100;
  if (patience != nullptr)
    limits.patience = limits.reading_patience = std::chrono::milliseconds(std::atoi(patience));
  if (const char* memory = std::getenv("FLEETSYNC_TEST_MEMORY_MB"))
    limits.memory_bytes = static_cast<size_t>(std::atoi(memory)) << 20;
  const fleetsync::serve::ServeOptions options{
      .listen = "127.0.0.1:0",
      .plain_text = {.insecure = true},
      .port_file = argv[2],
      .db_path = argv[1],
      .load_fleet = [&] { return LoadFleet(std::string(argv[2]) + ".hosts", names); },
      .limits = limits};
  const fleetsync::Status status = fleetsync::serve::Serve(options, stop_requested);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", fleetsync::Message(status).c_str());
  return 1;
}
