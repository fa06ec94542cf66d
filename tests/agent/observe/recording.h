#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/observe/dialogue.h"
#include "base/text.h"
#include "gtest/gtest.h"
#include "tests/agent/observe/fixture.h"

namespace fleetsync::observe {

using Datagram = std::vector<std::byte>;

inline Datagram FromHex(std::string_view text) {
  Datagram bytes;
  for (size_t i = 0; i + 2 <= text.size(); i += 2)
    bytes.push_back(std::byte(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// What a daemon answered, one datagram a line, in the order in which dialogues ask.
inline std::vector<Datagram> Recording(const std::string& name) {
  std::vector<Datagram> datagrams;
  const std::string text = Fixture(name);
  for (const std::string_view line : Split(text, '\n'))
    if (!line.empty()) datagrams.push_back(FromHex(line));
  return datagrams;
}

// Where a protocol keeps the number that an answer repeats, in a request and in an answer.
struct SequenceField {
  size_t in_request, in_answer, size;
};
inline constexpr SequenceField kChronySequence{8, 16, 4};
inline constexpr SequenceField kNtpSequence{2, 2, 2};

// The answer, as the daemon would have given it to this request.
inline Datagram Answering(std::span<const std::byte> request, Datagram answer,
                          const SequenceField& field) {
  std::copy_n(request.begin() + static_cast<ptrdiff_t>(field.in_request), field.size,
              answer.begin() + static_cast<ptrdiff_t>(field.in_answer));
  return answer;
}

// Plays a recording until the dialogue asks no more; how many datagrams it took.
inline size_t Replay(Dialogue& dialogue, const std::vector<Datagram>& recording,
                     const SequenceField& field, Now now = {}) {
  size_t played = 0;
  while (!dialogue.Request().empty() && played < recording.size()) {
    const Datagram answer = Answering(dialogue.Request(), recording[played++], field);
    dialogue.OnDatagram(now, answer);
  }
  EXPECT_TRUE(dialogue.Request().empty()) << "the recording is over, the dialogue is not";
  return played;
}

}  // namespace fleetsync::observe
