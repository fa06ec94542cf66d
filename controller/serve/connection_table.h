#pragma once

#include <cstddef>
#include <map>
#include <set>
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
  Duration patience = std::chrono::seconds(10);          // until a Hello
  Duration reading_patience = std::chrono::seconds(30);  // until a message is taken
  // At once on one connection. gRPC tells the client so, and holds it to that once the client has
  // confirmed to have heard it.
  size_t streams = 8;
  // That the process may use, and more for each host that is connected. Beyond it the connections
  // end that have brought most.
  size_t memory_bytes = size_t{256} << 20;
  size_t memory_bytes_of_host = size_t{256} << 10;
};

// Who is connected to a listening socket, and who of them has outstayed. A peer is an address with
// its port, which is one connection. Pure; not thread-safe.
class ConnectionTable {
 public:
  explicit ConnectionTable(const ConnectionLimits& limits) : limits_(limits) {}

  // A connection has come. False: it is not to be served, and not kept here.
  bool Admit(MonoTime now, const std::string& peer, std::string_view address);
  // A stream of this peer begins; is over, whether accepted or not.
  void OnStream(std::string_view peer);
  void OnStreamOver(std::string_view peer);
  // A stream of this peer has been accepted; is over.
  void OnIntroduced(std::string_view peer);
  void OnEnded(MonoTime now, std::string_view peer);
  void OnClosed(std::string_view peer);

  // Those whose time is up. They stay until OnClosed.
  std::vector<std::string> Overdue(MonoTime now) const;
  // Those with more streams than they may have.
  std::vector<std::string> Crowded() const;
  bool IsStranger(std::string_view peer) const;

  size_t size() const { return peers_.size(); }
  size_t strangers() const { return strangers_; }

 private:
  struct Peer {
    std::string address;
    size_t begun = 0;    // streams that are not over
    size_t streams = 0;  // accepted ones; 0: a stranger
    MonoTime deadline;
  };

  void CountStranger(const Peer& peer);
  void DiscountStranger(const Peer& peer);

  const ConnectionLimits limits_;
  std::map<std::string, Peer, std::less<>> peers_;
  std::map<std::string, size_t, std::less<>> strangers_of_;  // by address
  size_t strangers_ = 0;
  std::set<std::string, std::less<>> crowded_;
};

}  // namespace fleetsync::serve
