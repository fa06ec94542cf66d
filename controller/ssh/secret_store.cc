#include "controller/ssh/secret_store.h"

#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "controller/ssh/subprocess.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr size_t kLongestSecret = 4096;
constexpr Duration kCommandDeadline = std::chrono::seconds(60);  // it may ask somebody

Secret FirstLine(std::string text) {
  Secret secret(text.substr(0, text.find_first_of("\r\n")));
  WipeString(text);
  return secret;
}

StatusOr<Secret> ReadSecretFile(const std::string& path) {
  FS_ASSIGN_OR_RETURN(const unsigned mode, FileMode(path));
  if ((mode & 07) != 0)
    return absl::PermissionDeniedError(
        fmt::format("everybody can read {0}: chmod 600 {0}", ShellQuote(path)));
  FS_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLongestSecret));
  return FirstLine(std::move(text));
}

}  // namespace

StatusOr<Secret> ReadSecret(const inventory::SecretSource& source) {
  Secret secret;
  switch (source.kind) {
    case inventory::SecretSource::Kind::kFile: {
      FS_ASSIGN_OR_RETURN(secret, ReadSecretFile(source.value));
      break;
    }
    case inventory::SecretSource::Kind::kEnvironment: {
      const char* value = getenv(source.value.c_str());  // NOLINT(concurrency-mt-unsafe): never set
      if (value == nullptr)
        return absl::NotFoundError(
            fmt::format("the environment has no {}", Printable(source.value)));
      secret = Secret(value);
      break;
    }
    case inventory::SecretSource::Kind::kCommand: {
      StatusOr<std::string> text =
          RunProgram({"/bin/sh", "-c", source.value}, kCommandDeadline, kLongestSecret);
      // Without what it wrote: that may hold the secret.
      if (!text.ok())
        return absl::FailedPreconditionError("the command that prints the password failed");
      secret = FirstLine(*std::move(text));
      break;
    }
  }
  if (secret.empty()) return absl::NotFoundError("the password is empty");
  return secret;
}

void SecretStore::Get(const inventory::SecretSource& source, Callback callback) {
  std::shared_ptr<Slot>& slot = slots_[{source.kind, source.value}];
  if (slot != nullptr && slot->there) return callback(slot->result);
  if (slot != nullptr) return slot->waiting.push_back(std::move(callback));
  slot = std::make_shared<Slot>();
  slot->waiting.push_back(std::move(callback));
  pool_.Run([slot = slot, source, mailbox = loop_.mailbox()] {
    StatusOr<Secret> read = ReadSecret(source);
    Result result = read.ok() ? Result(std::make_shared<const Secret>(*std::move(read)))
                              : Result(read.status());
    mailbox->Post([slot, result = std::move(result)] {
      slot->there = true;
      slot->result = result;
      for (const Callback& waiting : std::exchange(slot->waiting, {})) waiting(slot->result);
    });
  });
}

}  // namespace fleetsync::ssh
