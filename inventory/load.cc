#include "inventory/load.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"
#include "inventory/ansible_ini.h"
#include "inventory/fleet_yaml.h"
#include "inventory/servers_txt.h"

namespace fleetsync::inventory {
namespace {

constexpr size_t kLargestFile = size_t{4} << 20;
constexpr unsigned kGroupAndOthers = 077;

std::string Environment(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread starts
  return value == nullptr ? "" : value;
}

std::string HomeFolder() {
  if (std::string home = Environment("HOME"); !home.empty()) return home;
  const passwd* entry = getpwuid(geteuid());  // NOLINT(concurrency-mt-unsafe)
  return entry == nullptr ? "" : entry->pw_dir;
}

// The first line that says something decides: "key:", "---" and "{" begin YAML, and no server.
bool IsFleetYaml(const std::string& path, std::string_view text) {
  if (path.ends_with(".yaml") || path.ends_with(".yml")) return true;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (const std::string_view raw : Split(text, '\n')) {
    const std::string_view line = Trim(raw);
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("---") || line.starts_with("{") || line.starts_with("%YAML")) return true;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const bool word = line.find_first_of(" \t@[") >= colon;
    return word && (colon + 1 == line.size() || line[colon + 1] == ' ' || line[colon + 1] == '\t');
  }
  return false;
}

// Paths as the file has them to paths that open.
class Paths {
 public:
  explicit Paths(const std::string& inventory) : home_(HomeFolder()) {
    const size_t slash = inventory.rfind('/');
    if (slash != std::string::npos) folder_ = inventory.substr(0, slash + 1);
  }
  void Open(std::string& path) const {
    if (path.starts_with("~/"))
      path = home_ + path.substr(1);
    else if (!path.starts_with('/'))
      path = folder_ + path;
  }
  void Open(std::optional<SecretSource>& source) const {
    if (source) Open(*source);
  }
  void Open(SecretSource& source) const {
    if (source.kind == SecretSource::Kind::kFile) Open(source.value);
  }

 private:
  std::string home_, folder_;
};

void OpenPaths(Inventory& inventory) {
  const Paths paths(inventory.path);
  for (Host& host : inventory.hosts) {
    for (std::string& path : host.connection.identities) paths.Open(path);
    for (std::string& path : host.connection.known_hosts) paths.Open(path);
    paths.Open(host.connection.password_source);
    paths.Open(host.connection.become_password_source);
    for (NtpKey& key : host.time.keys) paths.Open(key.secret);
  }
}

Status CheckReadersOf(const std::string& path, Diagnostics& diagnostics) {
  FS_ASSIGN_OR_RETURN(const unsigned mode, FileMode(path));
  if ((mode & kGroupAndOthers) == 0) return absl::OkStatus();
  AddError(diagnostics, {.file = path},
           fmt::format("others may open this file (mode {:04o}), and it holds passwords", mode),
           fmt::format("chmod 600 {}, or --allow-readable-passwords", ShellQuote(path)));
  SortByPlace(diagnostics);
  return absl::OkStatus();
}

}  // namespace

StatusOr<Loaded> Load(const std::string& path, const LoadOptions& options) {
  FS_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLargestFile));
  Loaded loaded;
  bool holds_passwords = false;
  if (IsFleetYaml(path, text)) {
    loaded = ParseFleetYaml(text, path);
  } else if (IsAnsibleIni(text)) {
    loaded = ParseAnsibleIni(text, path);
  } else {
    ServersTxt servers = ParseServersTxt(text, path);
    loaded = std::move(servers.loaded);
    holds_passwords = servers.holds_passwords;
  }
  WipeString(text);
  if (holds_passwords && !options.allow_readable_passwords)
    FS_RETURN_IF_ERROR(CheckReadersOf(path, loaded.diagnostics));
  OpenPaths(loaded.inventory);
  return loaded;
}

StatusOr<std::string> DefaultPath() {
  if (std::string path = Environment("FLEETSYNC_INVENTORY"); !path.empty()) return path;
  for (const char* path : {"fleet.yaml", "servers.txt", "/etc/fleetsync/fleet.yaml"})
    if (access(path, F_OK) == 0) return path;
  return absl::NotFoundError(
      "no inventory: $FLEETSYNC_INVENTORY is not set, and there is no ./fleet.yaml, ./servers.txt "
      "or /etc/fleetsync/fleet.yaml; name one with -i FILE");
}

}  // namespace fleetsync::inventory
