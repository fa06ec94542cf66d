#include "agent/daemon/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

StatusOr<User> LookUp(const std::string& name) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return User{entry.pw_uid, entry.pw_gid};
  if (error != 0) return ErrnoStatus(error, fmt::format("looking up user {}", name));
  return absl::NotFoundError(fmt::format("there is no user {}; choose one with --user", name));
}

Status SwitchUser(const std::string& name) {
  FS_ASSIGN_OR_RETURN(const User user, LookUp(name));
  if (user.uid == 0) {
    return absl::InvalidArgumentError(
        fmt::format("the reporter does not run as {}: it faces the network", name));
  }
  // setgroups may be forbidden in a user namespace without a mapping, where it does not matter.
  if (setgroups(0, nullptr) != 0 && errno != EPERM) return ErrnoStatus(errno, "dropping groups");
  if (setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0) {
    return ErrnoStatus(errno, fmt::format("becoming user {}", name));
  }
  return absl::OkStatus();
}

}  // namespace

std::string DefaultReporterUser() { return LookUp("fleetsync").ok() ? "fleetsync" : "nobody"; }

Status BecomeUnprivileged(const std::string& user, pid_t parent) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    static_cast<void>(prctl(PR_CAPBSET_DROP, capability));  // not root: there is nothing to drop
  }
  if (geteuid() == 0) FS_RETURN_IF_ERROR(SwitchUser(user));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return ErrnoStatus(errno, "giving up new privileges");
  }
  // After the change of user, which clears it; the parent may have gone before.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) return absl::AbortedError("the time process is gone");
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
