// The probe's output comes from a host that may be broken or hostile.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "controller/facts/facts.h"
#include "controller/facts/facts_json.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::facts;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto facts = ParseProbe(input);
  if (!facts.ok()) {
    Check(facts.status().code() == absl::StatusCode::kDataLoss);
    // Without its end marker an answer is refused whatever stands in it.
    return 0;
  }
  Check(input.find("fleetsync-probe 1 end") != std::string::npos);
  for (const DaemonFact& daemon : facts->daemons) {
    Check(daemon.running == (daemon.pid > 0));
    Check(!daemon.config_path.empty());
  }
  for (const auto& [path, file] : facts->files) {
    Check(file.exists && file.mode <= 07777);
    Check(file.readable || file.content.empty());
    Check(file.content.size() <= input.size());
  }
  if (const DaemonFact* running = facts->Running(); running != nullptr) Check(running->pid > 0);
  Check(!ToJson(*facts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).empty());
  // The marker line is the only thing that ends an answer: cut it off and nothing is believed.
  const auto cut =
      ParseProbe(std::string_view(input).substr(0, input.find("fleetsync-probe 1 end")));
  Check(!cut.ok());
  return 0;
}
