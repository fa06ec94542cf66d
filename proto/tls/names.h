#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace fleetsync::tls {

// What the controller's certificate is made out to, whatever its addresses are: agents ask for this
// name and trust the fleet's authority alone.
inline constexpr char kControllerName[] = "fleetsync-controller";

enum class Role { kHost, kOperator };

std::string_view ToString(Role role);  // "host", "operator"

// Whom a certificate is made out to.
struct Holder {
  Role role = Role::kHost;
  std::string name;  // of the inventory, or the operator's
  friend bool operator==(const Holder&, const Holder&) = default;
};

// "fleetsync:host:web01": the URI in the certificate's subjectAltName. Bytes that a URI does not
// have stand there as %XX.
std::string ToUri(const Holder& holder);
// None: not such a URI as ToUri writes.
std::optional<Holder> FromUri(std::string_view uri);

// InvalidArgument for a name that no certificate is made out to: empty, above 255 bytes.
Status CheckName(std::string_view name);

}  // namespace fleetsync::tls
