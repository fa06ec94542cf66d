#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/ssh/event_loop.h"

namespace fleetsync::ssh {

// The public keys (base64 blobs) that the ssh-agent at this socket holds
// (draft-miller-ssh-agent 4.4). Blocks for at most `deadline`.
StatusOr<std::vector<std::string>> ListAgentKeys(const std::string& path, Duration deadline);

// Stands between libssh and the ssh-agent. libssh asks the agent for its keys in each session,
// shows the host every one of them and waits for signatures without a deadline; this gives each
// session a socket of its own on which only the chosen keys exist, and passes requests for
// signatures on, a few at a time. Belongs to the loop's thread; the other ends of its sockets may
// be in any.
class AgentClient {
 public:
  AgentClient(EventLoop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
  ~AgentClient();
  AgentClient(const AgentClient&) = delete;
  AgentClient& operator=(const AgentClient&) = delete;

  // A socket that answers as an agent with these keys (base64 blobs). The caller's to close.
  StatusOr<int> Open(const std::vector<std::string>& keys);

  static constexpr size_t kMostAtOnce = 4;

 private:
  // One socket with frames: a four-byte length, then that many bytes.
  struct Wire {
    int fd = -1;
    EventLoop::WatchId watch = 0;
    std::string in;
  };
  struct Customer {
    Wire wire;
    std::string identities;  // the answer to "which keys?"
    std::vector<std::string> blobs;
  };
  struct Signing {
    Wire wire;
    uint64_t customer = 0;
    std::string request;
  };

  void OnCustomer(uint64_t id);
  void StartNext();
  void OnAgent(uint64_t id);
  void FinishSigning(uint64_t id, std::string_view frame);
  void CloseWire(Wire& wire);

  EventLoop& loop_;
  const std::string path_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Customer> customers_;
  std::map<uint64_t, Signing> signings_;                  // with the agent now
  std::deque<std::pair<uint64_t, std::string>> waiting_;  // customer, request
};

}  // namespace fleetsync::ssh
