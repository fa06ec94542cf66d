#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/ssh_config_hosts.h"
#include "tests/fuzz/inventory_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  IsSshConfig(text);
  // Every Include names a file with the second half of the same bytes, four times at most.
  int left = 4;
  const ReadSshConfigs read_half = [&](std::string_view) -> std::vector<SshConfigFile> {
    if (left-- <= 0) return {};
    return {{"included", std::string(text.substr(size / 2))}};
  };
  const ReadSshConfigs read_nothing = [](std::string_view) -> std::vector<SshConfigFile> {
    return {};
  };
  for (const ReadSshConfigs* read : {&read_half, &read_nothing}) {
    const Loaded loaded = ParseSshConfigHosts(text, "config", *read);
    RequireWellFormed(loaded);
    RequireConverts(loaded);
  }
  return 0;
}
