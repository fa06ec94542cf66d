#include "controller/doctor/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using facts::Facts;

// What distributions include from a daemon's file, as the probe reads it.
std::string_view IncludedFolder(Daemon daemon, std::string_view path) {
  constexpr std::array kChronyFolders = {"/etc/chrony/conf.d/", "/etc/chrony/sources.d/",
                                         "/etc/chrony.d/"};
  if (daemon == Daemon::kNtpsec) return path.starts_with("/etc/ntpsec/ntp.d/") ? path : "";
  if (daemon == Daemon::kTimesyncd)
    return path.starts_with("/etc/systemd/timesyncd.conf.d/") ? path : "";
  if (daemon != Daemon::kChrony) return "";
  const auto holds = [&](const char* folder) { return path.starts_with(folder); };
  return std::any_of(kChronyFolders.begin(), kChronyFolders.end(), holds) ? path : "";
}

void AddLines(const std::string& path, const facts::FileFact& file,
              std::vector<ConfigLine>& lines) {
  size_t number = 0;
  for (std::string_view line : Split(file.content, '\n')) {
    ++number;
    line = Trim(line);
    if (line.empty() || std::string_view("#!;%").find(line[0]) != std::string_view::npos) continue;
    std::vector<std::string_view> words = SplitWords(line.substr(0, line.find('#')));
    if (!words.empty()) lines.push_back({fmt::format("{}:{}", path, number), std::move(words)});
  }
}

void AddTimesyncSources(const ConfigLine& line, std::vector<NamedSource>& sources) {
  const size_t equals = line.words[0].find('=');
  if (line.words[0].substr(0, equals) != "NTP" || equals == std::string_view::npos) return;
  if (equals + 1 < line.words[0].size())
    sources.push_back({line.where, std::string(line.words[0].substr(equals + 1))});
  for (size_t i = 1; i < line.words.size(); ++i)
    sources.push_back({line.where, std::string(line.words[i])});
}

}  // namespace

std::string ConfigLine::Text() const {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : " ") + std::string(word);
  return text;
}

bool ConfigLine::Has(std::string_view word) const {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view ConfigLine::After(std::string_view word) const {
  const auto at = std::find(words.begin(), words.end(), word);
  return at == words.end() || at + 1 == words.end() ? std::string_view() : *(at + 1);
}

const DaemonFact* Keeper(const Facts& facts) {
  if (const DaemonFact* running = facts.Running()) return running;
  for (const DaemonFact& daemon : facts.daemons)
    if (daemon.enabled) return &daemon;
  return facts.daemons.size() == 1 ? &facts.daemons.front() : nullptr;
}

std::vector<ConfigLine> ConfigLines(const Facts& facts) {
  std::vector<ConfigLine> lines;
  const DaemonFact* keeper = Keeper(facts);
  if (keeper == nullptr) return lines;
  for (const auto& [path, file] : facts.files)
    if (path == keeper->config_path || !IncludedFolder(keeper->daemon, path).empty())
      AddLines(path, file, lines);
  return lines;
}

std::vector<NamedSource> NamedSources(const Facts& facts) {
  std::vector<NamedSource> sources;
  const DaemonFact* keeper = Keeper(facts);
  for (const ConfigLine& line : ConfigLines(facts)) {
    if (keeper->daemon == Daemon::kTimesyncd) {
      AddTimesyncSources(line, sources);
      continue;
    }
    constexpr std::array kKinds = {"server", "servers", "pool", "peer"};
    if (std::find(kKinds.begin(), kKinds.end(), line.words[0]) == kKinds.end()) continue;
    size_t at = 1;
    if (at < line.words.size() && (line.words[at] == "-4" || line.words[at] == "-6")) ++at;
    if (at >= line.words.size() || line.words[at].starts_with("127.127.")) continue;
    sources.push_back({line.where, std::string(line.words[at])});
  }
  return sources;
}

bool IsIpAddress(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string copy(text);
  return inet_pton(AF_INET, copy.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, copy.c_str(), address.data()) == 1;
}

}  // namespace fleetsync::doctor
