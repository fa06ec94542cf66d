#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/observe/dialogue.h"
#include "proto/chrony/message.h"

namespace fleetsync::observe {

// Asks chronyd what chronyc's tracking, sources, sourcestats and, where it may, ntpdata show.
class ChronyDialogue : public Dialogue {
 public:
  // `sequence`: of the first request, hard to guess; an answer must repeat it.
  explicit ChronyDialogue(uint32_t sequence);

  std::span<const std::byte> Request() const override { return request_; }
  bool OnDatagram(Now now, std::span<const std::byte> wire) override;
  void GiveUp(std::string_view why) override;
  const DaemonState& state() const override { return state_; }

 private:
  void Ask(chrony::Command command);
  bool OnAnswer(const chrony::Reply& reply);
  void NextQuestion();
  void NextSource();
  bool OnTracking(const chrony::Reply& reply);
  bool OnSourceData(const chrony::Reply& reply);
  bool OnDetail(const chrony::Reply& reply);
  void PutDetail(const chrony::Reply& reply);

  DaemonState state_;
  uint32_t sequence_;
  std::vector<std::byte> request_;
  chrony::Command asked_{};
  uint32_t sources_ = 0;           // how many there are
  uint32_t index_ = 0;             // of the one that is asked for
  chrony::SourceData source_;      // the one that is asked for
  size_t detail_ = 0;              // of those that are asked of each
  std::array<bool, 3> unknown_{};  // details that this daemon does not tell
};

}  // namespace fleetsync::observe
