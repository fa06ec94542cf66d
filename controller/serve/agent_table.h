#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/time.h"
#include "controller/serve/command_desk.h"

namespace fleetsync::serve {

// What others may ask of an agent's open stream. Any thread; never waits.
class AgentLink {
 public:
  virtual ~AgentLink() = default;
  // The stream ends with this reason, when what is being written allows it.
  virtual void End(const Status& why) = 0;
  // Ends it without waiting for the agent to read.
  virtual void Cancel() = 0;
  virtual void Send(const v1::Command& command) = 0;
  // Called often: the deadlines and questions that are due.
  virtual void OnTick(Now now) = 0;
};

// The open streams, which hosts they are of, and the commands that wait for them. Any thread.
class AgentTable {
 public:
  explicit AgentTable(uint64_t seed) : desk_(seed) {}

  void Add(std::shared_ptr<AgentLink> link);
  // `host`: as introduced, or empty. Its commands are answered with nothing.
  void Remove(const std::shared_ptr<AgentLink>& link, std::string_view host);
  // The stream has said whose it is: the older one of this host, which the caller ends, or null.
  std::shared_ptr<AgentLink> Introduce(const std::string& host, std::shared_ptr<AgentLink> link);

  std::vector<std::shared_ptr<AgentLink>> All() const;
  // Until no stream is open, or the time is up.
  void AwaitEmpty(Duration patience);
  std::shared_ptr<AgentLink> Find(std::string_view host) const;
  std::set<std::string, std::less<>> Connected() const;

  // Sends a command to a connected host; `tell` is called once, on any thread, but not before this
  // returns true. False: the host is not connected, or has too many commands before it.
  bool Command(const std::string& host, const v1::Command& command, MonoTime deadline,
               OnCommandAnswer tell);
  void OnResult(std::string_view host, const v1::CommandResult& result);
  // Ends commands whose time is up and tells every stream the time.
  void OnTick(Now now);

 private:
  static void Tell(const std::vector<CommandEnd>& ends);

  mutable Mutex mutex_;
  std::condition_variable_any removed_;
  std::set<std::shared_ptr<AgentLink>> links_ FS_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<AgentLink>, std::less<>> of_host_ FS_GUARDED_BY(mutex_);
  CommandDesk desk_ FS_GUARDED_BY(mutex_);
};

}  // namespace fleetsync::serve
