#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "proto/tls/names.h"
#include "proto/tls/openssl.h"

namespace fleetsync::tls {

// What a certificate says of itself. Nothing here says that it is true: see ca::Verifier.
struct CertificateText {
  std::optional<Holder> holder;  // of its one fleetsync: URI; none: it has none, or several
  std::string serial;            // lower-case hex
  SystemTime not_before;
  SystemTime not_after;  // the last instant SystemTime has, for what is beyond it
};

// The first certificate in `pem`. InvalidArgument.
StatusOr<CertificatePtr> ParseCertificate(std::string_view pem);
CertificateText ReadCertificate(const X509* certificate);
std::string CertificatePem(const X509* certificate);  // empty when OpenSSL cannot
std::string SerialOf(const X509* certificate);

}  // namespace fleetsync::tls
