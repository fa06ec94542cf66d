#pragma once

#include "base/status.h"

namespace fleetsync::tls {

// From now on nothing in this process speaks TLS below 1.3. gRPC 1.51 has no setting for it and
// asks OpenSSL for 1.2 and up, but OpenSSL's own defaults for new contexts are kept beside that and
// can forbid 1.2. The machine's openssl.cnf is not read: what it says about providers and versions
// is not ours to depend on. Before gRPC's first channel or server; more than once is harmless.
Status RequireTls13();

}  // namespace fleetsync::tls
