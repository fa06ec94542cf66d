#include "controller/serve/command_desk.h"

#include <algorithm>
#include <utility>

namespace fleetsync::serve {
namespace {

constexpr int64_t kMaxForOneHost = 16;

}  // namespace

std::optional<v1::Command> CommandDesk::Issue(const std::string& host, v1::Command command,
                                              MonoTime deadline, OnCommandAnswer tell) {
  const auto same = [&](const auto& entry) { return entry.second.host == host; };
  if (std::count_if(waiting_.begin(), waiting_.end(), same) >= kMaxForOneHost) return std::nullopt;
  do {
    command.set_id(random_());
  } while (command.id() == 0 || waiting_.contains(command.id()));
  waiting_.emplace(command.id(), Waiting{host, deadline, std::move(tell)});
  return command;
}

std::optional<CommandEnd> CommandDesk::OnResult(std::string_view host,
                                                const v1::CommandResult& result) {
  const auto it = waiting_.find(result.id());
  if (it == waiting_.end() || it->second.host != host) return std::nullopt;
  CommandEnd end{std::move(it->second.tell), result};
  waiting_.erase(it);
  return end;
}

template <class Predicate>
std::vector<CommandEnd> CommandDesk::EndAll(Predicate&& of) {
  std::vector<CommandEnd> ends;
  std::erase_if(waiting_, [&](auto& entry) {
    if (!of(entry.second)) return false;
    ends.push_back({std::move(entry.second.tell), std::nullopt});
    return true;
  });
  return ends;
}

std::vector<CommandEnd> CommandDesk::OnGone(std::string_view host) {
  return EndAll([&](const Waiting& waiting) { return waiting.host == host; });
}

std::vector<CommandEnd> CommandDesk::OnTime(MonoTime now) {
  return EndAll([&](const Waiting& waiting) { return waiting.deadline <= now; });
}

}  // namespace fleetsync::serve
