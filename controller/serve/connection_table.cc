#include "controller/serve/connection_table.h"

namespace fleetsync::serve {

void ConnectionTable::CountStranger(const Peer& peer) {
  ++strangers_;
  ++strangers_of_[peer.address];
}

void ConnectionTable::DiscountStranger(const Peer& peer) {
  --strangers_;
  const auto it = strangers_of_.find(peer.address);
  if (--it->second == 0) strangers_of_.erase(it);
}

bool ConnectionTable::Admit(MonoTime now, const std::string& peer, std::string_view address) {
  OnClosed(peer);  // the same port again: the end of the older one is still to be heard
  if (strangers_ >= limits_.strangers) return false;
  const auto of = strangers_of_.find(address);
  if (of != strangers_of_.end() && of->second >= limits_.strangers_of_one_address) return false;
  const Peer added{.address = std::string(address), .deadline = now + limits_.patience};
  CountStranger(added);
  peers_.emplace(peer, added);
  return true;
}

void ConnectionTable::OnStream(std::string_view peer) {
  const auto it = peers_.find(peer);
  if (it != peers_.end() && ++it->second.begun > limits_.streams) crowded_.insert(it->first);
}

void ConnectionTable::OnStreamOver(std::string_view peer) {
  const auto it = peers_.find(peer);
  if (it != peers_.end() && it->second.begun > 0) --it->second.begun;
}

void ConnectionTable::OnIntroduced(std::string_view peer) {
  const auto it = peers_.find(peer);
  if (it != peers_.end() && it->second.streams++ == 0) DiscountStranger(it->second);
}

void ConnectionTable::OnEnded(MonoTime now, std::string_view peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end() || it->second.streams == 0 || --it->second.streams != 0) return;
  it->second.deadline = now + limits_.patience;
  CountStranger(it->second);
}

void ConnectionTable::OnClosed(std::string_view peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) return;
  if (it->second.streams == 0) DiscountStranger(it->second);
  if (const auto crowded = crowded_.find(peer); crowded != crowded_.end()) crowded_.erase(crowded);
  peers_.erase(it);
}

std::vector<std::string> ConnectionTable::Overdue(MonoTime now) const {
  std::vector<std::string> overdue;
  if (strangers_ == 0) return overdue;
  for (const auto& [name, peer] : peers_)
    if (peer.streams == 0 && peer.deadline <= now) overdue.push_back(name);
  return overdue;
}

std::vector<std::string> ConnectionTable::Crowded() const {
  return {crowded_.begin(), crowded_.end()};
}

bool ConnectionTable::IsStranger(std::string_view peer) const {
  const auto it = peers_.find(peer);
  return it != peers_.end() && it->second.streams == 0;
}

}  // namespace fleetsync::serve
