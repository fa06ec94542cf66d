#include "controller/serve/agent_table.h"

#include <utility>

namespace fleetsync::serve {

void AgentTable::Tell(const std::vector<CommandEnd>& ends) {
  for (const CommandEnd& end : ends) end.tell(end.answer);
}

void AgentTable::Add(std::shared_ptr<AgentLink> link) {
  const MutexLock lock(mutex_);
  links_.insert(std::move(link));
}

void AgentTable::Remove(const std::shared_ptr<AgentLink>& link, std::string_view host) {
  std::vector<CommandEnd> ends;
  {
    const MutexLock lock(mutex_);
    links_.erase(link);
    if (links_.empty()) removed_.notify_all();
    const auto it = of_host_.find(host);
    // A newer stream of the host may have taken its place.
    if (it != of_host_.end() && it->second == link) {
      of_host_.erase(it);
      ends = desk_.OnGone(host);
    }
  }
  Tell(ends);
}

std::shared_ptr<AgentLink> AgentTable::Introduce(const std::string& host,
                                                 std::shared_ptr<AgentLink> link) {
  std::vector<CommandEnd> ends;
  std::shared_ptr<AgentLink> older;
  {
    const MutexLock lock(mutex_);
    older = std::exchange(of_host_[host], std::move(link));
    if (older) ends = desk_.OnGone(host);
  }
  Tell(ends);
  return older;
}

std::vector<std::shared_ptr<AgentLink>> AgentTable::All() const {
  const MutexLock lock(mutex_);
  return {links_.begin(), links_.end()};
}

void AgentTable::AwaitEmpty(Duration patience) {
  const MutexLock lock(mutex_);
  removed_.wait_for(mutex_, patience, [this]() FS_REQUIRES(mutex_) { return links_.empty(); });
}

std::shared_ptr<AgentLink> AgentTable::Find(std::string_view host) const {
  const MutexLock lock(mutex_);
  const auto it = of_host_.find(host);
  return it == of_host_.end() ? nullptr : it->second;
}

std::set<std::string, std::less<>> AgentTable::Connected() const {
  const MutexLock lock(mutex_);
  std::set<std::string, std::less<>> hosts;
  for (const auto& [host, link] : of_host_) hosts.insert(hosts.end(), host);
  return hosts;
}

bool AgentTable::Command(const std::string& host, const v1::Command& command, MonoTime deadline,
                         OnCommandAnswer tell) {
  std::shared_ptr<AgentLink> link;
  std::optional<v1::Command> issued;
  {
    const MutexLock lock(mutex_);
    const auto it = of_host_.find(host);
    if (it == of_host_.end()) return false;
    issued = desk_.Issue(host, command, deadline, std::move(tell));
    if (!issued) return false;
    link = it->second;
  }
  link->Send(*issued);
  return true;
}

void AgentTable::OnResult(std::string_view host, const v1::CommandResult& result) {
  std::optional<CommandEnd> end;
  {
    const MutexLock lock(mutex_);
    end = desk_.OnResult(host, result);
  }
  if (end) end->tell(end->answer);
}

void AgentTable::OnTick(Now now) {
  std::vector<CommandEnd> ends;
  {
    const MutexLock lock(mutex_);
    ends = desk_.OnTime(now.mono);
  }
  Tell(ends);
  for (const auto& link : All()) link->OnTick(now);
}

}  // namespace fleetsync::serve
