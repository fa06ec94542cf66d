#include "controller/ca/authority.h"

#include <openssl/err.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"

namespace fleetsync::ca {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const SystemTime kBuilt{seconds(FLEETSYNC_BUILT_AT)};
constexpr Duration kClockSlack = hours(1);         // of small steps back of a clock that is right
constexpr Duration kKeepExpired = hours(24 * 90);  // in the register, for those who ask
constexpr size_t kCompactAt = 1000;                // lines that need not be kept any longer

// Holding the lock. Files that are there are kept: one that cannot be read is never replaced.
Status CreateMissing(const Folder& folder) {
  StatusOr<Issuer> authority = folder.ReadIssuer(folder.AuthorityFile());
  if (absl::IsNotFound(authority.status())) {
    authority = MakeAuthority();
    if (authority.ok()) FS_RETURN_IF_ERROR(folder.WriteIssuer(folder.AuthorityFile(), *authority));
  }
  if (!authority.ok()) return authority.status();
  Status controller = folder.ReadIssuer(folder.ControllerFile()).status();
  if (!absl::IsNotFound(controller)) return controller;
  FS_ASSIGN_OR_RETURN(const Issuer made, MakeController(*authority));
  return folder.WriteIssuer(folder.ControllerFile(), made);
}

}  // namespace

Authority::Authority(Folder folder, AuthorityOptions options, Issuer issuer)
    : folder_(std::move(folder)),
      options_(std::move(options)),
      issuer_(std::move(issuer)),
      certificate_(tls::CertificatePem(issuer_.certificate.get())) {}

StatusOr<std::unique_ptr<Authority>> Authority::Open(const std::string& folder,
                                                     AuthorityOptions options) {
  const Folder files(folder);
  StatusOr<Issuer> issuer = files.ReadIssuer(files.AuthorityFile());
  if (absl::IsNotFound(issuer.status()))
    return absl::NotFoundError(fmt::format(
        "there is no certificate authority in {}; `fleetsync ca init` makes one", folder));
  if (!issuer.ok()) return issuer.status();
  return std::unique_ptr<Authority>(new Authority(files, std::move(options), *std::move(issuer)));
}

StatusOr<std::unique_ptr<Authority>> Authority::OpenOrCreate(const std::string& folder,
                                                             AuthorityOptions options) {
  const Folder files(folder);
  FS_RETURN_IF_ERROR(files.Make());
  {
    FS_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(files));
    FS_RETURN_IF_ERROR(CreateMissing(files));
  }
  return Open(folder, std::move(options));
}

StatusOr<Identity> Authority::ServerIdentity() const {
  FS_ASSIGN_OR_RETURN(const Issuer controller, folder_.ReadIssuer(folder_.ControllerFile()));
  if (X509_verify(controller.certificate.get(), issuer_.key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(
        fmt::format("{} is of another authority than {}: take it away, and a new one is made",
                    folder_.ControllerFile(), folder_.AuthorityFile()));
  }
  return Identity{.authority = certificate_,
                  .certificate = tls::CertificatePem(controller.certificate.get()),
                  .key = tls::KeyPem(controller.key.get())};
}

// What was issued by a clock that was years ahead would stay valid for years, and one that is
// behind issues what has expired already.
Status Authority::CheckClock(const std::vector<Issued>& all, SystemTime now) const {
  if (now < kBuilt)
    return absl::FailedPreconditionError(fmt::format(
        "it is {} by the controller's clock, before this program was built ({}): set the clock "
        "before certificates are issued by it",
        FormatTime(now), FormatTime(kBuilt)));
  for (const Issued& issued : all) {
    if (issued.revoked || now >= issued.issued - kClockSlack) continue;
    return absl::FailedPreconditionError(fmt::format(
        "it is {} by the controller's clock, but certificate {} of '{}' was issued at {}: set the "
        "clock, or if it was wrong then, revoke that one with `fleetsync ca revoke {}`",
        FormatTime(now), issued.serial, Printable(issued.holder.name), FormatTime(issued.issued),
        issued.serial));
  }
  return absl::OkStatus();
}

Status Authority::Record(const Issued& issued) const {
  FS_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(folder_));
  FS_ASSIGN_OR_RETURN(std::vector<Issued> all, folder_.ReadRegister());
  FS_RETURN_IF_ERROR(CheckClock(all, issued.issued));
  const size_t dropped = std::erase_if(
      all, [&](const Issued& old) { return old.expires < issued.issued - kKeepExpired; });
  if (dropped < kCompactAt) return folder_.Append(IssuedLine(issued));
  all.push_back(issued);
  return folder_.WriteRegister(all);
}

StatusOr<std::string> Authority::Sign(const tls::Holder& holder, EVP_PKEY* public_key) const {
  const SystemTime now = std::chrono::floor<seconds>(options_.now());
  const Duration life =
      holder.role == tls::Role::kHost ? options_.host_life : options_.operator_life;
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr certificate,
                      MakeFor(holder, now + life, public_key, issuer_));
  FS_RETURN_IF_ERROR(Record({.serial = tls::SerialOf(certificate.get()),
                             .holder = holder,
                             .issued = now,
                             .expires = now + life,
                             .revoked = std::nullopt}));
  return tls::CertificatePem(certificate.get()) + certificate_;
}

StatusOr<Identity> Authority::Issue(const tls::Holder& holder) const {
  FS_ASSIGN_OR_RETURN(const tls::KeyPtr key, tls::MakeKey());
  FS_ASSIGN_OR_RETURN(std::string chain, Sign(holder, key.get()));
  return Identity{
      .authority = certificate_, .certificate = std::move(chain), .key = tls::KeyPem(key.get())};
}

StatusOr<Identity> Authority::IssueHost(std::string_view name) const {
  return Issue({.role = tls::Role::kHost, .name = std::string(name)});
}

StatusOr<Identity> Authority::IssueOperator(std::string_view name) const {
  return Issue({.role = tls::Role::kOperator, .name = std::string(name)});
}

StatusOr<std::string> Authority::SignRequest(std::string_view request_der,
                                             std::string_view name) const {
  FS_ASSIGN_OR_RETURN(const tls::KeyPtr key, tls::KeyOfRequest(request_der));
  return Sign({.role = tls::Role::kHost, .name = std::string(name)}, key.get());
}

StatusOr<std::vector<Issued>> Authority::Revoke(std::string_view what) const {
  const SystemTime now = std::chrono::floor<seconds>(options_.now());
  FS_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(folder_));
  FS_ASSIGN_OR_RETURN(const std::vector<Issued> all, folder_.ReadRegister());
  std::vector<Issued> revoked;
  std::string lines;
  for (const Issued& issued : all) {
    const bool meant =
        issued.serial == what || (issued.holder.name == what && issued.expires > now);
    if (!meant || issued.revoked) continue;
    revoked.push_back(issued);
    revoked.back().revoked = now;
    lines += RevokedLine(issued.serial, now);
  }
  if (revoked.empty())
    return absl::NotFoundError(fmt::format(
        "no valid certificate is of '{}' or has this serial; `fleetsync ca list` lists them",
        Printable(what)));
  FS_RETURN_IF_ERROR(folder_.Append(lines));
  return revoked;
}

}  // namespace fleetsync::ca
