#include "controller/ca/verifier.h"

#include <openssl/err.h>

#include <cerrno>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"

namespace fleetsync::ca {
namespace {

using std::chrono::hours;

constexpr Duration kRenewUnknown = hours(24 * 10);  // before the end, when nobody knows the life
constexpr char kNewOne[] = "give it a new one with ";

std::string NewOneFor(const tls::Holder& holder) {
  if (holder.role == tls::Role::kHost)
    return fmt::format("{}`fleetsync agent install --limit {}`", kNewOne, Printable(holder.name));
  return fmt::format("{}`fleetsync ca issue --operator {}`", kNewOne, Printable(holder.name));
}

std::string Described(const tls::Holder& holder, std::string_view serial) {
  return fmt::format("certificate {} of {} '{}'", serial, tls::ToString(holder.role),
                     Printable(holder.name));
}

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::string Reason(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "is not of this fleet's authority";
    case X509_V_ERR_INVALID_PURPOSE:
      return "is not one to connect with";
    default:
      return X509_verify_cert_error_string(error);
  }
}

}  // namespace

StatusOr<std::unique_ptr<Verifier>> Verifier::Make(const Folder& folder,
                                                   std::string_view authority_pem) {
  FS_ASSIGN_OR_RETURN(const tls::CertificatePtr authority, tls::ParseCertificate(authority_pem));
  StorePtr store(X509_STORE_new());
  if (store == nullptr || X509_STORE_add_cert(store.get(), authority.get()) != 1)
    return tls::OpenSslError("preparing the check of certificates");
  return std::unique_ptr<Verifier>(new Verifier(folder, std::move(store)));
}

// Everything but the times, which are ours to judge.
Status Verifier::CheckSignature(X509* certificate) const {
  const std::unique_ptr<X509_STORE_CTX, tls::FreeWith<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), store_.get(), certificate, nullptr) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) != 1)
    return tls::OpenSslError("checking a certificate");
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (good) return absl::OkStatus();
  char subject[256] = "";
  X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
  return absl::UnauthenticatedError(
      fmt::format("certificate {} ({}) {}; hosts get theirs with `fleetsync agent install`",
                  tls::SerialOf(certificate), Printable(subject), Reason(error)));
}

Status Verifier::CheckTimes(const tls::Holder& holder, const std::string& serial,
                            SystemTime not_before, SystemTime not_after, SystemTime now) const {
  if (now < not_before)
    return absl::UnauthenticatedError(
        fmt::format("{} is not valid before {}, and it is {} by the controller's clock",
                    Described(holder, serial), FormatTime(not_before), FormatTime(now)));
  if (now > not_after)
    return absl::UnauthenticatedError(fmt::format(
        "{} expired at {}, and it is {} by the controller's clock; {}", Described(holder, serial),
        FormatTime(not_after), FormatTime(now), NewOneFor(holder)));
  return absl::OkStatus();
}

Status Verifier::Refresh() const {
  struct stat found {};
  if (stat(folder_.RegisterFile().c_str(), &found) != 0 && errno != ENOENT)
    return ErrnoStatus(errno, "reading " + folder_.RegisterFile());
  if (Same(found, read_)) return absl::OkStatus();
  FS_ASSIGN_OR_RETURN(const std::vector<Issued> all, folder_.ReadRegister());
  by_serial_.clear();
  for (const Issued& issued : all) by_serial_[issued.serial] = issued;
  read_ = found;
  return absl::OkStatus();
}

Status Verifier::CheckRevoked(const tls::Holder& holder, const std::string& serial) const {
  const MutexLock lock(mutex_);
  if (const Status status = Refresh(); !status.ok())
    return absl::UnavailableError(fmt::format(
        "the controller cannot tell which certificates are revoked: {}", Message(status)));
  const auto found = by_serial_.find(serial);
  if (found == by_serial_.end() || !found->second.revoked) return absl::OkStatus();
  return absl::UnauthenticatedError(
      fmt::format("{} was revoked at {}; {}", Described(holder, serial),
                  FormatTime(*found->second.revoked), NewOneFor(holder)));
}

StatusOr<Peer> Verifier::Verify(std::string_view pem, SystemTime now) const {
  if (pem.empty())
    return absl::UnauthenticatedError(
        "no certificate: hosts get theirs with `fleetsync agent install`, operators with "
        "`fleetsync ca issue --operator NAME`");
  const StatusOr<tls::CertificatePtr> certificate = tls::ParseCertificate(pem);
  if (!certificate.ok()) return absl::UnauthenticatedError(Message(certificate.status()));
  FS_RETURN_IF_ERROR(CheckSignature(certificate->get()));
  const tls::CertificateText text = tls::ReadCertificate(certificate->get());
  if (!text.holder)
    return absl::UnauthenticatedError(fmt::format(
        "certificate {} is made out neither to a host nor to an operator", text.serial));
  FS_RETURN_IF_ERROR(CheckTimes(*text.holder, text.serial, text.not_before, text.not_after, now));
  FS_RETURN_IF_ERROR(CheckRevoked(*text.holder, text.serial));
  return Peer{.role = text.holder->role,
              .name = text.holder->name,
              .serial = text.serial,
              .expires = text.not_after};
}

Status Verifier::StillGood(const Peer& peer, SystemTime now) const {
  if (peer.serial.empty()) return absl::OkStatus();  // proven by the file system
  const tls::Holder holder{.role = peer.role, .name = peer.name};
  FS_RETURN_IF_ERROR(CheckTimes(holder, peer.serial, SystemTime::min(), peer.expires, now));
  return CheckRevoked(holder, peer.serial);
}

bool Verifier::RenewalDue(const Peer& peer, SystemTime now) const {
  if (peer.serial.empty() || peer.expires == SystemTime::max()) return false;
  const MutexLock lock(mutex_);
  if (!Refresh().ok()) return false;  // such a peer is refused when it is next looked at
  const auto found = by_serial_.find(peer.serial);
  const Duration before = found == by_serial_.end()
                              ? kRenewUnknown
                              : (found->second.expires - found->second.issued) / 3;
  return now > peer.expires - before;
}

}  // namespace fleetsync::ca
