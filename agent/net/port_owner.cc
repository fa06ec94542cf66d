#include "agent/net/port_owner.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::net {
namespace {

namespace fs = std::filesystem;

// What the links of /proc/PID/fd say of the sockets that are bound to `port`: "socket:[4711]".
std::set<std::string> SocketsOn(uint16_t port) {
  std::set<std::string> sockets;
  for (const char* const table : {"/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
          timeout >> inode;
      if (local.ends_with(fmt::format(":{:04X}", port))) {
        sockets.insert(fmt::format("socket:[{}]", inode));
      }
    }
  }
  return sockets;
}

bool HasOneOf(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end;
       fd.increment(error)) {
    std::error_code ignored;
    if (sockets.contains(fs::read_symlink(fd->path(), ignored).string())) return true;
  }
  return false;
}

std::string NameOf(const fs::path& process) {
  std::ifstream file(process / "comm");
  std::string name;
  std::getline(file, name);
  return Printable(name);
}

}  // namespace

std::string UdpPortOwner(uint16_t port) {
  const std::set<std::string> sockets = SocketsOn(port);
  if (sockets.empty()) return "";
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string pid = entry->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (HasOneOf(entry->path(), sockets)) {
      return fmt::format("{} (process {})", NameOf(entry->path()), pid);
    }
  }
  return "";
}

}  // namespace fleetsync::net
