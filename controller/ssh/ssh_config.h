#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace fleetsync::ssh {

// The values of ssh_config(5) that are used, for one host, as `ssh -G` prints them.
struct SshConfig {
  std::string hostname;
  std::optional<uint16_t> port;
  std::string user;
  std::vector<std::string> identity_files;  // as printed: "~/" is not expanded
  bool identities_only = false;
  std::string identity_agent;  // "" : $SSH_AUTH_SOCK; "none"
  std::vector<std::string> user_known_hosts;
  std::vector<std::string> global_known_hosts;
  std::string host_key_alias;
  std::string proxy_jump;     // "" : none
  std::string proxy_command;  // "" : none; for a shell, with %-tokens
  bool accept_new = false;    // StrictHostKeyChecking accept-new or no
};

// Reads the output of `ssh -G`. Lines that are not understood are skipped.
SshConfig ParseSshConfig(std::string_view text);

// `ssh -G`'s argument vector for a host: what the inventory knows takes part in Match lines.
std::vector<std::string> SshConfigCommand(const std::string& config_file, const std::string& host,
                                          const std::string& user, std::optional<uint16_t> port);

// True when some ssh_config file sets a value that is used, so that `ssh -G` (5 ms of CPU a host)
// is worth running: a distribution's default file, which sets locale variables and hashing, is not.
// `text` is the file's; `read_included` gives the texts of the files that an Include line names.
bool SshConfigMatters(
    std::string_view text,
    const std::function<std::vector<std::string>(std::string_view pattern)>& read_included);

// The same for the files that ssh would read: `config_file` alone when it is not empty, otherwise
// ~/.ssh/config and /etc/ssh/ssh_config. Unreadable files count as absent.
bool SshConfigFilesMatter(const std::string& config_file, const std::string& home);

}  // namespace fleetsync::ssh
