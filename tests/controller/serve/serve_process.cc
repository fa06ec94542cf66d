// serve_process DATABASE PORT_FILE HOST...: fleetsync serve on a free loopback port.

#include <signal.h>

#include <atomic>
#include <cstdio>

#include "controller/serve/serve.h"

namespace {

std::atomic<bool> stop_requested{false};
extern "C" void OnStopSignal(int) { stop_requested = true; }

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  signal(SIGTERM, OnStopSignal);
  fleetsync::serve::ServeOptions options{.listen = "127.0.0.1:0",
                                         .plain_text = {.insecure = true},
                                         .port_file = argv[2],
                                         .db_path = argv[1],
                                         .hosts = {argv + 3, argv + argc}};
  const fleetsync::Status status = fleetsync::serve::Serve(options, stop_requested);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", fleetsync::Message(status).c_str());
  return 1;
}
