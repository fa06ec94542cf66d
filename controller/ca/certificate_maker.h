#pragma once

#include <string>

#include "base/status.h"
#include "base/time.h"
#include "proto/tls/names.h"
#include "proto/tls/openssl.h"

namespace fleetsync::ca {

// A key with the certificate that says whose it is.
struct Issuer {
  tls::KeyPtr key;
  tls::CertificatePtr certificate;
};

// All certificates are valid from 1970 on: a host whose clock is years off checks the controller's
// with that clock, and what a host's is worth now is the controller's word alone.

// Signs itself and others, until the end of the year 9999.
StatusOr<Issuer> MakeAuthority();

// The controller's, as the server that agents and operators connect to, until the end of 9999.
StatusOr<Issuer> MakeController(const Issuer& authority);

// Of a host or an operator, as a client.
StatusOr<tls::CertificatePtr> MakeFor(const tls::Holder& holder, SystemTime not_after,
                                      EVP_PKEY* public_key, const Issuer& authority);

}  // namespace fleetsync::ca
