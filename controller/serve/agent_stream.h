#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "controller/serve/acceptor.h"
#include "controller/serve/agent_table.h"
#include "controller/serve/log_limit.h"
#include "controller/serve/served_fleet.h"
#include "controller/serve/store_writer.h"
#include "controller/serve/stream_clock.h"
#include "spdlog/logger.h"

namespace fleetsync::serve {

// Who is at the other end of a connection, by what TLS has proved.
struct PeerRules {
  // Whether this connection may speak for `host`. Null: without TLS anybody may.
  std::function<Status(const grpc::AuthContext&, std::string_view host)> may_report;
  // Whether it is an operator's. Null: nobody is, but on the socket of the file system.
  std::function<Status(const grpc::AuthContext&)> may_operate;
};

// A host's certificate and the authority's, PEM, for a request (PKCS #10, DER).
using SignRequest =
    std::function<StatusOr<std::string>(std::string_view host, std::string_view request_der)>;
using OnMeasured = std::function<void(const std::string& host, const ClockEstimate& estimate)>;

// What all streams of a server use; outlives them. `sign` may be null: no authority here.
struct StreamSurroundings {
  const CurrentFleet& fleet;
  StoreWriter& store;
  AgentTable& agents;
  Acceptor& acceptor;
  spdlog::logger& log;
  LogLimit& log_limit;
  const PeerRules& rules;
  const SignRequest& sign;
  const OnMeasured& on_measured;
  Duration hello_patience;  // until a stream's Hello
};

// FleetService.Stream for one agent: owned by the table while gRPC uses it, and by the store's
// callbacks that are still to come.
grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* BeginAgentStream(
    grpc::CallbackServerContext& context, const StreamSurroundings& around);

grpc::Status ToGrpc(const Status& status);

}  // namespace fleetsync::serve
