// known_hosts files as they may be: a key that no line holds is never known, one that was added is
// known unless a line revokes it, and no answer depends on the letters' case.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/ssh/known_hosts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fleetsync::ssh::HostKey;
  using fleetsync::ssh::KnownHosts;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const HostKey key{"ssh-ed25519",
                    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"};
  const HostKey stranger{"ssh-ed25519",
                         "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
  for (const int port : {22, 2222}) {
    KnownHosts known;
    known.Parse(text, "file");
    const bool is_there = text.find(stranger.base64) != std::string_view::npos;
    if (!is_there && known.Check("web01", port, stranger).verdict == KnownHosts::Verdict::kKnown)
      std::abort();
    if (known.Check("web01", port, key).verdict != known.Check("WEB01", port, key).verdict)
      std::abort();
    for (const std::string& type : known.KeyTypes("web01", port))
      if (text.find(type) == std::string_view::npos) std::abort();
    known.Add("web01", port, key);
    const KnownHosts::Verdict verdict = known.Check("web01", port, key).verdict;
    const bool may_be_revoked = text.find("@revoked") != std::string_view::npos;
    if (verdict != KnownHosts::Verdict::kKnown &&
        !(may_be_revoked && verdict == KnownHosts::Verdict::kRevoked))
      std::abort();
  }
  return 0;
}
