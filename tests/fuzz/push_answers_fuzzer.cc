// What a host answers to the probe and to the apply script, told apart by a line "====".

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "controller/push/push_conversation.h"
#include "controller/push/report.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

policy::TimePolicy Policy() {
  policy::TimePolicy policy;
  policy.host = "web07";
  policy.inventory = "fleet.yaml";
  policy.sources = {{.address = "ntp1.example"}};
  return policy;
}

bool IsPrintable(const std::string& text) { return Printable(text) == text; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  push::PushConversation push(push::BringTo(Policy()), {.apply = {.run_id = "run1"}});
  ssh::Conversation::Next next = push.OnReady({});
  bool told_done = false;
  for (int commands = 0; std::holds_alternative<ssh::Conversation::RunCommand>(next); ++commands) {
    Check(commands < 5);  // probe, recover, probe, apply
    constexpr std::string_view kEnd = "\n====\n";
    const size_t end = rest.find(kEnd);
    const std::string_view answer = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kEnd.size());
    told_done = told_done || answer.find("@fleetsync done") != std::string_view::npos;
    push.OnOutput({}, answer, false);
    next = push.OnExit({}, {});
  }
  const push::PushResult& result = push.result();
  Check(result.outcome != push::Outcome::kSkipped && result.outcome != push::Outcome::kPending);
  Check(result.outcome != push::Outcome::kChanged || told_done);
  Check(IsPrintable(result.why) && IsPrintable(result.stage) && IsPrintable(result.recovered));
  inventory::Host host;
  host.name = "web07";
  const push::HostResult results[] = {{&host, result}};
  const std::vector<push::HostResult> list(std::begin(results), std::end(results));
  Check(IsPrintable(push::ToText(list, {.diff = true})));
  Check(!push::ToJson(list, {.diff = true}, "run1").empty());
  return 0;
}
