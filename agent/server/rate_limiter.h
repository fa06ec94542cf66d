#pragma once

#include <array>
#include <atomic>
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
// constructor. One thread asks; any thread may read Top() and size() meanwhile.
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
  // Those with the most requests, most first. Allocates. Read while others write: the counts of a
  // client that is just coming in may be those of the one that it pushes out.
  std::vector<ClientCount> Top(size_t count) const;

 private:
  static constexpr size_t kWays = 8;
  static constexpr size_t kSets = 2048;

  // Written by one thread, so without read-modify-write: a relaxed load and store cost nothing.
  struct Entry {
    std::atomic<uint64_t> ip[2] = {};
    std::atomic<int64_t> last = 0;       // MonoTime
    std::atomic<uint64_t> requests = 0;  // 0: the entry is free
    std::atomic<uint64_t> limited = 0;
    MonoTime due{};  // when the bucket is full again (GCRA's theoretical arrival time)
    MonoTime next_kiss{};
  };

  Entry& Find(const ntp::Address& client, MonoTime now);
  Decision Judge(Entry& entry, MonoTime now) const;

  RateLimit limit_;
  uint64_t seed_;
  std::vector<uint64_t> tags_;  // one for each entry: what is looked at first. 0: free
  std::vector<Entry> entries_;
};

}  // namespace fleetsync::server
