#include "controller/cli/source_gate.h"

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "controller/sync/kernel_clock.h"
#include "controller/sync/ntp_query.h"
#include "controller/sync/source_check.h"

namespace fleetsync::cli {
namespace {

constexpr size_t kMaxFileSize = size_t{1} << 20;
constexpr int kSamples = 2;  // one may be lost

// Relays that this run sets up, by every name that a client may know them by.
std::set<std::string> OwnRelays(const Chosen& chosen) {
  std::set<std::string> names;
  for (const inventory::Host* host : chosen.hosts) {
    if (host->role != inventory::Role::kRelay) continue;
    names.insert(host->name);
    names.insert(host->connection.address);
  }
  return names;
}

}  // namespace

SourceGate::SourceGate(const Context& context)
    : context_(context),
      path_((std::filesystem::path(DbPath(context.options)).parent_path() / "sources").string()) {
  const StatusOr<std::string> text = ReadFile(path_, kMaxFileSize);
  if (!text.ok()) return;  // none is known: all are asked
  for (const std::string_view name : Split(*text, '\n'))
    if (!name.empty()) known_.emplace(name);
}

bool SourceGate::Admit(const Chosen& chosen, const std::vector<policy::TimePolicy>& policies) {
  const std::set<std::string> own = OwnRelays(chosen);
  std::set<std::string> all, fresh;
  for (const policy::TimePolicy& policy : policies)
    for (const inventory::TimeSource& source : policy.sources) {
      if (own.contains(source.address)) continue;
      all.insert(source.address);
      if (!known_.contains(source.address)) fresh.insert(source.address);
    }
  if (fresh.empty()) return true;
  const std::vector<sync::RelayState> states =
      sync::QueryServers({all.begin(), all.end()}, {.samples = kSamples}, *context_.stop);
  const sync::SourceFindings findings = sync::JudgeSources(states, fresh, sync::ReadKernelClock());
  for (const std::string& warning : findings.warnings)
    PrintError("warning: new source: " + warning);
  for (const std::string& refusal : findings.refusals) PrintError("new source: " + refusal);
  if (findings.refusals.empty()) return true;
  PrintError("no host was contacted; name other sources, or push with --unchecked-sources");
  return false;
}

void SourceGate::Remember(const std::vector<push::HostResult>& results,
                          const std::vector<policy::TimePolicy>& policies) {
  const size_t before = known_.size();
  for (size_t i = 0; i < results.size(); ++i) {
    const push::Outcome outcome = results[i].result.outcome;
    if (outcome != push::Outcome::kChanged && outcome != push::Outcome::kUnchanged) continue;
    for (const inventory::TimeSource& source : policies[i].sources) known_.insert(source.address);
  }
  if (known_.size() == before) return;
  std::string text;
  for (const std::string& name : known_) text += name + "\n";
  if (const Status written = WriteFileAtomically(path_, text, 0600); !written.ok())
    PrintError("remembering the sources that were pushed: " + Message(written));
}

}  // namespace fleetsync::cli
