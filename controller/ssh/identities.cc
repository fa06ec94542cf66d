#include "controller/ssh/identities.h"

#include <fcntl.h>
#include <libssh/libssh.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr size_t kLargestKey = size_t{256} << 10;

SharedKey Share(ssh_key key) {
  return {key, [](ssh_key_struct* k) { ssh_key_free(k); }};
}

SharedKey Import(const std::string& text, const char* passphrase) {
  ssh_key key = nullptr;
  // Without a callback libssh asks nobody.
  if (ssh_pki_import_privkey_base64(text.c_str(), passphrase, nullptr, nullptr, &key) != SSH_OK)
    return nullptr;
  return Share(key);
}

std::string PublicBlob(ssh_key key) {
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) return "";
  std::string blob = base64;
  ssh_string_free_char(base64);
  return blob;
}

std::string PublicBlobOfFile(const std::string& path) {
  for (const std::string& file : {path + ".pub", path}) {
    ssh_key key = nullptr;
    if (ssh_pki_import_pubkey_file(file.c_str(), &key) != SSH_OK) continue;
    return PublicBlob(Share(key).get());
  }
  return "";
}

SharedKey WithCertificate(const std::string& text, const std::string& path,
                          const char* passphrase) {
  ssh_key certificate = nullptr;
  if (ssh_pki_import_cert_file((path + "-cert.pub").c_str(), &certificate) != SSH_OK)
    return nullptr;
  const SharedKey owned = Share(certificate);
  SharedKey key = Import(text, passphrase);
  if (key == nullptr || ssh_pki_copy_cert_to_privkey(certificate, key.get()) != SSH_OK)
    return nullptr;
  return key;
}

bool LooksLikeAKey(std::string_view text) {
  return text.find("PRIVATE KEY-----") != std::string_view::npos;
}

// OpenSSH ignores such keys, with a loud warning.
bool OthersCanRead(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 077) != 0;
}

Identity LoadIdentity(const std::string& path) {
  Identity identity{.path = path,
                    .key = nullptr,
                    .certified_key = nullptr,
                    .public_blob = "",
                    .encrypted = false,
                    .missing = false,
                    .problem = ""};
  StatusOr<std::string> text = ReadFile(path, kLargestKey);
  if (!text.ok()) {
    identity.missing = absl::IsNotFound(text.status());
    identity.problem = Message(text.status());
  } else if (!LooksLikeAKey(*text)) {
    identity.problem = path + " is not a private key";
  } else if (OthersCanRead(path)) {
    identity.problem = fmt::format("others can read {0}: chmod 600 {0}", ShellQuote(path));
  } else if (identity.key = Import(*text, nullptr); identity.key != nullptr) {
    identity.public_blob = PublicBlob(identity.key.get());
    identity.certified_key = WithCertificate(*text, path, nullptr);
  } else {
    identity.encrypted = true;
    identity.public_blob = PublicBlobOfFile(path);
  }
  if (text.ok()) WipeString(*text);
  return identity;
}

}  // namespace

const Identity& Identities::Get(const std::string& path) {
  const auto it = by_path_.find(path);
  if (it != by_path_.end()) return it->second;
  return by_path_.emplace(path, LoadIdentity(path)).first->second;
}

Status Identities::Unlock(const std::string& path, const Secret& passphrase) {
  Get(path);
  Identity& identity = by_path_.at(path);
  FS_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLargestKey));
  const std::string revealed(passphrase.Reveal());
  identity.key = Import(text, revealed.c_str());
  if (identity.key != nullptr)
    identity.certified_key = WithCertificate(text, path, revealed.c_str());
  WipeString(text);
  WipeString(const_cast<std::string&>(revealed));
  if (identity.key == nullptr)
    return absl::PermissionDeniedError(fmt::format("wrong passphrase for {}", path));
  identity.encrypted = false;
  identity.public_blob = PublicBlob(identity.key.get());
  return absl::OkStatus();
}

StatusOr<Secret> AskPassphrase(const std::string& path) {
  termios before{};
  if (tcgetattr(STDIN_FILENO, &before) != 0)
    return absl::FailedPreconditionError("standard input is not a terminal");
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  const std::string prompt = fmt::format("passphrase of {}: ", Printable(path));
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, prompt.data(), prompt.size());
  std::string line;
  char c = 0;
  ssize_t n = 0;
  while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') line += c;
  const int error = errno;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  written = write(STDERR_FILENO, "\n", 1);
  if (n < 0) return ErrnoStatus(error, "asking for a passphrase");
  return Secret(std::move(line));
}

}  // namespace fleetsync::ssh
