#include "agent/daemon/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

// In the file alone, where a daemon's users are: for a name that is not there getpwnam(3) loads the
// modules of nsswitch.conf, and a static program crashes in them.
StatusOr<User> LookUp(const std::string& name) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen("/etc/passwd", "re"), fclose);
  if (file == nullptr) return ErrnoStatus(errno, "reading /etc/passwd");
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found)) == 0) {
    if (name == entry.pw_name) return User{entry.pw_uid, entry.pw_gid};
  }
  if (error != ENOENT) return ErrnoStatus(error, fmt::format("looking up user {}", name));
  return absl::NotFoundError(
      fmt::format("there is no user {} in /etc/passwd; choose one with --user", name));
}

Status SwitchUser(const std::string& name) {
  FS_ASSIGN_OR_RETURN(const User user, LookUp(name));
  if (user.uid == 0) {
    return absl::InvalidArgumentError(
        fmt::format("the agent does not become {}: it faces the network", name));
  }
  // setgroups may be forbidden in a user namespace without a mapping, where it does not matter.
  if (setgroups(0, nullptr) != 0 && errno != EPERM) return ErrnoStatus(errno, "dropping groups");
  if (setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0) {
    return ErrnoStatus(errno, fmt::format("becoming user {}", name));
  }
  return absl::OkStatus();
}

using Capabilities = std::span<const int>;

void DropBoundingSet(Capabilities kept = {}) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (std::find(kept.begin(), kept.end(), capability) != kept.end()) continue;
    static_cast<void>(prctl(PR_CAPBSET_DROP, capability));  // not root: there is nothing to drop
  }
}

Status ForbidNewPrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "giving up new privileges");
}

// Of the wanted ones those that are permitted; nothing else, and nothing to be inherited.
Status KeepCapabilities(Capabilities wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, sets) != 0) return ErrnoStatus(errno, "reading capabilities");
  uint32_t kept[_LINUX_CAPABILITY_U32S_3]{};
  for (const int capability : wanted) kept[CAP_TO_INDEX(capability)] |= CAP_TO_MASK(capability);
  for (size_t i = 0; i < std::size(sets); ++i) {
    sets[i].permitted &= kept[i];
    sets[i].effective = sets[i].permitted;
    sets[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, "giving up capabilities");
}

}  // namespace

std::string DefaultReporterUser() { return LookUp("fleetsync").ok() ? "fleetsync" : "nobody"; }

std::string DefaultTimeUser() { return LookUp("_fleetsync").ok() ? "_fleetsync" : ""; }

Status BecomeUnprivileged(const std::string& user, pid_t parent) {
  DropBoundingSet();
  if (geteuid() == 0) FS_RETURN_IF_ERROR(SwitchUser(user));
  FS_RETURN_IF_ERROR(ForbidNewPrivileges());
  // After the change of user, which clears it; the parent may have gone before.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) return absl::AbortedError("the time process is gone");
  return absl::OkStatus();
}

Status KeepOnlyTheClock(const std::string& user) {
  DropBoundingSet();
  if (geteuid() == 0 && !user.empty()) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return ErrnoStatus(errno, "keeping capabilities");
    FS_RETURN_IF_ERROR(SwitchUser(user));
  }
  constexpr int kKept[] = {CAP_SYS_TIME, CAP_NET_BIND_SERVICE};
  FS_RETURN_IF_ERROR(KeepCapabilities(kKept));
  return ForbidNewPrivileges();
}

Status KeepOnlyWhatStartsTheReporter() {
  constexpr int kNeeded[] = {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL};
  DropBoundingSet(kNeeded);
  return KeepCapabilities(kNeeded);
}

void GiveState(const std::string& folder, const std::string& user, const std::string& other) {
  const auto who = LookUp(user);
  if (!who.ok()) return;
  const auto reporter = LookUp(other);
  const auto stays = [&](const std::filesystem::path& path) {
    struct stat info {};
    return reporter.ok() && reporter->uid != who->uid && lstat(path.c_str(), &info) == 0 &&
           info.st_uid == reporter->uid;
  };
  const auto give = [&](const std::filesystem::path& path) {
    static_cast<void>(!lchown(path.c_str(), who->uid, who->gid));
  };
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(folder, error);
  for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    if (stays(it->path())) {
      it.disable_recursion_pending();
      continue;
    }
    if (it.depth() >= 1) it.disable_recursion_pending();
    const auto status = it->symlink_status(error);
    const bool has_other_names =
        std::filesystem::is_regular_file(status) && it->hard_link_count(error) > 1;
    if (!has_other_names) give(it->path());  // who owned the folder could link what is not theirs
  }
  give(folder);
}

}  // namespace fleetsync::daemon
