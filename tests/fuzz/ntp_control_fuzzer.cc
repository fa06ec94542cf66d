// What anything on port 123 may answer to a control message: the input is cut into datagrams of
// 16-bit lengths, which are answers in a round of questions, as they are and made to repeat the
// number that was asked.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "agent/observe/ntp_dialogue.h"
#include "proto/ntp/control.h"
#include "tests/fuzz/observe_invariants.h"

namespace {

using namespace fleetsync;
using fuzz::Check;

void Repeat(std::span<const std::byte> request, std::vector<std::byte>& answer) {
  if (answer.size() < 12) return;
  answer[0] = std::byte{0x16};
  answer[1] = (request[1] & std::byte{0x1f}) | (answer[1] & std::byte{0x60}) | std::byte{0x80};
  std::copy_n(request.begin() + 2, 2, answer.begin() + 2);  // sequence
  std::copy_n(request.begin() + 6, 2, answer.begin() + 6);  // association
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span input(reinterpret_cast<const std::byte*>(data), size);
  const Now now{.mono = {}, .system = SystemTime(std::chrono::seconds(1'795'260'135))};
  observe::NtpDialogue dialogue(1);
  ntp::ControlAnswer joined(ntp::ControlOperation::kReadVariables, 2, 0);
  for (const auto wire : fuzz::Datagrams(input)) {
    joined.Add(wire);
    Check(joined.text().size() <= 64 * 1024);
    if (dialogue.Request().empty()) break;
    dialogue.OnDatagram(now, wire);
    if (dialogue.Request().empty()) break;
    std::vector<std::byte> answer(wire.begin(), wire.end());
    Repeat(dialogue.Request(), answer);
    dialogue.OnDatagram(now, answer);
    Check(dialogue.Request().size() <= 512);
  }
  if (!dialogue.Request().empty()) dialogue.GiveUp("no answer");
  fuzz::CheckState(dialogue.state());
  return 0;
}
