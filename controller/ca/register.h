#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "proto/tls/names.h"

namespace fleetsync::ca {

// A certificate that was issued.
struct Issued {
  std::string serial;  // lower-case hex
  tls::Holder holder;
  SystemTime issued;  // whole seconds, as all times here
  SystemTime expires;
  std::optional<SystemTime> revoked;
};

// The register is text, added to at its end:
//   issued SERIAL ISSUED EXPIRES URI     times in seconds since 1970
//   revoked SERIAL AT
// A last line without its end was being written when the machine stopped: nobody got what it says.

// Those of `text`, in order. DataLoss names the line that is not the register's.
StatusOr<std::vector<Issued>> ParseRegister(std::string_view text);

std::string IssuedLine(const Issued& issued);
std::string RevokedLine(std::string_view serial, SystemTime at);
// All of it, as one text.
std::string RegisterText(const std::vector<Issued>& all);

}  // namespace fleetsync::ca
