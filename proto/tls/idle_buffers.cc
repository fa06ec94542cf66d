#include "proto/tls/idle_buffers.h"

#include <openssl/ssl.h>

#include <memory>

#include "proto/tls/openssl.h"

namespace fleetsync::tls {
namespace {

void OnNewContext(void* context, void*, CRYPTO_EX_DATA*, int, long, void*) {
  SSL_CTX_set_mode(static_cast<SSL_CTX*>(context), SSL_MODE_RELEASE_BUFFERS);
}

Status Register() {
  if (SSL_CTX_get_ex_new_index(0, nullptr, OnNewContext, nullptr, nullptr) < 0)
    return OpenSslError("asking for each new TLS context");
  const std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context(SSL_CTX_new(TLS_method()));
  if (context == nullptr || (SSL_CTX_get_mode(context.get()) & SSL_MODE_RELEASE_BUFFERS) == 0)
    return OpenSslError("releasing idle TLS buffers: OpenSSL does not take it");
  return absl::OkStatus();
}

}  // namespace

Status ReleaseIdleBuffers() {
  static const Status registered = Register();  // once, whoever is first
  return registered;
}

}  // namespace fleetsync::tls
