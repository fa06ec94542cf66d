#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fleetsync::ntp {

// Position in EngineConfig::sources.
enum class SourceId : uint32_t {};

struct SourceConfig {
  std::string name{};  // host name or address
  uint16_t port = 123;
  int8_t minpoll = 6;   // log2 seconds
  int8_t maxpoll = 10;  // log2 seconds; how far a server's RATE kiss may stretch the interval
  bool iburst = false;  // four requests in quick succession at the start
};

struct EngineConfig {
  std::vector<SourceConfig> sources;
  int8_t precision = -20;  // of the local clock, log2 seconds
};

}  // namespace fleetsync::ntp
