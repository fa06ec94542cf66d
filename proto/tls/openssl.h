#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "base/status.h"

namespace fleetsync::tls {

// OpenSSL's objects with their owner.
template <auto F>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;

// "doing: REASON", with the newest of this thread's OpenSSL errors; empties the list of them.
Status OpenSslError(std::string_view doing);

// Of bytes that outlive it.
BioPtr ReadFrom(std::string_view bytes);
// In memory that is overwritten when it is freed.
BioPtr MemoryForSecrets();
// What was written into `bio`, which is of memory.
std::string_view BytesOf(BIO* bio);

}  // namespace fleetsync::tls
