#include "controller/serve/library_logs.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <string_view>
#include <utility>

#include "base/clock_read.h"
#include "base/text.h"
#include "controller/serve/log_limit.h"

namespace fleetsync::serve {
namespace {

struct Target {
  std::shared_ptr<spdlog::logger> log;
  LogLimit limit;
};

// Never destroyed: gRPC's threads may speak to the end of the process.
Target& TheTarget() {
  static auto* target = new Target;
  return *target;
}

void Write(std::string_view library, std::string_view text) {
  Target& target = TheTarget();
  if (target.limit.Allow(ReadClocks().mono))
    target.log->warn("{}: {}{}", library, Printable(text), target.limit.LeftOut());
}

void OnGrpcLine(gpr_log_func_args* line) {
  if (line->severity != GPR_LOG_SEVERITY_ERROR) return;
  const bool handshake = std::string_view(line->file).ends_with("ssl_transport_security.cc");
  Write(handshake ? "refused a connection" : "gRPC", line->message);
}

void OnProtobufLine(google::protobuf::LogLevel level, const char*, int,
                    const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_ERROR) Write("protobuf", message);
}

}  // namespace

void TameLibraryLogs(std::shared_ptr<spdlog::logger> log) {
  TheTarget().log = std::move(log);
  gpr_set_log_function(OnGrpcLine);
  google::protobuf::SetLogHandler(OnProtobufLine);
}

}  // namespace fleetsync::serve
