#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "controller/ca/identity.h"

namespace fleetsync::deploy {

// Where agents get what they prove their names with.
struct IdentitySource {
  std::string authority;  // PEM: what each host has as ca.pem
  std::function<StatusOr<ca::Identity>(const std::string& host)> issue;
  std::set<std::string> revoked = {};  // serial numbers, lower-case hex
  bool renew = false;                  // also where a host has a valid one
};

// What of an identity is on a host. Of the key no more than that it is there.
struct IdentityState {
  bool complete = false;         // three files that the reporter alone can read
  std::string authority_sha256;  // of ca.pem
  std::string certificate;       // PEM

  // Whether it is the host's own, of this authority, not revoked, and valid at `now` for a day more
  // at least: the agent renews it itself long before.
  bool IsGood(const IdentitySource& source, const std::string& host, SystemTime now) const;
};

// The end of a certificate's validity. InvalidArgument: it is none.
StatusOr<SystemTime> EndOf(std::string_view certificate);

}  // namespace fleetsync::deploy
