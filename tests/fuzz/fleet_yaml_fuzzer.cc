#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/check.h"
#include "inventory/fleet_yaml.h"
#include "inventory/variables.h"
#include "tests/fuzz/inventory_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Loaded loaded = ParseFleetYaml(text, "fleet.yaml");
  RequireWellFormed(loaded);
  for (const Host& host : loaded.inventory.hosts)
    Require(AllVariables(host).size() >= host.variables.size(), "no variable is lost");
  loaded.diagnostics = Check(loaded.inventory);
  RequireWellFormed(loaded);
  // Quotes and blocks may swallow what follows into a name, which is then rightly shown.
  if (text.find_first_of("\"'|>") != std::string_view::npos) return 0;
  const std::string with_password = std::string(text) +
                                    "\nhosts: {z: {password: " + std::string(kMarker) +
                                    ", become_password: *" + std::string(kMarker) + "}}\n";
  RequireNoMarker(ParseFleetYaml(with_password, "fleet.yaml"));
  return 0;
}
