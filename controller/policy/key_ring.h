#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "inventory/time_settings.h"

namespace fleetsync::policy {

// A symmetric key with its secret: what a daemon's key file holds (chrony.keys(5), ntp.keys(5)).
struct TimeKey {
  uint32_t id = 0;
  inventory::NtpKey::Type type = inventory::NtpKey::Type::kSha256;
  Secret bytes;  // decoded
};

// Read-only and shared: policies are copied, secrets are not.
using KeyRing = std::shared_ptr<const std::vector<TimeKey>>;

// Reads each key's secret with `read`. As in chrony.keys(5), "HEX:" stands before hexadecimal
// digits, "ASCII:" or nothing before text. Errors name the key and never hold a byte of it. Null
// for no keys.
StatusOr<KeyRing> ReadKeys(
    const std::vector<inventory::NtpKey>& keys,
    const std::function<StatusOr<Secret>(const inventory::SecretSource&)>& read);

}  // namespace fleetsync::policy
