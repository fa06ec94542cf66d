#pragma once

#include <map>
#include <span>
#include <string>

#include "controller/status/fleet_view.h"

namespace fleetsync::status {

// What hosts say of the sources that several of them use.
class SourceVotes {
 public:
  // Of hosts whose word is new enough.
  void Add(const HostInput& host);

  // The other hosts that know the source `host` follows call it false, more of them than do not; or
  // the host does so itself.
  bool FollowsFalseticker(const HostInput& host) const;

 private:
  struct Votes {
    int good = 0, bad = 0;
  };
  std::map<std::string, Votes> votes_;
};

// How far the clock may be off: what is compared with the tolerance.
Duration WorstCase(const Reading& reading);

// Too old, or from too far in the future.
bool IsStale(const HostInput& host, SystemTime now, Duration stale);

HostView Judge(const HostInput& host, const SourceVotes& votes, SystemTime now,
               const ViewOptions& options);

}  // namespace fleetsync::status
