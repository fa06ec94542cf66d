#include "controller/deploy/host_state.h"

#include "base/text.h"
#include "controller/deploy/scripts.h"

namespace fleetsync::deploy {
namespace {

constexpr std::string_view kBegin = "\nfleetsync-agent-probe 1 begin\n";
constexpr std::string_view kEnd = "\nfleetsync-agent-probe 1 end\n";

// "SUM MODE PATH"
void PutFile(std::string_view value, HostState& state) {
  const std::vector<std::string_view> words = SplitWords(value);
  constexpr size_t kHexDigits = 64;
  if (words.size() != 3 || words[0].size() != kHexDigits) return;
  state.files[std::string(words[2])] = {.sha256 = std::string(words[0]),
                                        .mode = std::string(words[1].substr(0, 10))};
}

void PutLine(std::string_view line, HostState& state) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
  if (key == "sha256_tool") state.sha256_tool = Printable(value);
  if (key == "file") PutFile(value, state);
  if (key == "gzip") state.has_gzip = true;
  if (key == "user") state.has_user = true;
  if (key == "time_user") state.has_time_user = true;
  if (key == "retired") state.has_retired = true;
  if (key == "tls_certificate") state.identity.certificate += std::string(value) + "\n";
  if (key == "running") state.running = true;
  if (key == "enabled") state.enabled = true;
  if (key == "can_enable") state.can_enable = true;
  if (key == "unfinished") state.unfinished = true;
}

}  // namespace

std::string HostState::version() const {
  const facts::DaemonFact* agent = facts.Find(facts::Daemon::kAgent);
  return agent == nullptr ? "" : agent->version;
}

std::string HostStateScript() {
  return std::string(facts::ProbeScript()) + "\n" + std::string(AgentProbeScript());
}

StatusOr<HostState> ParseHostState(std::string_view output) {
  HostState state;
  FS_ASSIGN_OR_RETURN(state.facts, facts::ParseProbe(output));
  const size_t begin = output.rfind(kBegin);
  if (begin == std::string_view::npos)
    return absl::DataLossError("reading what of the agent is there: the answer was cut off");
  const std::string_view rest = output.substr(begin + kBegin.size() - 1);
  const size_t end = rest.find(kEnd);
  if (end == std::string_view::npos)
    return absl::DataLossError("reading what of the agent is there: the answer was cut off");
  state.keeps_clock = facts::AgentKeepsClock(state.facts);
  int private_files = 0;
  for (const std::string_view line : Split(rest.substr(0, end), '\n')) {
    PutLine(line, state);
    if (line.starts_with("tls=-rw-------")) ++private_files;  // each is the reporter's
  }
  // Not a file of the installation's own: the identity is compared as a whole.
  if (const auto node = state.files.extract(std::string(kTlsFolder) + "/ca.pem"); !node.empty())
    state.identity.authority_sha256 = node.mapped().sha256;
  constexpr int kFiles = 3;
  state.identity.complete = private_files == kFiles;
  return state;
}

}  // namespace fleetsync::deploy
