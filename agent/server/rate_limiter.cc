#include "agent/server/rate_limiter.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fleetsync::server {
namespace {

// A kiss is an answer too: a client that cannot hear it must not get one for each request.
constexpr Duration kKissInterval = std::chrono::seconds(2);

// Keyed and well mixed, never 0. Two rounds of multiply-and-fold.
uint64_t Tag(const std::array<uint8_t, 16>& ip, uint64_t seed) {
  uint64_t words[2];
  std::memcpy(words, ip.data(), sizeof words);
  const auto fold = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const uint64_t half = fold(words[0] ^ seed, words[1] ^ 0x9e3779b97f4a7c15);
  return fold(half ^ std::rotl(words[1], 32), seed | 0xa0761d6478bd6425) | 1;
}

}  // namespace

RateLimiter::RateLimiter(RateLimit limit, uint64_t seed, size_t sets)
    : limit_(limit),
      seed_(seed),
      tags_(std::bit_ceil(sets) * kWays),
      entries_(std::bit_ceil(sets) * kWays) {}

RateLimiter::Entry& RateLimiter::Find(const ntp::Address& client, MonoTime now) {
  const uint64_t tag = Tag(client.ip, seed_);
  const size_t first = (tag >> 8) * kWays & (tags_.size() - 1);
  size_t oldest = first;
  for (size_t i = first; i < first + kWays; ++i) {
    if (tags_[i] == tag && entries_[i].ip == client.ip) return entries_[i];
    if (tags_[i] == 0) {
      oldest = i;
      break;  // entries of a set are taken in order and never given up
    }
    if (entries_[i].last < entries_[oldest].last) oldest = i;
  }
  tags_[oldest] = tag;
  entries_[oldest] = {.ip = client.ip, .due = now};
  return entries_[oldest];
}

RateLimiter::Decision RateLimiter::OnRequest(const ntp::Address& client, MonoTime now) {
  Entry& entry = Find(client, now);
  ++entry.requests;
  entry.last = now;
  if (limit_.interval <= Duration::zero()) return Decision::kServe;
  return Judge(entry, now);
}

RateLimiter::Decision RateLimiter::Judge(Entry& entry, MonoTime now) const {
  const MonoTime due = std::max(entry.due, now);
  if (due - now <= limit_.interval * (limit_.burst - 1)) {
    entry.due = due + limit_.interval;
    return Decision::kServe;
  }
  ++entry.limited;
  if (now < entry.next_kiss) return Decision::kDrop;
  entry.next_kiss = now + std::max(kKissInterval, limit_.interval);
  return Decision::kKiss;
}

size_t RateLimiter::size() const {
  return tags_.size() - static_cast<size_t>(std::count(tags_.begin(), tags_.end(), uint64_t{0}));
}

std::vector<ClientCount> RateLimiter::Top(size_t count) const {
  std::vector<ClientCount> clients;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (tags_[i] == 0) continue;
    const Entry& e = entries_[i];
    clients.push_back({{.ip = e.ip, .port = 0}, e.requests, e.limited, e.last});
  }
  const auto middle = clients.begin() + static_cast<ptrdiff_t>(std::min(count, clients.size()));
  std::partial_sort(clients.begin(), middle, clients.end(), [](const auto& a, const auto& b) {
    return a.requests != b.requests ? a.requests > b.requests : a.client.ip < b.client.ip;
  });
  clients.erase(middle, clients.end());
  return clients;
}

}  // namespace fleetsync::server
