#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/engine/address.h"
#include "base/time.h"

namespace fleetsync::server {

struct RateLimit {
  Duration interval{};  // a client's average; zero: nobody is limited, clients are only counted
  int burst = 16;       // requests that may come at once after a rest
};

struct ClientCount {
  ntp::Address client;
  uint64_t requests = 0;
  uint64_t limited = 0;  // of these
  MonoTime last{};
};

// Who asked how often. The table has a fixed size: a client that is not in it takes the place of
// the one in its set of eight that has been silent for longest. Does not allocate after the
// constructor. Not thread-safe.
class RateLimiter {
 public:
  enum class Decision : uint8_t {
    kServe,
    kKiss,  // too often: tell it; at most once in an interval, and in two seconds
    kDrop,  // too often, and told so
  };

  // `seed` should be hard to guess: who knows it can choose addresses that push others out.
  RateLimiter(RateLimit limit, uint64_t seed, size_t sets = kSets);

  // `now` never goes back.
  Decision OnRequest(const ntp::Address& client, MonoTime now);

  size_t capacity() const { return entries_.size(); }
  size_t size() const;
  const RateLimit& limit() const { return limit_; }
  // Those with the most requests, most first. Allocates.
  std::vector<ClientCount> Top(size_t count) const;

 private:
  static constexpr size_t kWays = 8;
  static constexpr size_t kSets = 2048;

  struct Entry {
    std::array<uint8_t, 16> ip{};
    MonoTime last{};  // the epoch: the entry is free
    MonoTime due{};   // when the bucket is full again (GCRA's theoretical arrival time)
    MonoTime next_kiss{};
    uint64_t requests = 0;
    uint64_t limited = 0;
  };

  Entry& Find(const ntp::Address& client, MonoTime now);
  Decision Judge(Entry& entry, MonoTime now) const;

  RateLimit limit_;
  uint64_t seed_;
  std::vector<uint64_t> tags_;  // one for each entry: what is looked at first. 0: free
  std::vector<Entry> entries_;
};

}  // namespace fleetsync::server
