#include "controller/ssh/target.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

std::string ExpandHome(const std::string& path, const LocalUser& local) {
  return path.starts_with("~/") ? local.home + path.substr(1) : path;
}

std::vector<std::string> ExpandAll(const std::vector<std::string>& paths, const LocalUser& local) {
  std::vector<std::string> expanded;
  for (const std::string& path : paths)
    if (path != "none") expanded.push_back(ExpandHome(path, local));
  return expanded;
}

template <typename T>
const T& FirstNonEmpty(const T& first, const T& second) {
  return first.empty() ? second : first;
}

std::vector<std::string> KnownHostsFiles(const inventory::Connection& connection,
                                         const SshConfig& config, const LocalUser& local) {
  if (!connection.known_hosts.empty()) return connection.known_hosts;
  std::vector<std::string> files = ExpandAll(
      FirstNonEmpty(config.user_known_hosts, {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}), local);
  const std::vector<std::string> global =
      ExpandAll(FirstNonEmpty(config.global_known_hosts,
                              {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}),
                local);
  files.insert(files.end(), global.begin(), global.end());
  return files;
}

// Letters that neither a shell nor ssh gives a meaning in a host's or user's name.
bool IsPlain(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-@+";
  return !word.empty() && word[0] != '-' && word.find_first_not_of(kPlain) == std::string::npos;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// "host", "host:22", "[2001:db8::1]:22", "2001:db8::1".
std::optional<Hop> ParseHop(std::string_view text) {
  Hop hop;
  if (text.starts_with("ssh://")) text.remove_prefix(6);
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    hop.user = text.substr(0, at);
    if (!IsPlain(hop.user)) return std::nullopt;
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos && colon == text.rfind(':')) {
    port = text.substr(colon);
    text = text.substr(0, colon);
  }
  hop.host = text;
  if (!port.empty()) {
    const std::optional<uint16_t> number =
        port[0] == ':' ? ParsePort(port.substr(1)) : std::nullopt;
    if (!number) return std::nullopt;
    hop.port = *number;
  }
  if (!IsPlain(hop.host) || hop.host.find('@') != std::string::npos) return std::nullopt;
  return hop;
}

std::vector<std::string> HopOptions(const JumpOptions& options) {
  std::vector<std::string> words{"-o", "BatchMode=yes", "-o",
                                 fmt::format("ConnectTimeout={}", options.connect_seconds)};
  const auto add = [&words](const char* option, std::string value) {
    words.emplace_back(option);
    words.push_back(std::move(value));
  };
  if (!options.config_file.empty()) add("-F", options.config_file);
  for (const std::string& identity : options.identities) add("-i", identity);
  if (!options.known_hosts.empty())
    add("-o", "UserKnownHostsFile=" + Join(options.known_hosts, " "));
  if (options.accept_new) add("-o", "StrictHostKeyChecking=accept-new");
  return words;
}

}  // namespace

Target MakeTarget(const inventory::Host& host, const SshConfig& config, const LocalUser& local) {
  const inventory::Connection& connection = host.connection;
  Target target;
  target.address = FirstNonEmpty(connection.address, FirstNonEmpty(config.hostname, host.name));
  target.port = connection.port ? *connection.port : config.port.value_or(22);
  target.user = FirstNonEmpty(connection.user, FirstNonEmpty(config.user, local.name));
  target.key_name = FirstNonEmpty(config.host_key_alias, target.address);
  if (config.host_key_alias.empty() && host.name != target.address)
    target.inventory_name = host.name;
  target.identities_named = !connection.identities.empty();
  if (target.identities_named) {
    target.identities = connection.identities;
  } else {
    // ssh -G prints ssh's defaults too, so a missing file of it is no news.
    target.identities =
        ExpandAll(FirstNonEmpty(config.identity_files,
                                {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}),
                  local);
  }
  target.identities_only = config.identities_only || target.identities_named;
  target.identity_agent = ExpandHome(config.identity_agent, local);
  target.known_hosts = KnownHostsFiles(connection, config, local);
  target.proxy_jump = FirstNonEmpty(connection.proxy_jump, config.proxy_jump);
  if (target.proxy_jump == "none") target.proxy_jump.clear();
  if (connection.proxy_jump.empty()) target.proxy_command = config.proxy_command;
  target.accept_new = config.accept_new;
  return target;
}

StatusOr<std::vector<Hop>> ParseProxyJump(std::string_view text) {
  std::vector<Hop> hops;
  for (const std::string_view part : Split(text, ',')) {
    std::optional<Hop> hop = ParseHop(Trim(part));
    if (!hop)
      return absl::InvalidArgumentError(
          fmt::format("'{}' in proxy_jump is not [user@]host[:port]", Printable(part)));
    hops.push_back(*std::move(hop));
  }
  return hops;
}

std::vector<std::string> JumpCommand(const std::vector<Hop>& hops, const Target& target,
                                     const JumpOptions& options) {
  std::vector<std::string> command;
  for (size_t i = 0; i < hops.size(); ++i) {
    const Hop& hop = hops[i];
    const bool last = i + 1 == hops.size();
    std::vector<std::string> next{"ssh"};
    for (std::string& word : HopOptions(options)) next.push_back(std::move(word));
    if (!command.empty()) {
      // Not -J: ssh would not give these identities and known_hosts to the earlier hops.
      std::string proxy = "ProxyCommand=";
      for (const std::string& word : command) {
        if (&word != &command.front()) proxy += ' ';
        for (const char c : ShellQuote(word))
          proxy += c == '%' ? std::string("%%") : std::string(1, c);
      }
      next.insert(next.end(), {"-o", std::move(proxy)});
    }
    if (!hop.user.empty()) next.insert(next.end(), {"-l", hop.user});
    if (hop.port != 0) next.insert(next.end(), {"-p", fmt::to_string(hop.port)});
    const std::string to = last ? target.address : hops[i + 1].host;
    const int port = last ? target.port : hops[i + 1].port == 0 ? 22 : hops[i + 1].port;
    next.insert(next.end(), {"-W", fmt::format("[{}]:{}", to, port), "--", hop.host});
    command = std::move(next);
  }
  return command;
}

StatusOr<std::string> ExpandProxyCommand(std::string_view command, const Target& target) {
  for (const std::string* value : {&target.address, &target.user, &target.inventory_name})
    if (!value->empty() && !IsPlain(*value))
      return absl::InvalidArgumentError(fmt::format(
          "'{}' may not be part of a ProxyCommand: it is not a plain name", Printable(*value)));
  std::string expanded = "exec ";
  for (size_t i = 0; i < command.size(); ++i) {
    if (command[i] != '%' || i + 1 == command.size()) {
      expanded += command[i];
      continue;
    }
    switch (command[++i]) {
      case '%':
        expanded += '%';
        break;
      case 'h':
        expanded += target.address;
        break;
      case 'n':
        expanded += FirstNonEmpty(target.inventory_name, target.address);
        break;
      case 'p':
        expanded += fmt::to_string(target.port);
        break;
      case 'r':
        expanded += target.user;
        break;
      default:
        return absl::InvalidArgumentError(fmt::format(
            "ProxyCommand has %{}, which is not supported (only %h %n %p %r %%)", command[i]));
    }
  }
  return expanded;
}

}  // namespace fleetsync::ssh
