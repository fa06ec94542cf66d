#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// What happened on the stream since the last Take.
struct Welcomed {
  uint64_t stored_through = 0;
};
struct Acknowledged {
  uint64_t through = 0;
};
struct Commanded {
  v1::Command command;
};
struct Certified {
  std::string chain_pem;
};
struct Broken {
  std::string why;
};
using LinkEvent = std::variant<Welcomed, Acknowledged, Commanded, Certified, Broken>;

struct GrpcLinkConfig {
  std::string controller;  // "192.0.2.1:7312", "[2001:db8::1]:7312", "controller.example:7312"
  v1::Hello hello;
  std::string tls_folder{};  // of this host's identity, read for each connection; empty: plain text
};

// One stream to the controller at a time. Everything is called by one thread; a thread
// of the link's own waits for gRPC and makes fd() readable. The controller's questions for the
// time are answered by the link itself. It sets no deadline: gRPC's timers run
// on CLOCK_REALTIME, which this product steps.
class GrpcLink {
 public:
  static StatusOr<std::unique_ptr<GrpcLink>> Create(GrpcLinkConfig config);
  virtual ~GrpcLink() = default;

  virtual int fd() const = 0;
  // On a channel of its own, so that nothing old is waited for. Ends with Welcomed or Broken.
  virtual void Connect() = 0;
  // Queued, and written in order once welcomed. What is no report goes before reports; reports that
  // have gathered go together, where the controller takes that.
  virtual void Send(v1::StreamRequest request) = 0;
  // At once; what comes of the old stream is not told.
  virtual void Disconnect() = 0;
  virtual std::vector<LinkEvent> Take() = 0;
};

}  // namespace fleetsync::report
