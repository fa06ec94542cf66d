#include "controller/deploy/identity.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <optional>

#include "base/sha256.h"

namespace fleetsync::deploy {
namespace {

constexpr Duration kLeastLeft = std::chrono::hours(24);

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// The first of a PEM file; null when there is none.
Certificate Parse(std::string_view pem) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

std::optional<SystemTime> TimeOf(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return SystemTime(std::chrono::seconds(timegm(&parts)));
}

// By its names, or where it has none by its subject.
bool IsOf(X509* certificate, const std::string& host) {
  if (X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1) return true;
  std::array<char, 256> name{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             name.data(), name.size());
  return size >= 0 && host == std::string_view(name.data(), static_cast<size_t>(size));
}

}  // namespace

bool IdentityState::IsGood(std::string_view authority, const std::string& host,
                           SystemTime now) const {
  if (!complete || authority_sha256 != Sha256Hex(authority)) return false;
  const Certificate issuer = Parse(authority), own = Parse(certificate);
  if (!issuer || !own || X509_verify(own.get(), X509_get0_pubkey(issuer.get())) != 1) return false;
  const auto begin = TimeOf(X509_get0_notBefore(own.get()));
  const auto end = TimeOf(X509_get0_notAfter(own.get()));
  if (!begin || !end || now < *begin || *end - now < kLeastLeft) return false;
  return IsOf(own.get(), host);
}

StatusOr<SystemTime> EndOf(std::string_view certificate) {
  const Certificate parsed = Parse(certificate);
  const auto end = parsed ? TimeOf(X509_get0_notAfter(parsed.get())) : std::nullopt;
  if (!end) return absl::InvalidArgumentError("reading the agent's certificate: it is none");
  return *end;
}

}  // namespace fleetsync::deploy
