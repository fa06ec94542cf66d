#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace fleetsync::serve {

// TLS 1.3 with what `fleetsync ca issue --operator NAME --out FOLDER` wrote: operator.key,
// operator.pem, ca.pem. NotFound: they are not there, and what makes them. FailedPrecondition:
// others may read the key.
StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadOperatorCredentials(
    const std::string& folder);

}  // namespace fleetsync::serve
