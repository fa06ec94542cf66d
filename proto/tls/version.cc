#include "proto/tls/version.h"

#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <memory>
#include <string_view>

#include "proto/tls/openssl.h"

namespace fleetsync::tls {
namespace {

constexpr std::string_view kDefaults =
    "openssl_conf = modules\n"
    "[modules]\n"
    "ssl_conf = applications\n"
    "[applications]\n"
    "system_default = limits\n"
    "[limits]\n"
    "MinProtocol = TLSv1.3\n"
    "Protocol = -TLSv1.2\n";  // gRPC overwrites the minimum, not what is forbidden

Status Forbid() {
  if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1)
    return OpenSslError("starting TLS");
  OPENSSL_load_builtin_modules();
  const std::unique_ptr<CONF, FreeWith<NCONF_free>> config(NCONF_new(nullptr));
  const BioPtr text = ReadFrom(kDefaults);
  long line = 0;
  if (config == nullptr || text == nullptr ||
      NCONF_load_bio(config.get(), text.get(), &line) != 1 ||
      CONF_modules_load(config.get(), nullptr, 0) != 1)
    return OpenSslError("forbidding TLS below 1.3");
  const std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context(SSL_CTX_new(TLS_method()));
  if (context == nullptr || (SSL_CTX_get_options(context.get()) & SSL_OP_NO_TLSv1_2) == 0)
    return OpenSslError("forbidding TLS below 1.3: OpenSSL does not take it");
  return absl::OkStatus();
}

}  // namespace

Status RequireTls13() {
  static const Status forbidden = Forbid();  // once, whoever is first
  return forbidden;
}

}  // namespace fleetsync::tls
