#include "controller/deploy/identity.h"

#include "base/sha256.h"
#include "proto/tls/certificate.h"

namespace fleetsync::deploy {
namespace {

constexpr Duration kLeastLeft = std::chrono::hours(24);

}  // namespace

bool IdentityState::IsGood(const IdentitySource& source, const std::string& host,
                           SystemTime now) const {
  if (!complete || authority_sha256 != Sha256Hex(source.authority)) return false;
  const auto issuer = tls::ParseCertificate(source.authority);
  const auto own = tls::ParseCertificate(certificate);
  if (!issuer.ok() || !own.ok()) return false;
  if (X509_verify(own->get(), X509_get0_pubkey(issuer->get())) != 1) return false;
  const tls::CertificateText text = tls::ReadCertificate(own->get());
  return text.holder == tls::Holder{.role = tls::Role::kHost, .name = host} &&
         !source.revoked.contains(text.serial) && now >= text.not_before &&
         text.not_after - now >= kLeastLeft;
}

StatusOr<SystemTime> EndOf(std::string_view certificate) {
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr parsed, tls::ParseCertificate(certificate));
  return tls::ReadCertificate(parsed.get()).not_after;
}

}  // namespace fleetsync::deploy
