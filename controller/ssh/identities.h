#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/status.h"

struct ssh_key_struct;

namespace fleetsync::ssh {

using SharedKey = std::shared_ptr<ssh_key_struct>;  // read-only once loaded

// One private key file. Exactly one of these holds: `key` is set; `encrypted`; `problem` says why
// there is no key.
struct Identity {
  std::string path;
  SharedKey key;            // null: see below
  SharedKey certified_key;  // with PATH-cert.pub, when that exists
  std::string public_blob;  // base64, to recognise the key in an agent; empty when not known
  bool encrypted = false;   // needs its passphrase
  bool missing = false;     // with `problem`: there is no such file
  std::string problem;
};

// The private keys of a run: each file is read and parsed once and shared by all sessions. One
// thread.
class Identities {
 public:
  Identities() = default;
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;

  // Loads the file at its first use. A plain key costs 0.01 ms; an encrypted one is only
  // recognised. The reference stays valid.
  const Identity& Get(const std::string& path);

  // Decrypts (0.13 s: bcrypt is meant to be slow). PermissionDenied for a wrong passphrase.
  Status Unlock(const std::string& path, const Secret& passphrase);

 private:
  std::map<std::string, Identity> by_path_;
};

// Asks on the terminal without echo. FailedPrecondition when standard input is none.
StatusOr<Secret> AskPassphrase(const std::string& path);

}  // namespace fleetsync::ssh
