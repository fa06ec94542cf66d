#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace fleetsync::serve {

// Where the service that writes the store at `db_path` is asked on the same machine.
std::string OperatorSocketPath(const std::string& db_path);

// A gRPC server on a socket of the file system, mode 0660: who may ask is for its folder and its
// group to say. One that a killed service has left is replaced.
class OperatorSocket {
 public:
  // Called before there are other threads that make files: it sets the umask for a moment.
  // FailedPrecondition: the path is too long, or something else is there. Unavailable: a service
  // answers there already. `service` outlives it.
  static StatusOr<std::unique_ptr<OperatorSocket>> Listen(const std::string& path,
                                                          grpc::Service& service);
  ~OperatorSocket() { Stop(); }
  OperatorSocket(const OperatorSocket&) = delete;
  OperatorSocket& operator=(const OperatorSocket&) = delete;

  // Ends what is being answered and takes the socket away.
  void Stop();

 private:
  OperatorSocket(std::string path, std::unique_ptr<grpc::Server> server);

  const std::string path_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace fleetsync::serve
