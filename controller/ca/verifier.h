#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/mutex.h"
#include "base/status.h"
#include "base/time.h"
#include "controller/ca/folder.h"
#include "controller/ca/peer.h"
#include "proto/tls/openssl.h"

namespace fleetsync::ca {

// Decides whether a certificate is worth anything now. It reads the register again whenever the
// file has changed, so that a `fleetsync ca revoke` of another process counts at once. When the
// register cannot be read nobody is let in. Thread-safe.
class Verifier {
 public:
  // `authority_pem`: the fleet's certificate.
  static StatusOr<std::unique_ptr<Verifier>> Make(const Folder& folder,
                                                  std::string_view authority_pem);

  // Whom the connection belongs to. `now` is the controller's clock, no other counts. `pem`: what
  // the peer proved the key of; anything. Unauthenticated, in one line that both sides are told:
  // none, of another authority, expired, not yet valid, revoked, not made out to anybody.
  StatusOr<Peer> Verify(std::string_view pem, SystemTime now) const;

  // Whether a connection that was let in may stay: not revoked or expired since. Costs one stat()
  // of the register; call it now and then for each open stream.
  Status StillGood(const Peer& peer, SystemTime now) const;

  // Whether the host should be given a new certificate: a third of this one's life is left.
  bool RenewalDue(const Peer& peer, SystemTime now) const;

 private:
  using StorePtr = std::unique_ptr<X509_STORE, tls::FreeWith<X509_STORE_free>>;

  Verifier(Folder folder, StorePtr store) : folder_(std::move(folder)), store_(std::move(store)) {}

  Status CheckSignature(X509* certificate) const;
  Status CheckTimes(const tls::Holder& holder, const std::string& serial, SystemTime not_before,
                    SystemTime not_after, SystemTime now) const;
  Status CheckRevoked(const tls::Holder& holder, const std::string& serial) const;
  Status Refresh() const FS_REQUIRES(mutex_);

  const Folder folder_;
  const StorePtr store_;
  mutable Mutex mutex_;
  mutable struct stat read_ FS_GUARDED_BY(mutex_) = {};  // what the register was when it was read
  mutable std::unordered_map<std::string, Issued> by_serial_ FS_GUARDED_BY(mutex_);
};

}  // namespace fleetsync::ca
