#pragma once

#include "base/status.h"

namespace fleetsync::tls {

// From now on no TLS connection of this process keeps its record buffers, 33 kB, while nothing is
// on its way (SSL_MODE_RELEASE_BUFFERS). gRPC 1.51 has no setting for it, but OpenSSL tells whoever
// keeps data with its contexts of each new one. Before gRPC's first channel or server; more than
// once is harmless.
Status ReleaseIdleBuffers();

}  // namespace fleetsync::tls
