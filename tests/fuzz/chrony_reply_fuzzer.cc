// What anything on port 323 may answer to chronyd's protocol: the input is cut into datagrams of
// 16-bit lengths. Each is decoded as every kind of answer, then all of them are answers in a round
// of questions, where they are made to repeat the number that was asked.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "agent/observe/chrony_dialogue.h"
#include "agent/observe/snapshot_of.h"
#include "proto/chrony/message.h"
#include "tests/fuzz/observe_invariants.h"

namespace {

using namespace fleetsync;
using fuzz::Check;

void CheckDecoders(std::span<const std::byte> wire) {
  const auto reply = chrony::DecodeReply(wire);
  if (!reply) return;
  if (const auto t = chrony::ReadTracking(*reply))
    for (const double number : {t->correction, t->frequency_ppm, t->root_delay, t->root_dispersion})
      Check(std::isfinite(number));
  if (const auto s = chrony::ReadSourceData(*reply)) Check(std::isfinite(s->offset));
  if (const auto s = chrony::ReadSourceStats(*reply)) Check(std::isfinite(s->standard_deviation));
  if (const auto d = chrony::ReadNtpData(*reply)) Check(std::isfinite(d->peer_delay));
  if (const auto n = chrony::ReadSourceName(*reply)) Check(n->size() <= 256);
  static_cast<void>(chrony::ReadSourceCount(*reply));
}

// As a daemon that hears what it is asked would.
void Repeat(std::span<const std::byte> request, std::vector<std::byte>& answer) {
  if (answer.size() < 28) return;
  answer[0] = std::byte{6};
  answer[1] = std::byte{2};
  std::copy_n(request.begin() + 4, 2, answer.begin() + 4);   // command
  std::copy_n(request.begin() + 8, 4, answer.begin() + 16);  // sequence
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span input(reinterpret_cast<const std::byte*>(data), size);
  observe::ChronyDialogue dialogue(1);
  for (const auto wire : fuzz::Datagrams(input)) {
    CheckDecoders(wire);
    if (dialogue.Request().empty()) break;
    dialogue.OnDatagram({}, wire);
    if (dialogue.Request().empty()) break;
    std::vector<std::byte> answer(wire.begin(), wire.end());
    Repeat(dialogue.Request(), answer);
    dialogue.OnDatagram({}, answer);
    Check(dialogue.Request().size() <= 512);
  }
  if (!dialogue.Request().empty()) dialogue.GiveUp("no answer");
  fuzz::CheckState(dialogue.state());
  return 0;
}
