#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"

namespace fleetsync::ssh {

// A host's public key as known_hosts(5) writes it.
struct HostKey {
  std::string type;    // "ssh-ed25519"
  std::string base64;  // the key blob
  friend bool operator==(const HostKey&, const HostKey&) = default;
};

// "ED25519 SHA256:…", as ssh prints it.
std::string Fingerprint(const HostKey& key);

// "web07", or "[web07]:2222" when the port is not 22: the name that known_hosts(5) files use.
std::string KnownHostsName(std::string_view host, int port);

// What the files of one set of known_hosts(5) files say, parsed once a run: plain and hashed names,
// patterns, @revoked and @cert-authority. Host certificates are not verified (libssh 0.10 cannot),
// so a @cert-authority line makes no key known; it is told apart so that the message can say so.
// One thread.
class KnownHosts {
 public:
  enum class Verdict : unsigned char { kKnown, kUnknown, kChanged, kRevoked };
  struct Answer {
    Verdict verdict = Verdict::kUnknown;
    HostKey known;                // kChanged: the key that was expected
    std::string where;            // "FILE:LINE" of the entry that decided
    std::string authority_where;  // kUnknown: of a @cert-authority line for this host, or empty
  };

  KnownHosts();
  ~KnownHosts();
  KnownHosts(const KnownHosts&) = delete;
  KnownHosts& operator=(const KnownHosts&) = delete;

  // Adds the entries of one file's text. Lines that are malformed are skipped, as ssh does.
  void Parse(std::string_view text, const std::string& file);
  // Adds one file; a file that does not exist is an empty one. PermissionDenied, OutOfRange.
  Status Load(const std::string& file);

  // A key of another type than those known counts as changed: the host has been asked for the
  // known types first (KeyTypes) and did not have them.
  Answer Check(std::string_view host, int port, const HostKey& key) const;

  // Types of the keys known for this host, in the order of the files.
  std::vector<std::string> KeyTypes(std::string_view host, int port) const;

  // From now on this key is known.
  void Add(std::string_view host, int port, const HostKey& key);

 private:
  struct Entry;
  struct HashedName;

  void AddNames(std::string_view names, size_t entry);
  bool AddHashed(std::string_view name, size_t entry);
  const std::vector<size_t>& Matching(const std::string& name) const;  // indexes, in file order
  Answer CheckName(const std::string& name, const HostKey& key) const;

  std::vector<Entry> entries_;
  std::unordered_multimap<std::string, size_t> by_name_;  // name → index in entries_
  std::vector<HashedName> hashed_;
  std::vector<std::pair<std::string, size_t>> patterns_;  // whole lists with * ? or !
  // Hashed names can only be tried one by one; each host asks twice.
  mutable std::unordered_map<std::string, std::vector<size_t>> matched_;
};

// Appends a key to a known_hosts(5) file under a lock on it, as one write; the file and its folder
// are made when missing (0600, 0700). May wait for the lock.
Status AppendKnownHost(const std::string& file, std::string_view host, int port,
                       const HostKey& key);

}  // namespace fleetsync::ssh
