#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agent/observe/dialogue.h"
#include "proto/ntp/control.h"

namespace fleetsync::observe {

// Asks ntpd, the classic one or ntpsec's, what `ntpq -c rv` and `ntpq -p` show.
class NtpDialogue : public Dialogue {
 public:
  // `sequence`: of the first request, hard to guess; an answer must repeat it.
  explicit NtpDialogue(uint16_t sequence);

  std::span<const std::byte> Request() const override { return request_; }
  bool OnDatagram(Now now, std::span<const std::byte> wire) override;
  void GiveUp(std::string_view why) override;
  const DaemonState& state() const override { return state_; }

 private:
  enum class Step : uint8_t { kSystem, kAssociations, kPeer };

  void Ask(Step step, uint16_t association, std::string_view names);
  void OnAnswer(Now now);
  void OnRefusal(uint8_t error);
  void NextPeer();
  void Finish();

  DaemonState state_;
  uint16_t sequence_;
  std::vector<std::byte> request_;
  ntp::ControlAnswer answer_;
  Step step_ = Step::kSystem;
  bool all_variables_ = false;  // this daemon does not know all the names that we ask for
  std::vector<ntp::ControlAssociation> associations_;
  size_t next_ = 0;  // of them; the one that is asked for is before it
};

}  // namespace fleetsync::observe
