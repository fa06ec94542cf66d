#include "controller/ssh/ssh_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"
#include "inventory/ssh_config_hosts.h"

namespace fleetsync::ssh {
namespace {

constexpr size_t kLargestFile = size_t{1} << 20;
constexpr int kDeepestInclude = 16;  // as ssh

std::string Lower(std::string_view s) {
  std::string lower(s);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : SplitWords(text)) words.emplace_back(word);
  return words;
}

std::string UnlessNone(std::string_view value) {
  return Lower(value) == "none" ? "" : std::string(value);
}

bool IsUsed(std::string_view keyword) {
  constexpr std::array<std::string_view, 14> kUsed{"canonicalizehostname",
                                                   "globalknownhostsfile",
                                                   "hostkeyalias",
                                                   "hostname",
                                                   "identitiesonly",
                                                   "identityagent",
                                                   "identityfile",
                                                   "match",
                                                   "port",
                                                   "proxycommand",
                                                   "proxyjump",
                                                   "stricthostkeychecking",
                                                   "user",
                                                   "userknownhostsfile"};
  return std::find(kUsed.begin(), kUsed.end(), keyword) != kUsed.end();
}

std::vector<std::string> ReadIncluded(std::string_view patterns, const std::string& relative_to,
                                      const std::string& home) {
  std::vector<std::string> texts;
  for (inventory::SshConfigFile& file :
       inventory::ReadIncludedSshConfigs(patterns, relative_to, home))
    texts.push_back(std::move(file.text));
  return texts;
}

bool Matters(std::string_view text, int depth,
             const std::function<std::vector<std::string>(std::string_view)>& read_included) {
  for (const std::string_view line : Split(text, '\n')) {
    const auto [keyword, rest] = inventory::SplitSshConfigLine(line);
    if (keyword.empty()) continue;
    if (IsUsed(keyword)) return true;
    if (keyword != "include") continue;
    if (depth >= kDeepestInclude) return true;
    for (const std::string& included : read_included(rest))
      if (Matters(included, depth + 1, read_included)) return true;
  }
  return false;
}

}  // namespace

SshConfig ParseSshConfig(std::string_view text) {
  SshConfig config;
  for (const std::string_view line : Split(text, '\n')) {
    const auto [keyword, value] = inventory::SplitSshConfigLine(line);
    if (value.empty()) continue;
    if (keyword == "hostname") config.hostname = value;
    if (keyword == "user") config.user = value;
    if (keyword == "identityfile") config.identity_files.emplace_back(value);
    if (keyword == "identitiesonly") config.identities_only = Lower(value) == "yes";
    if (keyword == "identityagent") config.identity_agent = value;
    if (keyword == "userknownhostsfile") config.user_known_hosts = Words(value);
    if (keyword == "globalknownhostsfile") config.global_known_hosts = Words(value);
    if (keyword == "hostkeyalias") config.host_key_alias = UnlessNone(value);
    if (keyword == "proxyjump") config.proxy_jump = UnlessNone(value);
    if (keyword == "proxycommand") config.proxy_command = UnlessNone(value);
    if (keyword == "stricthostkeychecking") {
      const std::string mode = Lower(value);
      config.accept_new = mode == "accept-new" || mode == "no" || mode == "off" || mode == "false";
    }
    if (keyword == "port") {
      uint16_t port = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (error == std::errc() && end == value.data() + value.size() && port != 0)
        config.port = port;
    }
  }
  return config;
}

std::vector<std::string> SshConfigCommand(const std::string& config_file, const std::string& host,
                                          const std::string& user, std::optional<uint16_t> port) {
  std::vector<std::string> argv{"ssh", "-G"};
  const auto add = [&argv](const char* option, const std::string& value) {
    argv.emplace_back(option);
    argv.push_back(value);
  };
  if (!config_file.empty()) add("-F", config_file);
  if (!user.empty()) add("-l", user);
  if (port) add("-p", fmt::to_string(*port));
  add("--", host);
  return argv;
}

bool SshConfigMatters(
    std::string_view text,
    const std::function<std::vector<std::string>(std::string_view pattern)>& read_included) {
  return Matters(text, 0, read_included);
}

bool SshConfigFilesMatter(const std::string& config_file, const std::string& home) {
  const auto matters = [&home](const std::string& path, const std::string& folder) {
    const StatusOr<std::string> text = ReadFile(path, kLargestFile);
    return text.ok() && SshConfigMatters(*text, [&](std::string_view patterns) {
             return ReadIncluded(patterns, folder, home);
           });
  };
  const std::string user_folder = home + "/.ssh/", system_folder = "/etc/ssh/";
  if (!config_file.empty()) return matters(config_file, user_folder);
  return matters(user_folder + "config", user_folder) ||
         matters(system_folder + "ssh_config", system_folder);
}

}  // namespace fleetsync::ssh
