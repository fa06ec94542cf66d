#include "proto/tls/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "fmt/format.h"

namespace fleetsync::tls {
namespace {

using std::chrono::seconds;

std::string_view BytesOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

SystemTime ToTime(const ASN1_TIME* time, SystemTime otherwise) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(time, &calendar) != 1) return otherwise;
  const seconds since(timegm(&calendar));
  if (since >= std::chrono::floor<seconds>(SystemTime::max().time_since_epoch()))
    return SystemTime::max();
  return SystemTime(since);
}

std::optional<Holder> HolderOf(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::optional<Holder> found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_URI) continue;
    std::optional<Holder> holder = FromUri(BytesOf(static_cast<const ASN1_STRING*>(value)));
    if (!holder) continue;
    if (found) return std::nullopt;
    found = std::move(holder);
  }
  return found;
}

}  // namespace

StatusOr<CertificatePtr> ParseCertificate(std::string_view pem) {
  const BioPtr bio = ReadFrom(pem);
  CertificatePtr certificate(
      bio == nullptr ? nullptr : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr)
    return absl::InvalidArgumentError("there is no readable certificate in it");
  return certificate;
}

std::string SerialOf(const X509* certificate) {
  std::string serial;
  for (const char c : BytesOf(X509_get0_serialNumber(certificate)))
    serial += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return serial;
}

CertificateText ReadCertificate(const X509* certificate) {
  // What cannot be read is never valid.
  CertificateText text{.holder = HolderOf(certificate),
                       .serial = SerialOf(certificate),
                       .not_before = ToTime(X509_get0_notBefore(certificate), SystemTime::max()),
                       .not_after = ToTime(X509_get0_notAfter(certificate), SystemTime::min())};
  ERR_clear_error();
  return text;
}

std::string CertificatePem(const X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  return std::string(tls::BytesOf(bio.get()));
}

}  // namespace fleetsync::tls
