#pragma once

#include <string>

#include "base/secret.h"

namespace fleetsync::ca {

// What a host's agent proves its name with, and knows the controller by. PEM.
struct Identity {
  std::string authority;    // the fleet's certificate authority
  std::string certificate;  // the host's
  Secret key;               // its private key, PKCS #8
};

}  // namespace fleetsync::ca
