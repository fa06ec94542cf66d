#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>
#include <string_view>

#include "agent/report/identity.h"
#include "base/status.h"

namespace fleetsync::report {

// TLS 1.3 alone: this host's certificate, and the fleet's authority as the only one that is
// trusted. The controller's certificate is valid at any time, so that the check of its times, by
// this host's clock, passes whatever that clock says.
StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const Identity& identity);

// A channel with such credentials asks for the name in the controller's certificate, whatever its
// address is.
void ExpectController(grpc::ChannelArguments& arguments);

// gRPC's own log without the failed handshakes, which it would tell at every attempt, and which
// ExplainFailure is for. For the whole process.
void SilenceHandshakes();

// gRPC's words for a connection that failed in one line for people: "the controller's certificate
// is not of the authority in ca.pem; …". Other words as they are.
std::string ExplainFailure(std::string_view why);

}  // namespace fleetsync::report
