#include "proto/tls/openssl.h"

#include <openssl/err.h>

#include "fmt/format.h"

namespace fleetsync::tls {

Status OpenSslError(std::string_view doing) {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return absl::InternalError(fmt::format("{}: {}", doing, reason == nullptr ? "failed" : reason));
}

BioPtr ReadFrom(std::string_view bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

BioPtr MemoryForSecrets() { return BioPtr(BIO_new(BIO_s_secmem())); }

std::string_view BytesOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size <= 0 ? std::string_view() : std::string_view(bytes, static_cast<size_t>(size));
}

}  // namespace fleetsync::tls
