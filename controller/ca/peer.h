#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "proto/tls/names.h"

namespace fleetsync::ca {

// Who is at the other end of a connection, once that is proven.
struct Peer {
  tls::Role role = tls::Role::kHost;
  std::string name;      // of the inventory, or the operator's
  std::string serial{};  // of the certificate, lower-case hex; empty: there is none
  SystemTime expires = SystemTime::max();
};

// Who reaches the controller's socket of the file system, which only operators may open.
Peer LocalOperator();

// What a certificate says, believed: only of one that a Verifier has accepted. InvalidArgument.
StatusOr<Peer> PeerFrom(std::string_view certificate_pem);

// Whether `peer` may call the method at `path` ("/fleetsync.v1.FleetService/Stream"): agents'
// streams are for hosts, operators' requests for operators, the rest (health) for both.
// PermissionDenied.
Status MayCall(const Peer& peer, std::string_view path);

// A host speaks for itself alone. PermissionDenied.
Status MaySpeakFor(const Peer& peer, std::string_view host);

}  // namespace fleetsync::ca
