#include "inventory/load.h"

#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"
#include "inventory/ansible_ini.h"
#include "inventory/ansible_yaml.h"
#include "inventory/fleet_yaml.h"
#include "inventory/servers_txt.h"
#include "inventory/ssh_config_hosts.h"

namespace fleetsync::inventory {
namespace {

namespace fs = std::filesystem;

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
bool IsYaml(const std::string& path, std::string_view text) {
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

// "a/hosts" is "a/", "hosts" is "".
std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Paths as the file has them to paths that open.
class Paths {
 public:
  explicit Paths(const std::string& inventory)
      : home_(HomeFolder()), folder_(FolderOf(inventory)) {}
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

bool HasSuffixOfVars(const fs::path& path) {
  const std::string extension = path.extension();
  return extension == ".yml" || extension == ".yaml" || extension == ".json";
}

// Names that Ansible skips as well: hidden files and what editors leave behind.
bool IsLeftover(const std::string& name) { return name.starts_with('.') || name.ends_with('~'); }

StatusOr<std::vector<fs::path>> SortedEntries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (!IsLeftover(entry->path().filename())) entries.push_back(entry->path());
  if (error)
    return absl::UnavailableError(
        fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
  std::sort(entries.begin(), entries.end());
  return entries;
}

Status AddAnsibleVarsFile(AnsibleVarsFile file, const fs::path& path, AnsibleVarsFiles& files) {
  file.path = path;
  FS_ASSIGN_OR_RETURN(file.text, ReadFile(file.path, kLargestFile));
  files.push_back(std::move(file));
  return absl::OkStatus();
}

// group_vars/web/: every file in it and below it, by name.
Status AddFolderOf(const AnsibleVarsFile& file, const fs::path& folder, AnsibleVarsFiles& files) {
  FS_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, SortedEntries(folder));
  for (const fs::path& entry : entries) {
    std::error_code ignored;
    if (fs::is_directory(entry, ignored))
      FS_RETURN_IF_ERROR(AddFolderOf(file, entry, files));
    else if (!entry.has_extension() || HasSuffixOfVars(entry))
      FS_RETURN_IF_ERROR(AddAnsibleVarsFile(file, entry, files));
  }
  return absl::OkStatus();
}

// Of group_vars/ or host_vars/. "web", a file or a folder, stands before web.yml, web.yaml and
// web.json; one of them is read.
Status AddAnsibleVarsFiles(const fs::path& folder, AnsibleVarsFile::Of of,
                           AnsibleVarsFiles& files) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return absl::OkStatus();
  FS_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, SortedEntries(folder));
  constexpr std::array kSuffixes = std::to_array<std::string_view>({"", ".yml", ".yaml", ".json"});
  std::map<std::string, std::map<size_t, fs::path>> by_name;
  for (const fs::path& entry : entries) {
    const std::string suffix = HasSuffixOfVars(entry) ? entry.extension() : "";
    const std::string name = suffix.empty() ? entry.filename() : entry.stem();
    const auto rank = std::find(kSuffixes.begin(), kSuffixes.end(), suffix) - kSuffixes.begin();
    by_name[name][static_cast<size_t>(rank)] = entry;
  }
  for (const auto& [name, paths] : by_name) {
    const AnsibleVarsFile file{.of = of, .name = name, .path = {}, .text = {}};
    const fs::path& path = paths.begin()->second;
    if (fs::is_directory(path, ignored))
      FS_RETURN_IF_ERROR(AddFolderOf(file, path, files));
    else
      FS_RETURN_IF_ERROR(AddAnsibleVarsFile(file, path, files));
  }
  return absl::OkStatus();
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

StatusOr<AnsibleVarsFiles> FindAnsibleVarsFiles(const std::string& inventory) {
  AnsibleVarsFiles files;
  const std::string folder = FolderOf(inventory);
  FS_RETURN_IF_ERROR(
      AddAnsibleVarsFiles(folder + "group_vars", AnsibleVarsFile::Of::kGroup, files));
  FS_RETURN_IF_ERROR(AddAnsibleVarsFiles(folder + "host_vars", AnsibleVarsFile::Of::kHost, files));
  return files;
}

// Those called as ssh calls its own are one whatever comes first in them.
bool IsSshConfigFile(const std::string& path, std::string_view text) {
  const std::string name = fs::path(path).filename();
  return name == "config" || name == "ssh_config" || IsSshConfig(text);
}

// What names of files behind Include are relative to.
std::string IncludeFolderOf(const std::string& path) {
  constexpr std::string_view kOfTheSystem = "/etc/ssh/";
  return path.starts_with(kOfTheSystem) ? std::string(kOfTheSystem) : HomeFolder() + "/.ssh/";
}

}  // namespace

std::vector<SshConfigFile> ReadIncludedSshConfigs(std::string_view patterns,
                                                  const std::string& relative_to,
                                                  const std::string& home) {
  std::vector<SshConfigFile> files;
  for (std::string& pattern : QuotedWords(patterns)) {
    if (pattern.starts_with("~/"))
      pattern.replace(0, 1, home);
    else if (!pattern.starts_with('/'))
      pattern.insert(0, relative_to);
    glob_t found{};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread starts
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      for (size_t i = 0; i < found.gl_pathc; ++i) {
        StatusOr<std::string> text = ReadFile(found.gl_pathv[i], kLargestFile);
        if (text.ok()) files.push_back({found.gl_pathv[i], *std::move(text)});
      }
    }
    globfree(&found);
  }
  return files;
}

std::string SshConfigOfInventory(const std::string& path) {
  const std::string inventory = path.empty() ? DefaultPath().value_or("") : path;
  std::error_code ignored;
  if (!fs::is_regular_file(inventory, ignored)) return {};  // a pipe is read once
  const StatusOr<std::string> text = ReadFile(inventory, kLargestFile);
  if (!text.ok() || IsYaml(inventory, *text) || IsAnsibleIni(*text) ||
      !IsSshConfigFile(inventory, *text))
    return {};
  return fs::equivalent(inventory, HomeFolder() + "/.ssh/config", ignored) ? "" : inventory;
}

StatusOr<Loaded> Load(const std::string& path, const LoadOptions& options) {
  FS_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLargestFile));
  Loaded loaded;
  bool holds_passwords = false;
  if (IsYaml(path, text)) {
    if (IsAnsibleYaml(text)) {
      FS_ASSIGN_OR_RETURN(const AnsibleVarsFiles files, FindAnsibleVarsFiles(path));
      loaded = ParseAnsibleYaml(text, path, files);
    } else {
      loaded = ParseFleetYaml(text, path);
    }
  } else if (IsAnsibleIni(text)) {
    FS_ASSIGN_OR_RETURN(const AnsibleVarsFiles files, FindAnsibleVarsFiles(path));
    loaded = ParseAnsibleIni(text, path, files);
  } else if (IsSshConfigFile(path, text)) {
    loaded = ParseSshConfigHosts(text, path, [&path](std::string_view patterns) {
      return ReadIncludedSshConfigs(patterns, IncludeFolderOf(path), HomeFolder());
    });
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
