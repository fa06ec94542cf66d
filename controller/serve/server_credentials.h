#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "controller/ca/authority.h"
#include "controller/ca/peer.h"
#include "controller/ca/verifier.h"

namespace fleetsync::serve {

struct PeerCheck {
  // Outlives the server; also asked for streams that are open.
  std::shared_ptr<const ca::Verifier> verifier;
  // Told who was refused and why, by any thread, at most ten times a minute: whoever reaches the
  // port can be refused as often as it likes.
  std::function<void(const std::string&)> on_refused;
};

// TLS 1.3 alone, with the authority's certificate for this server. The handshake asks for a
// certificate, and takes any and none: what is wrong with it is found before any method of any
// service is called, so that the other side is told in words ("certificate 4f… of host 'web01' was
// revoked at …") and not by an alert that says nothing. That the peer holds the key of what it
// shows, the handshake has proven. Whether it may call this method is checked as well
// (ca::MayCall).
StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ca::Authority& authority, PeerCheck check);

// Failed handshakes, of which gRPC's own log would tell every one, go to `on_refused` of the newest
// MakeServerCredentials instead, within its limit; what else it logs to LogLibraryLine. For the
// whole process.
void LogHandshakesAsRefusals();

// Who calls, on a port with such credentials, where it has been checked already: reads and does not
// check. Unauthenticated: there is no TLS.
StatusOr<ca::Peer> PeerOf(const grpc::AuthContext& context);
// The same; on the socket of the file system the local operator.
StatusOr<ca::Peer> PeerOf(const grpc::ServerContextBase& context);

}  // namespace fleetsync::serve
