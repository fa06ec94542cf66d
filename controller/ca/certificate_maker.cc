#include "controller/ca/certificate_maker.h"

#include <openssl/rand.h>

#include <array>
#include <chrono>

#include "base/text.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"

namespace fleetsync::ca {
namespace {

constexpr char kAlways[] = "99991231235959Z";
constexpr size_t kLongestCommonName = 64;  // of X.520; who it is, is in the subjectAltName

struct Order {
  std::string common_name{};
  bool authority = false;
  const char* usage = "";    // the extended key usage
  int alternative_type = 0;  // GEN_URI, GEN_DNS
  std::string alternative{};
  SystemTime not_after = SystemTime::max();  // max: always
};

bool SetSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, 16 bytes always
  const std::unique_ptr<BIGNUM, tls::FreeWith<BN_free>> number(
      BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetTimes(X509* certificate, SystemTime not_after) {
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), 0) == nullptr) return false;
  ASN1_TIME* const end = X509_getm_notAfter(certificate);
  if (not_after == SystemTime::max()) return ASN1_TIME_set_string_X509(end, kAlways) == 1;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(not_after.time_since_epoch());
  return ASN1_TIME_set(end, seconds.count()) != nullptr;
}

bool SetSubject(X509* certificate, const std::string& name) {
  std::string text = Printable(name);
  if (text.size() > kLongestCommonName) {
    size_t end = kLongestCommonName;
    while (end > 0 && (text[end] & '\xc0') == '\x80') --end;  // not within a character
    text.resize(end);
  }
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                    MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

// Only constants: the syntax of these texts could say anything.
bool AddExtension(X509* certificate, X509V3_CTX& context, int kind, const char* text) {
  const std::unique_ptr<X509_EXTENSION, tls::FreeWith<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, text));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool AddAlternativeName(X509* certificate, int type, const std::string& text) {
  const std::unique_ptr<GENERAL_NAMES, tls::FreeWith<GENERAL_NAMES_free>> names(
      GENERAL_NAMES_new());
  std::unique_ptr<GENERAL_NAME, tls::FreeWith<GENERAL_NAME_free>> name(GENERAL_NAME_new());
  ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
  if (names == nullptr || name == nullptr || value == nullptr) return false;
  GENERAL_NAME_set0_value(name.get(), type, value);
  if (ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1 ||
      sk_GENERAL_NAME_push(names.get(), name.get()) <= 0)
    return false;
  static_cast<void>(name.release());  // the stack's now
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool AddExtensions(X509* certificate, const X509* issuer, const Order& order) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
  const bool common = AddExtension(certificate, context, NID_subject_key_identifier, "hash") &&
                      AddExtension(certificate, context, NID_authority_key_identifier, "keyid");
  if (!common) return false;
  if (order.authority)
    return AddExtension(certificate, context, NID_basic_constraints,
                        "critical,CA:TRUE,pathlen:0") &&
           AddExtension(certificate, context, NID_key_usage, "critical,keyCertSign,cRLSign");
  return AddExtension(certificate, context, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, context, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, context, NID_ext_key_usage, order.usage) &&
         AddAlternativeName(certificate, order.alternative_type, order.alternative);
}

// Signed by `issuer`; null: by itself.
StatusOr<tls::CertificatePtr> Make(const Order& order, EVP_PKEY* public_key, const X509* issuer,
                                   EVP_PKEY* issuer_key) {
  tls::CertificatePtr certificate(X509_new());
  X509* const c = certificate.get();
  if (c == nullptr || X509_set_version(c, X509_VERSION_3) != 1 || !SetSerial(c) ||
      !SetTimes(c, order.not_after) || !SetSubject(c, order.common_name) ||
      X509_set_issuer_name(c, X509_get_subject_name(issuer == nullptr ? c : issuer)) != 1 ||
      X509_set_pubkey(c, public_key) != 1 ||
      !AddExtensions(c, issuer == nullptr ? c : issuer, order) ||
      X509_sign(c, issuer_key, EVP_sha256()) <= 0)
    return tls::OpenSslError(fmt::format("making the certificate of {}", order.common_name));
  return certificate;
}

// Authorities of two controllers must not be taken for one another by their name.
StatusOr<std::string> AuthorityName() {
  std::array<unsigned char, 4> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return tls::OpenSslError("drawing a number");
  return fmt::format("fleetsync authority {:02x}{:02x}{:02x}{:02x}", bytes[0], bytes[1], bytes[2],
                     bytes[3]);
}

}  // namespace

StatusOr<Issuer> MakeAuthority() {
  Issuer authority;
  FS_ASSIGN_OR_RETURN(authority.key, tls::MakeKey());
  Order order{.authority = true};
  FS_ASSIGN_OR_RETURN(order.common_name, AuthorityName());
  FS_ASSIGN_OR_RETURN(authority.certificate,
                      Make(order, authority.key.get(), nullptr, authority.key.get()));
  return authority;
}

StatusOr<Issuer> MakeController(const Issuer& authority) {
  Issuer controller;
  FS_ASSIGN_OR_RETURN(controller.key, tls::MakeKey());
  const Order order{.common_name = tls::kControllerName,
                    .usage = "serverAuth",
                    .alternative_type = GEN_DNS,
                    .alternative = tls::kControllerName};
  FS_ASSIGN_OR_RETURN(
      controller.certificate,
      Make(order, controller.key.get(), authority.certificate.get(), authority.key.get()));
  return controller;
}

StatusOr<tls::CertificatePtr> MakeFor(const tls::Holder& holder, SystemTime not_after,
                                      EVP_PKEY* public_key, const Issuer& authority) {
  FS_RETURN_IF_ERROR(tls::CheckName(holder.name));
  const Order order{.common_name = holder.name,
                    .usage = "clientAuth",
                    .alternative_type = GEN_URI,
                    .alternative = tls::ToUri(holder),
                    .not_after = not_after};
  return Make(order, public_key, authority.certificate.get(), authority.key.get());
}

}  // namespace fleetsync::ca
