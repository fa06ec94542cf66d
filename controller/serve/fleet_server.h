#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "base/status.h"
#include "controller/serve/ingest.h"
#include "controller/serve/listen_address.h"
#include "controller/serve/store_writer.h"
#include "spdlog/logger.h"

namespace fleetsync::serve {

// How agents reach the server. Without credentials there is no TLS, and whoever connects may report
// for any host.
struct FleetPort {
  ListenAddress address;
  std::shared_ptr<grpc::ServerCredentials> credentials;
};

// The gRPC server of fleetsync.v1.FleetService: moves messages between agents' streams, their
// IngestSession and the store's thread. Nothing in it waits for the disk.
class FleetServer {
 public:
  // `hosts`, `store` and `log` outlive the server. Unavailable: the address cannot be listened on.
  static StatusOr<std::unique_ptr<FleetServer>> Start(const FleetPort& port, const HostNames& hosts,
                                                      StoreWriter& store, spdlog::logger& log);
  virtual ~FleetServer() = default;

  virtual int port() const = 0;
  // Ends all streams (agents keep what was not acknowledged) and returns when they are gone.
  virtual void Stop() = 0;
};

}  // namespace fleetsync::serve
