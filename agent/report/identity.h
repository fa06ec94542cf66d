#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/status.h"
#include "base/time.h"
#include "proto/tls/openssl.h"

namespace fleetsync::report {

// What this host proves its name with, and knows the controller by. The reporter's user owns the
// folder, which nobody else may enter, and its files:
//   ca.pem     certificate of the fleet's authority
//   host.pem   this host's certificate, and once it was renewed its key before it
//   host.key   the key of a host.pem that has none
// A renewal replaces host.pem by one file with both, so that at no instant one is without the
// other.
struct Identity {
  std::string authority;    // PEM
  std::string certificate;  // PEM, what follows it in the file included
  Secret key;               // PEM
  std::string host;         // whom the certificate is made out to
  SystemTime expires;
};

// NotFound: there is none, and what gives one. FailedPrecondition: others may read the key.
// InvalidArgument: a file is damaged, or key and certificate do not belong together.
StatusOr<Identity> ReadIdentity(const std::string& folder);

// Whether to ask for a new certificate unasked: ten days before the end, by this host's clock. That
// clock may be wrong, which costs one request a connection; the controller asks when it is due.
bool RenewalDue(SystemTime now, SystemTime expires);

// A new key and what becomes of it: request_der() goes to the controller, its answer to Store.
class Renewal {
 public:
  static StatusOr<Renewal> Begin();

  const std::string& request_der() const { return request_der_; }

  // Puts the new pair in the place of the old one, in one step. InvalidArgument: the answer is not
  // a certificate of this fleet's authority for this host and key; the old pair stays.
  Status Store(const std::string& folder, std::string_view chain_pem) const;

 private:
  Renewal(tls::KeyPtr key, std::string request_der)
      : key_(std::move(key)), request_der_(std::move(request_der)) {}

  Status Check(const Identity& old, std::string_view chain_pem) const;

  tls::KeyPtr key_;
  std::string request_der_;
};

}  // namespace fleetsync::report
