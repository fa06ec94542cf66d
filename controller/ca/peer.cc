#include "controller/ca/peer.h"

#include "base/text.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"

namespace fleetsync::ca {
namespace {

constexpr std::string_view kForHosts = "/fleetsync.v1.FleetService/";
constexpr std::string_view kForOperators = "/fleetsync.v1.OperatorService/";

}  // namespace

Peer LocalOperator() { return {.role = tls::Role::kOperator, .name = "local"}; }

StatusOr<Peer> PeerFrom(std::string_view certificate_pem) {
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr certificate,
                      tls::ParseCertificate(certificate_pem));
  tls::CertificateText text = tls::ReadCertificate(certificate.get());
  if (!text.holder)
    return absl::InvalidArgumentError(
        fmt::format("certificate {} is made out neither to a host nor to an operator of the fleet",
                    text.serial));
  return Peer{.role = text.holder->role,
              .name = std::move(text.holder->name),
              .serial = std::move(text.serial),
              .expires = text.not_after};
}

Status MayCall(const Peer& peer, std::string_view path) {
  if (path.starts_with(kForHosts) && peer.role != tls::Role::kHost)
    return absl::PermissionDeniedError(
        fmt::format("operator '{}' may not report: agents' streams are for hosts' certificates",
                    Printable(peer.name)));
  if (path.starts_with(kForOperators) && peer.role != tls::Role::kOperator)
    return absl::PermissionDeniedError(fmt::format(
        "host '{}' may not ask for the fleet: that takes an operator's certificate, made with "
        "`fleetsync ca issue --operator NAME`",
        Printable(peer.name)));
  return absl::OkStatus();
}

Status MaySpeakFor(const Peer& peer, std::string_view host) {
  if (peer.role == tls::Role::kHost && peer.name == host) return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format(
      "the certificate of {} '{}' does not let it report for host '{}': give the agent the name in "
      "its certificate, or a certificate of its own with `fleetsync agent install`",
      tls::ToString(peer.role), Printable(peer.name), Printable(host)));
}

}  // namespace fleetsync::ca
