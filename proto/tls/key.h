#pragma once

#include <string_view>

#include "base/secret.h"
#include "base/status.h"
#include "proto/tls/openssl.h"

namespace fleetsync::tls {

// A new private key: EC P-256.
StatusOr<KeyPtr> MakeKey();

Secret KeyPem(EVP_PKEY* key);  // PKCS #8; empty when OpenSSL cannot
// Without a passphrase; the first one in `pem`. InvalidArgument.
StatusOr<KeyPtr> ParseKey(std::string_view pem);

// PKCS #10, signed by `key`, which it asks a certificate for.
StatusOr<std::string> MakeRequest(EVP_PKEY* key);

// The public key that such a request is about, when it is signed by its private half and strong
// enough: EC P-256 or P-384, RSA of 2048 to 8192 bits. Whom the request names is not looked at.
// InvalidArgument says what is wrong. `der` may be anything.
StatusOr<KeyPtr> KeyOfRequest(std::string_view der);

}  // namespace fleetsync::tls
