#include "controller/facts/config_paths.h"

#include "base/text.h"

namespace fleetsync::facts {
namespace {

std::string_view WithoutComment(std::string_view line) {
  line = Trim(line);
  if (!line.empty() && (line[0] == '!' || line[0] == ';' || line[0] == '%')) return {};
  return line.substr(0, line.find('#'));
}

}  // namespace

std::string DirectiveValue(std::string_view config, std::string_view directive) {
  std::string value;
  for (const std::string_view line : Split(config, '\n')) {
    const auto words = SplitWords(WithoutComment(line));
    if (words.size() < 2 || words[0] != directive) continue;
    value = words[1];
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
  }
  return value;
}

void FillPaths(DaemonFact& daemon, const Facts& facts) {
  const DaemonPaths paths = DefaultPaths(daemon.daemon, facts);
  if (daemon.config_path.empty()) daemon.config_path = paths.config;
  if (const auto file = facts.files.find(daemon.config_path); file != facts.files.end()) {
    const bool chrony = daemon.daemon == Daemon::kChrony;
    daemon.drift_path = DirectiveValue(file->second.content, "driftfile");
    daemon.keys_path = DirectiveValue(file->second.content, chrony ? "keyfile" : "keys");
  }
  if (daemon.drift_path.empty()) daemon.drift_path = paths.drift;
  if (daemon.keys_path.empty()) daemon.keys_path = paths.keys;
}

}  // namespace fleetsync::facts
