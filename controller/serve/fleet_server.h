#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <set>
#include <string>

#include "base/status.h"
#include "controller/serve/agent_stream.h"
#include "controller/serve/listen_address.h"

namespace fleetsync::serve {

struct FleetServerConfig {
  ListenAddress address;
  std::shared_ptr<grpc::ServerCredentials> credentials{};  // null: plain text
  const ca::Verifier* verifier = nullptr;  // of their certificates; outlives the server
  SignRequest sign{};
  OnMeasured on_measured{};  // called on gRPC's threads
  ConnectionLimits limits{};
  grpc::Service* operators = nullptr;  // on the same port; outlives the server
};

// The gRPC server that agents connect to: moves messages between their streams, their IngestSession
// and the store's thread. Nothing in it waits for the disk.
class FleetServer {
 public:
  // `fleet`, `store`, `agents` and `log` outlive the server. Unavailable: the address cannot be
  // listened on.
  static StatusOr<std::unique_ptr<FleetServer>> Start(FleetServerConfig config,
                                                      const CurrentFleet& fleet, StoreWriter& store,
                                                      AgentTable& agents, spdlog::logger& log);
  virtual ~FleetServer() = default;

  virtual int port() const = 0;
  // The inventory has changed: ends the streams of hosts that it no longer names.
  virtual void OnFleetChanged() = 0;
  // Ends all streams (agents keep what was not acknowledged) and returns when they are gone.
  virtual void Stop() = 0;
};

}  // namespace fleetsync::serve
