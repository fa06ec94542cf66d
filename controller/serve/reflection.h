#pragma once

namespace fleetsync::serve {

// Servers that are built after it answer grpc.health.v1 and gRPC's reflection, so that the usual
// tools can look at the service. Once in a process, before the first server.
void OfferStandardServices();

}  // namespace fleetsync::serve
