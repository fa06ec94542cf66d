#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>

#include "controller/serve/agent_stream.h"
#include "controller/serve/agent_table.h"
#include "controller/serve/served_fleet.h"
#include "controller/serve/store_writer.h"

namespace fleetsync::serve {

// What operators' requests are answered from; outlives the service.
struct OperatorSurroundings {
  const CurrentFleet& fleet;
  StoreWriter& store;
  AgentTable& agents;
  const std::string db_path;
};

// Who may ask: whoever reaches the port, as the file system or the credentials of the port have
// decided already, or, on a port in plain text, nobody.
enum class OperatorAccess { kWhoReachesIt, kNobody };

// OperatorService, on threads of gRPC's that may wait.
std::unique_ptr<grpc::Service> MakeOperatorService(const OperatorSurroundings& around,
                                                   OperatorAccess access);

}  // namespace fleetsync::serve
