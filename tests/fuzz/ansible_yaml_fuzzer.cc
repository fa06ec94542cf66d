#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/ansible_yaml.h"
#include "tests/fuzz/inventory_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = ParseAnsibleYaml(text, "hosts.yml");
  RequireWellFormed(loaded);
  RequireConverts(loaded);
  IsAnsibleYaml(text);
  // The same bytes as variables beside an inventory; behind them a password in clear.
  constexpr std::string_view kInventory = "web: {hosts: {a: , b: }}";
  const std::string variables(text);
  using Of = AnsibleVarsFile::Of;
  const Loaded with_files = ParseAnsibleYaml(kInventory, "hosts.yml",
                                             {{Of::kGroup, "web", "group_vars/web", variables},
                                              {Of::kHost, "a", "host_vars/a", variables}});
  RequireWellFormed(with_files);
  RequireConverts(with_files);
  // Quotes and blocks may swallow what follows into a value, which is then rightly shown.
  if (text.find_first_of("\"'|>") != std::string_view::npos) return 0;
  const std::string with_password =
      variables + "\nansible_ssh_pass: " + std::string(kMarker) + "\n";
  RequireNoMarker(ParseAnsibleYaml(kInventory, "hosts.yml",
                                   {{Of::kGroup, "web", "group_vars/web", with_password}}));
  return 0;
}
