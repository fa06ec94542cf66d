#include "proto/tls/key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>

#include "fmt/format.h"

namespace fleetsync::tls {
namespace {

constexpr size_t kLargestRequest = size_t{16} * 1024;
constexpr int kSmallestRsa = 2048;
constexpr int kLargestRsa = 8192;  // above it, checking one signature takes too long

// The passphrase of a PEM is never asked for on a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

Status CheckStrength(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1 && bits >= kSmallestRsa && bits <= kLargestRsa)
    return absl::OkStatus();
  char group[64] = "";
  size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") == 1) EVP_PKEY_get_group_name(key, group, sizeof group, &size);
  const std::string_view name(group, size);
  if (name == SN_X9_62_prime256v1 || name == SN_secp384r1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the key of the certificate request is neither EC P-256 or P-384 nor RSA of 2048 to 8192 "
      "bits");
}

}  // namespace

StatusOr<KeyPtr> MakeKey() {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpenSslError("making a key");
  return key;
}

Secret KeyPem(EVP_PKEY* key) {
  const BioPtr bio = MemoryForSecrets();
  if (bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return {};
  return Secret(std::string(BytesOf(bio.get())));
}

StatusOr<KeyPtr> ParseKey(std::string_view pem) {
  const BioPtr bio = ReadFrom(pem);
  KeyPtr key(bio == nullptr ? nullptr
                            : PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("there is no readable private key in it");
  return key;
}

StatusOr<std::string> MakeRequest(EVP_PKEY* key) {
  const RequestPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key) != 1 ||
      X509_REQ_sign(request.get(), key, EVP_sha256()) <= 0)
    return OpenSslError("making a certificate request");
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_REQ(request.get(), &bytes);
  if (size <= 0) return OpenSslError("writing a certificate request");
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

StatusOr<KeyPtr> KeyOfRequest(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = bytes + der.size();
  const RequestPtr request(der.size() > kLargestRequest
                               ? nullptr
                               : d2i_X509_REQ(nullptr, &bytes, static_cast<long>(der.size())));
  KeyPtr key(request == nullptr || bytes != end ? nullptr : X509_REQ_get_pubkey(request.get()));
  ERR_clear_error();
  if (key == nullptr)
    return absl::InvalidArgumentError("the certificate request cannot be read as PKCS #10");
  FS_RETURN_IF_ERROR(CheckStrength(key.get()));
  const bool signed_by_key = X509_REQ_verify(request.get(), key.get()) == 1;
  ERR_clear_error();
  if (!signed_by_key)
    return absl::InvalidArgumentError(
        "the certificate request is not signed by the key that it is about");
  return key;
}

}  // namespace fleetsync::tls
