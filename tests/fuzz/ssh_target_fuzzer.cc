// Values of an inventory and of ssh -G on their way into commands: what a shell would read is
// refused, and the words of a command are as many as they should be, whatever is in them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "controller/ssh/ssh_config.h"
#include "controller/ssh/target.h"

namespace {

using namespace fleetsync;       // NOLINT(google-build-using-namespace)
using namespace fleetsync::ssh;  // NOLINT(google-build-using-namespace)

void CheckPlain(std::string_view word) {
  if (word.find_first_of(" \t\r\n'\"`$\\;&|<>(){}[]*?!#~%/") != std::string_view::npos ||
      word.starts_with('-'))
    std::abort();
}

void CheckJump(const std::string& text) {
  const StatusOr<std::vector<Hop>> hops = ParseProxyJump(text);
  if (!hops.ok()) return;
  for (const Hop& hop : *hops) {
    if (hop.host.empty()) std::abort();
    CheckPlain(hop.host);
    CheckPlain(hop.user);
  }
  Target target;
  target.address = text;
  const std::vector<std::string> argv = JumpCommand(*hops, target,
                                                    {.config_file = "",
                                                     .identities = {},
                                                     .known_hosts = {},
                                                     .accept_new = false,
                                                     .connect_seconds = 10});
  if (argv.size() < 2 || argv[0] != "ssh" || argv[argv.size() - 2] != "--" ||
      argv.back() != hops->back().host)
    std::abort();
}

void CheckProxyCommand(const std::string& text) {
  Target target;
  target.address = target.user = text;
  const StatusOr<std::string> expanded = ExpandProxyCommand("nc %h %p %r", target);
  if (expanded.ok()) {
    CheckPlain(target.address);
    if (std::count(expanded->begin(), expanded->end(), ' ') != 4) std::abort();
  }
  ExpandProxyCommand(text, Target{}).status().IgnoreError();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckJump(text);
  CheckProxyCommand(text);
  const SshConfig config = ParseSshConfig(text);
  if (config.port && *config.port == 0) std::abort();
  inventory::Host host;
  host.name = "web01";
  const Target target = MakeTarget(host, config, {.name = "me", .home = "/home/me"});
  if (target.address.empty() || target.user.empty() || target.known_hosts.empty()) std::abort();
  // Terminates although every file includes itself.
  SshConfigMatters(text, [&text](std::string_view) { return std::vector<std::string>{text}; });
  return 0;
}
