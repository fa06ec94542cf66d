#include "agent/report/identity.h"

#include <openssl/err.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"

namespace fleetsync::report {
namespace {

constexpr size_t kLargestPem = size_t{64} * 1024;
constexpr unsigned kOwnerOnly = 0600;
constexpr Duration kRenewBefore = std::chrono::hours(24 * 10);
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";

std::string AuthorityFile(const std::string& folder) { return folder + "/ca.pem"; }
std::string HostFile(const std::string& folder) { return folder + "/host.pem"; }
std::string KeyFile(const std::string& folder) { return folder + "/host.key"; }

StatusOr<std::string> ReadPem(const std::string& file) {
  StatusOr<std::string> pem = ReadFile(file, kLargestPem);
  if (absl::IsNotFound(pem.status()))
    return absl::NotFoundError(fmt::format(
        "{} is missing: `fleetsync agent install` at the controller gives this host a certificate",
        file));
  return pem;
}

// Of the file that has the key.
StatusOr<Secret> ReadKey(const std::string& folder, const std::string& host_pem) {
  const bool renewed = host_pem.find("PRIVATE KEY") != std::string::npos;
  const std::string file = renewed ? HostFile(folder) : KeyFile(folder);
  FS_ASSIGN_OR_RETURN(std::string pem, renewed ? StatusOr<std::string>(host_pem) : ReadPem(file));
  Secret secret(std::move(pem));
  FS_ASSIGN_OR_RETURN(const unsigned mode, FileMode(file));
  if ((mode & 077) != 0)
    return absl::FailedPreconditionError(fmt::format(
        "{} has this host's private key and others may read it: chmod 600 it, and if somebody may "
        "have read it, `fleetsync ca revoke` and `fleetsync agent install` at the controller",
        file));
  StatusOr<tls::KeyPtr> key = tls::ParseKey(secret.Reveal());
  if (!key.ok()) return Annotate(key.status(), file);
  return tls::KeyPem(key->get());
}

// `chain` is issued by `authority`. The times are not looked at: this host's clock may be wrong.
Status CheckIssuer(X509* certificate, const std::string& authority) {
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr issuer, tls::ParseCertificate(authority));
  const bool good = X509_check_issued(issuer.get(), certificate) == X509_V_OK &&
                    X509_verify(certificate, X509_get0_pubkey(issuer.get())) == 1;
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError("it is not of the authority in ca.pem");
}

}  // namespace

StatusOr<Identity> ReadIdentity(const std::string& folder) {
  Identity identity;
  FS_ASSIGN_OR_RETURN(identity.authority, ReadPem(AuthorityFile(folder)));
  FS_ASSIGN_OR_RETURN(std::string host_pem, ReadPem(HostFile(folder)));
  FS_ASSIGN_OR_RETURN(identity.key, ReadKey(folder, host_pem));
  const size_t begin = host_pem.find(kBegin);
  identity.certificate = begin == std::string::npos ? "" : host_pem.substr(begin);
  WipeString(host_pem);
  const StatusOr<tls::CertificatePtr> certificate = tls::ParseCertificate(identity.certificate);
  if (!certificate.ok()) return Annotate(certificate.status(), HostFile(folder));
  FS_ASSIGN_OR_RETURN(const tls::KeyPtr key, tls::ParseKey(identity.key.Reveal()));
  const bool belong = X509_check_private_key(certificate->get(), key.get()) == 1;
  ERR_clear_error();
  if (!belong)
    return absl::InvalidArgumentError(fmt::format(
        "{}: the key is not that of the certificate; `fleetsync agent install` at the controller "
        "gives new ones",
        HostFile(folder)));
  const tls::CertificateText text = tls::ReadCertificate(certificate->get());
  identity.host = text.holder ? text.holder->name : "";
  identity.expires = text.not_after;
  return identity;
}

bool RenewalDue(SystemTime now, SystemTime expires) { return now > expires - kRenewBefore; }

StatusOr<Renewal> Renewal::Begin() {
  FS_ASSIGN_OR_RETURN(tls::KeyPtr key, tls::MakeKey());
  FS_ASSIGN_OR_RETURN(std::string request, tls::MakeRequest(key.get()));
  return Renewal(std::move(key), std::move(request));
}

Status Renewal::Check(const Identity& old, std::string_view chain_pem) const {
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr certificate, tls::ParseCertificate(chain_pem));
  FS_RETURN_IF_ERROR(CheckIssuer(certificate.get(), old.authority));
  const bool ours = X509_check_private_key(certificate.get(), key_.get()) == 1;
  ERR_clear_error();
  if (!ours) return absl::InvalidArgumentError("it is for another key than was asked for");
  const tls::CertificateText text = tls::ReadCertificate(certificate.get());
  if (!text.holder || text.holder->role != tls::Role::kHost || text.holder->name != old.host)
    return absl::InvalidArgumentError(
        fmt::format("it is not made out to host '{}'", Printable(old.host)));
  return absl::OkStatus();
}

Status Renewal::Store(const std::string& folder, std::string_view chain_pem) const {
  FS_ASSIGN_OR_RETURN(const Identity old, ReadIdentity(folder));
  if (chain_pem.size() > kLargestPem / 2)
    return absl::InvalidArgumentError("the controller's new certificate is too large");
  if (const Status status = Check(old, chain_pem); !status.ok())
    return Annotate(status, "the controller's new certificate is not taken");
  const Secret key = tls::KeyPem(key_.get());
  if (key.empty()) return tls::OpenSslError("writing the new key");
  const Secret both(fmt::format("{}{}", key.Reveal(), chain_pem));
  FS_RETURN_IF_ERROR(WriteFileAtomically(HostFile(folder), both.Reveal(), kOwnerOnly));
  if (unlink(KeyFile(folder).c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, "removing the old key " + KeyFile(folder));
}

}  // namespace fleetsync::report
