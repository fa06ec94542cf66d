#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace fleetsync::serve {

// Of connections that no accepted host or operator has spoken on yet; those of known hosts are
// bounded by one stream a host.
struct ConnectionLimits {
  size_t strangers = 1024;
  size_t strangers_of_one_address = 512;
  Duration patience = std::chrono::seconds(10);  // until a Hello
};

// Who is connected to a listening socket, and who of them has outstayed. A peer is an address with
// its port, which is one connection. Pure; not thread-safe.
class ConnectionTable {
 public:
  explicit ConnectionTable(const ConnectionLimits& limits) : limits_(limits) {}

  // A connection has come. False: it is not to be served, and not kept here.
  bool Admit(MonoTime now, const std::string& peer, std::string_view address);
  // A stream of this peer has been accepted; is over.
  void OnIntroduced(std::string_view peer);
  void OnEnded(MonoTime now, std::string_view peer);
  void OnClosed(std::string_view peer);

  // Those whose time is up. They stay until OnClosed.
  std::vector<std::string> Overdue(MonoTime now) const;

  size_t size() const { return peers_.size(); }
  size_t strangers() const { return strangers_; }

 private:
  struct Peer {
    std::string address;
    size_t streams = 0;  // accepted ones; 0: a stranger
    MonoTime deadline;
  };

  void CountStranger(const Peer& peer);
  void DiscountStranger(const Peer& peer);

  const ConnectionLimits limits_;
  std::map<std::string, Peer, std::less<>> peers_;
  std::map<std::string, size_t, std::less<>> strangers_of_;  // by address
  size_t strangers_ = 0;
};

}  // namespace fleetsync::serve
