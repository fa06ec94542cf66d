// What agents and strangers send for a certificate: a request is signed only by its own key, and
// what a certificate says is read without trusting it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "controller/ca/peer.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto key = tls::KeyOfRequest(bytes); key.ok()) {
    Check(*key != nullptr);
    Check(EVP_PKEY_get_security_bits(key->get()) >= 112);
    Check(!tls::KeyOfRequest(std::string(bytes) + "x").ok());
  }
  if (const auto peer = ca::PeerFrom(bytes); peer.ok()) {
    // The name came out of a URI that says the same again.
    const tls::Holder holder{.role = peer->role, .name = peer->name};
    Check(tls::FromUri(tls::ToUri(holder)) == holder);
  }
  if (const auto holder = tls::FromUri(bytes)) Check(tls::ToUri(*holder) == bytes);
  return 0;
}
