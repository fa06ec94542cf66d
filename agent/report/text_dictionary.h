#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::report {

// The texts that were told on one stream. Not thread-safe.
class TextDictionary {
 public:
  // Renumbers a report that tells all of its texts to the stream's numbers, and leaves in it only
  // the texts that the stream has not been told.
  void Shorten(v1::Report& report);

 private:
  std::map<std::string, uint32_t> ids_;
};

}  // namespace fleetsync::report
