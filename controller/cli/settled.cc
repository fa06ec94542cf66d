#include "controller/cli/settled.h"

#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "controller/cli/context.h"
#include "controller/render/heading.h"
#include "fmt/format.h"
#include "inventory/network.h"
#include "inventory/variables.h"

namespace fleetsync::cli {
namespace {

constexpr size_t kMaxFileSize = size_t{64} << 20;

// Of this program: another version may want another thing of the same policy.
std::string ProgramStamp() {
  struct stat self {};
  if (stat("/proc/self/exe", &self) != 0) return FLEETSYNC_VERSION;
  return fmt::format("{} {} {}.{}", FLEETSYNC_VERSION, self.st_size, self.st_mtim.tv_sec,
                     self.st_mtim.tv_nsec);
}

std::string DigestOf(const inventory::Host& host, const policy::TimePolicy& policy) {
  std::string text = fmt::format("{}\n{}\n{}\n{} {} {}\n", ProgramStamp(), policy.host,
                                 policy.inventory, static_cast<int>(policy.role),
                                 static_cast<int>(policy.daemon), policy.local_stratum.value_or(0));
  for (const inventory::TimeSource& source : policy.sources)
    text += inventory::ToString(source) + "\n";
  for (const inventory::Network& network : policy.allow)
    text += inventory::ToString(network) + "\n";
  for (const std::string& line : policy.extra) text += line + "\n";
  if (policy.keys != nullptr)
    for (const policy::TimeKey& key : *policy.keys)
      text += fmt::format("{} {}\n", key.id, Sha256Hex(key.bytes.Reveal()));
  for (const auto& [key, variable] : inventory::AllVariables(host)) {
    text += key + "=" + variable.text;
    for (const std::string& word : variable.words) text += "\n" + word;
    text += "\n";
  }
  return Sha256Hex(text);
}

}  // namespace

SettledHosts::SettledHosts(const CommonOptions& options)
    : path_((std::filesystem::path(DbPath(options)).parent_path() / "settled").string()) {
  const StatusOr<std::string> text = ReadFile(path_, kMaxFileSize);
  if (!text.ok()) return;
  for (const std::string_view line : Split(*text, '\n')) {
    const auto words = SplitWords(line);
    if (words.size() == 3)
      hosts_[std::string(words[0])] = {std::string(words[1]), std::string(words[2])};
  }
}

std::string SettledHosts::Fingerprint(const inventory::Host& host,
                                      const policy::TimePolicy& policy) const {
  const auto found = hosts_.find(host.name);
  if (found == hosts_.end() || found->second.policy != DigestOf(host, policy)) return "";
  return found->second.fingerprint;
}

void SettledHosts::Remember(const std::vector<push::HostResult>& results,
                            const std::vector<policy::TimePolicy>& policies) {
  bool changed = false;
  for (size_t i = 0; i < results.size(); ++i) {
    const inventory::Host& host = *results[i].host;
    const std::string& fingerprint = results[i].result.fingerprint;
    if (fingerprint.empty()) continue;
    Entry entry{DigestOf(host, policies[i]), Printable(fingerprint)};
    Entry& known = hosts_[host.name];
    changed = changed || known.policy != entry.policy || known.fingerprint != entry.fingerprint;
    known = std::move(entry);
  }
  if (!changed) return;
  std::string text;
  for (const auto& [host, entry] : hosts_)
    text += fmt::format("{} {} {}\n", host, entry.policy, entry.fingerprint);
  if (const Status written = WriteFileAtomically(path_, text, 0600); !written.ok())
    PrintError("remembering which hosts are as they should be: " + Message(written));
}

}  // namespace fleetsync::cli
