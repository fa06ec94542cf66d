#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::serve {

// What came of a command; nothing: the agent did not answer in time, or its stream ended.
using CommandAnswer = std::optional<v1::CommandResult>;
using OnCommandAnswer = std::function<void(const CommandAnswer&)>;

// A command's end, to be told by the caller once it holds no lock.
struct CommandEnd {
  OnCommandAnswer tell;
  CommandAnswer answer;
};

// The commands that agents have not answered yet. Each is answered once: by the host it went to, by
// its time running out, or by the end of the stream. Pure; not thread-safe.
class CommandDesk {
 public:
  explicit CommandDesk(uint64_t seed) : random_(seed) {}

  // `command` with a number of its own, to be sent to `host`. Waits until `deadline`. Nothing when
  // too many wait for this host already.
  std::optional<v1::Command> Issue(const std::string& host, v1::Command command, MonoTime deadline,
                                   OnCommandAnswer tell);

  // Nothing: no command of this number waits for this host.
  std::optional<CommandEnd> OnResult(std::string_view host, const v1::CommandResult& result);
  std::vector<CommandEnd> OnGone(std::string_view host);
  std::vector<CommandEnd> OnTime(MonoTime now);

  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::string host;
    MonoTime deadline;
    OnCommandAnswer tell;
  };

  template <class Predicate>
  std::vector<CommandEnd> EndAll(Predicate&& of);

  std::mt19937_64 random_;
  std::map<uint64_t, Waiting> waiting_;
};

}  // namespace fleetsync::serve
