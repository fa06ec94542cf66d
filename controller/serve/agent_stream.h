#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/ca/verifier.h"
#include "controller/serve/acceptor.h"
#include "controller/serve/agent_table.h"
#include "controller/serve/log_limit.h"
#include "controller/serve/served_fleet.h"
#include "controller/serve/store_writer.h"
#include "controller/serve/stream_clock.h"
#include "spdlog/logger.h"

namespace fleetsync::serve {

// A host's certificate and the authority's, PEM, for a request (PKCS #10, DER).
using SignRequest =
    std::function<StatusOr<std::string>(std::string_view host, std::string_view request_der)>;
using OnMeasured = std::function<void(const std::string& host, const ClockEstimate& estimate)>;

// What all streams of a server use; outlives them. `verifier`, `sign`: null in plain text.
struct StreamSurroundings {
  const CurrentFleet& fleet;
  StoreWriter& store;
  AgentTable& agents;
  Acceptor& acceptor;
  spdlog::logger& log;
  LogLimit& log_limit;
  const ca::Verifier* verifier;
  const SignRequest& sign;
  const OnMeasured& on_measured;
  ConnectionLimits limits;
};

// FleetService.Stream for one agent: owned by the table while gRPC uses it, and by the store's
// callbacks that are still to come.
grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* BeginAgentStream(
    grpc::CallbackServerContext& context, const StreamSurroundings& around);

grpc::Status ToGrpc(const Status& status);

}  // namespace fleetsync::serve
