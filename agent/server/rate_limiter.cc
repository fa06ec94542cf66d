#include "agent/server/rate_limiter.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fleetsync::server {
namespace {

// A kiss is an answer too: a client that cannot hear it must not get one for each request.
constexpr Duration kKissInterval = std::chrono::seconds(2);

using Words = std::array<uint64_t, 2>;

Words ToWords(const ntp::Address& client) {
  Words words;
  std::memcpy(words.data(), client.ip.data(), sizeof words);
  return words;
}

// Keyed and well mixed, never 0. Two rounds of multiply-and-fold.
uint64_t Tag(const Words& ip, uint64_t seed) {
  const auto fold = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const uint64_t half = fold(ip[0] ^ seed, ip[1] ^ 0x9e3779b97f4a7c15);
  return fold(half ^ std::rotl(ip[1], 32), seed | 0xa0761d6478bd6425) | 1;
}

template <class T>
T Get(const std::atomic<T>& value) {
  return value.load(std::memory_order_relaxed);
}
template <class T>
void Put(std::atomic<T>& value, T to) {
  value.store(to, std::memory_order_relaxed);
}

}  // namespace

RateLimiter::RateLimiter(RateLimit limit, uint64_t seed, size_t sets)
    : limit_(limit),
      seed_(seed),
      tags_(std::bit_ceil(sets) * kWays),
      entries_(std::bit_ceil(sets) * kWays) {}

RateLimiter::Entry& RateLimiter::Find(const ntp::Address& client, MonoTime now) {
  const Words ip = ToWords(client);
  const uint64_t tag = Tag(ip, seed_);
  const size_t first = (tag >> 8) * kWays & (tags_.size() - 1);
  size_t oldest = first;
  for (size_t i = first; i < first + kWays; ++i) {
    Entry& entry = entries_[i];
    if (tags_[i] == tag && Get(entry.ip[0]) == ip[0] && Get(entry.ip[1]) == ip[1]) return entry;
    if (tags_[i] == 0) {
      oldest = i;
      break;  // entries of a set are taken in order and never given up
    }
    if (Get(entry.last) < Get(entries_[oldest].last)) oldest = i;
  }
  tags_[oldest] = tag;
  Entry& entry = entries_[oldest];
  Put(entry.requests, uint64_t{0});
  Put(entry.limited, uint64_t{0});
  Put(entry.ip[0], ip[0]);
  Put(entry.ip[1], ip[1]);
  entry.due = now;
  entry.next_kiss = now;
  return entry;
}

RateLimiter::Decision RateLimiter::OnRequest(const ntp::Address& client, MonoTime now) {
  Entry& entry = Find(client, now);
  Put(entry.requests, Get(entry.requests) + 1);
  Put(entry.last, now.time_since_epoch().count());
  if (limit_.interval <= Duration::zero()) return Decision::kServe;
  return Judge(entry, now);
}

RateLimiter::Decision RateLimiter::Judge(Entry& entry, MonoTime now) const {
  const MonoTime due = std::max(entry.due, now);
  if (due - now <= limit_.interval * (limit_.burst - 1)) {
    entry.due = due + limit_.interval;
    return Decision::kServe;
  }
  Put(entry.limited, Get(entry.limited) + 1);
  if (now < entry.next_kiss) return Decision::kDrop;
  entry.next_kiss = now + std::max(kKissInterval, limit_.interval);
  return Decision::kKiss;
}

size_t RateLimiter::size() const {
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(),
                                           [](const Entry& e) { return Get(e.requests) != 0; }));
}

std::vector<ClientCount> RateLimiter::Top(size_t count) const {
  std::vector<ClientCount> clients;
  for (const Entry& e : entries_) {
    if (Get(e.requests) == 0) continue;
    ClientCount c{
        {.ip = {}, .port = 0}, Get(e.requests), Get(e.limited), MonoTime(Duration(Get(e.last)))};
    const Words ip = {Get(e.ip[0]), Get(e.ip[1])};
    std::memcpy(c.client.ip.data(), ip.data(), sizeof ip);
    clients.push_back(c);
  }
  const auto middle = clients.begin() + static_cast<ptrdiff_t>(std::min(count, clients.size()));
  std::partial_sort(clients.begin(), middle, clients.end(), [](const auto& a, const auto& b) {
    return a.requests != b.requests ? a.requests > b.requests : a.client.ip < b.client.ip;
  });
  clients.erase(middle, clients.end());
  return clients;
}

}  // namespace fleetsync::server
