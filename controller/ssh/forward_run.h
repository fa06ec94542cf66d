#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "controller/ssh/conversation.h"
#include "controller/ssh/dialer.h"
#include "controller/ssh/event_loop.h"
#include "controller/ssh/forwarded_connection.h"
#include "controller/ssh/session.h"

namespace fleetsync::ssh {

// A port that one host listens on for us: asks for it, carries its connections, and notices when
// the host is gone. Belongs to the loop's thread, and ends before the session.
class ForwardRun : public ForwardListener {
 public:
  enum class Step : uint8_t {
    kAsking,
    kListening,
    kRefused,  // see failure()
    kSilent,   // see failure()
    kLost,
  };

  // `on_ready` asks for Advance; this may be destroyed in it.
  ForwardRun(EventLoop& loop, Session& session, const Conversation::Forward& forward,
             Conversation& conversation, std::function<void()> on_ready);
  ~ForwardRun() override;

  // Goes as far as what is at hand allows.
  Step Advance();
  const Failure& failure() const { return failure_; }

  bool TakesChannel() override;
  void OnChannel(std::unique_ptr<ForwardChannel> channel) override;

 private:
  enum class State : uint8_t { kAsking, kAskingAnyPort, kListening };

  Step Ask();
  Step Refused(Session::Step any_port);
  void CarryAll();
  bool CarryOnce();
  bool StartNew();
  void KeepAlive();
  void TellReady();

  EventLoop& loop_;
  Session& session_;
  const Conversation::Forward forward_;
  const std::optional<SocketAddress> to_;
  Conversation& conversation_;
  const std::function<void()> on_ready_;
  State state_ = State::kAsking;
  std::vector<std::unique_ptr<ForwardedConnection>> connections_;
  std::vector<std::unique_ptr<ForwardChannel>> new_channels_;
  size_t first_ = 0;  // whose turn it is to be carried first
  bool carrying_ = false;
  std::optional<EventLoop::TimerId> soon_, keepalive_;
  uint64_t received_ = 0;  // when the keepalive last looked
  int silent_ = 0;         // keepalive intervals without a byte
  Failure failure_;
};

}  // namespace fleetsync::ssh
