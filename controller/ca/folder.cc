#include "controller/ca/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "fmt/format.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"

namespace fleetsync::ca {
namespace {

constexpr size_t kLargestPem = size_t{64} * 1024;
constexpr size_t kLargestRegister = size_t{256} * 1024 * 1024;
constexpr unsigned kOwnerOnly = 0600;

Status CheckMode(const std::string& file) {
  FS_ASSIGN_OR_RETURN(const unsigned mode, FileMode(file));
  if ((mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} has a private key and others may read it: chmod 600 it, and if somebody may have read "
      "it, make a new authority (docs/tls.md)",
      file));
}

// Drops the line that was being written when the machine stopped.
Status DropTornLine(int fd, const std::string& file, const std::string& text) {
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (whole == text.size() || ftruncate(fd, static_cast<off_t>(whole)) == 0)
    return absl::OkStatus();
  return ErrnoStatus(errno, "mending " + file);
}

}  // namespace

Status Folder::Make() const {
  std::error_code error;
  const std::filesystem::path above = std::filesystem::path(path_).parent_path();
  if (!above.empty()) std::filesystem::create_directories(above, error);
  if (error) return ErrnoStatus(error.value(), "making " + above.string());
  if (mkdir(path_.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, "making " + path_);
}

StatusOr<Issuer> Folder::ReadIssuer(const std::string& file) const {
  FS_ASSIGN_OR_RETURN(std::string pem, ReadFile(file, kLargestPem));
  const Secret wiped(std::move(pem));
  FS_RETURN_IF_ERROR(CheckMode(file));
  StatusOr<tls::KeyPtr> key = tls::ParseKey(wiped.Reveal());
  if (!key.ok()) return Annotate(key.status(), file);
  StatusOr<tls::CertificatePtr> certificate = tls::ParseCertificate(wiped.Reveal());
  if (!certificate.ok()) return Annotate(certificate.status(), file);
  if (X509_check_private_key(certificate->get(), key->get()) != 1)
    return tls::OpenSslError(file + ": the key is not that of the certificate");
  return Issuer{.key = *std::move(key), .certificate = *std::move(certificate)};
}

Status Folder::WriteIssuer(const std::string& file, const Issuer& issuer) const {
  const Secret key = tls::KeyPem(issuer.key.get());
  const std::string certificate = tls::CertificatePem(issuer.certificate.get());
  if (key.empty() || certificate.empty()) return tls::OpenSslError("writing " + file);
  const Secret both(std::string(key.Reveal()) + certificate);
  return WriteFileAtomically(file, both.Reveal(), kOwnerOnly);
}

StatusOr<std::vector<Issued>> Folder::ReadRegister() const {
  const StatusOr<std::string> text = ReadFile(RegisterFile(), kLargestRegister);
  if (absl::IsNotFound(text.status())) return std::vector<Issued>();
  if (!text.ok()) return text.status();
  StatusOr<std::vector<Issued>> all = ParseRegister(*text);
  if (!all.ok())
    return Annotate(all.status(),
                    fmt::format("{}: damaged, restore it from a backup", RegisterFile()));
  return all;
}

Status Folder::Append(std::string_view lines) const {
  const std::string file = RegisterFile();
  if (access(file.c_str(), F_OK) != 0) return WriteFileAtomically(file, lines, kOwnerOnly);
  FS_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kLargestRegister));
  const Descriptor fd(open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd.open()) return ErrnoStatus(errno, "opening " + file);
  FS_RETURN_IF_ERROR(DropTornLine(fd.get(), file, text));
  const ssize_t written = write(fd.get(), lines.data(), lines.size());
  const bool whole = written == static_cast<ssize_t>(lines.size());
  if (!whole || fsync(fd.get()) != 0)
    return ErrnoStatus(written >= 0 && !whole ? ENOSPC : errno, "writing " + file);
  return absl::OkStatus();
}

Status Folder::WriteRegister(const std::vector<Issued>& all) const {
  return WriteFileAtomically(RegisterFile(), RegisterText(all), kOwnerOnly);
}

StatusOr<FolderLock> FolderLock::Take(const Folder& folder) {
  const std::string file = folder.path() + "/lock";
  Descriptor fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
  if (!fd.open()) return ErrnoStatus(errno, "opening " + file);
  while (flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return ErrnoStatus(errno, "locking " + file);
  return FolderLock(std::move(fd));
}

}  // namespace fleetsync::ca
