#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "inventory/ansible_ini.h"
#include "tests/fuzz/inventory_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = ParseAnsibleIni(text, "hosts");
  RequireWellFormed(loaded);
  RequireConverts(loaded);
  // A password in clear, wherever the rest of the file leaves it.
  const std::string with_password =
      std::string(text) + "\nlast ansible_ssh_pass=" + std::string(kMarker) + "\n";
  RequireNoMarker(ParseAnsibleIni(with_password, "hosts"));
  return 0;
}
