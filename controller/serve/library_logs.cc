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

void OnGrpcLine(gpr_log_func_args* line) {
  if (line->severity == GPR_LOG_SEVERITY_ERROR) LogLibraryLine("gRPC", line->message);
}

void OnProtobufLine(google::protobuf::LogLevel level, const char*, int,
                    const std::string& message) {
  if (level >= google::protobuf::LOGLEVEL_ERROR) LogLibraryLine("protobuf", message);
}

}  // namespace

void LogLibraryLine(std::string_view library, std::string_view text) {
  Target& target = TheTarget();
  if (target.log != nullptr && target.limit.Allow(ReadClocks().mono))
    target.log->warn("{}: {}{}", library, Printable(text), target.limit.LeftOut());
}

void TameLibraryLogs(std::shared_ptr<spdlog::logger> log) {
  TheTarget().log = std::move(log);
  gpr_set_log_function(OnGrpcLine);
  google::protobuf::SetLogHandler(OnProtobufLine);
}

}  // namespace fleetsync::serve
