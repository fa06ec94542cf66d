#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/engine/address.h"
#include "agent/server/access_list.h"
#include "agent/server/responder.h"
#include "agent/server/server_vars.h"
#include "base/status.h"
#include "proto/ntp/key_store.h"

namespace fleetsync::serve {

struct TimeServerConfig {
  std::vector<ntp::Address> listen;  // with ports; port 0: one of the kernel's choice
  size_t workers = 1;                // threads for each address
  std::vector<server::AccessRule> access;
  server::RateLimit limit;
  ntp::KeyStore keys;  // without one no request with a MAC is answered
  uint64_t seed = 0;   // hard to guess
};

struct Counts {
  std::array<uint64_t, server::kVerdicts> verdicts{};  // by server::Verdict
  uint64_t overflowed = 0;  // datagrams that found the receive buffer full
  uint64_t unsent = 0;      // answers that the network did not take
  size_t clients = 0;       // that are remembered

  uint64_t requests() const;  // all that was received
};

// Answers NTP requests in threads of its own, from what is published last. Not started by signals,
// nor reached by them.
class TimeServer {
 public:
  // The sockets alone; requests wait. FailedPrecondition, PermissionDenied: a port cannot be had,
  // and why.
  static StatusOr<std::unique_ptr<TimeServer>> Bind(TimeServerConfig config);
  // The threads, with the privileges that the caller has now. Once.
  void Work();
  // Both.
  static StatusOr<std::unique_ptr<TimeServer>> Start(TimeServerConfig config);
  ~TimeServer();  // stops the threads; requests that wait are not answered
  TimeServer(const TimeServer&) = delete;
  TimeServer& operator=(const TimeServer&) = delete;

  // By one thread.
  void Publish(const server::ServerVars& vars) { vars_.Publish(vars); }

  // Any thread, at any time.
  const std::vector<ntp::Address>& addresses() const { return addresses_; }  // with true ports
  size_t receive_buffer() const;  // the smallest that a worker was granted, bytes
  Counts TakeCounts() const;
  std::vector<server::ClientCount> TopClients(size_t count) const;

 private:
  class Worker;
  explicit TimeServer(std::span<const server::AccessRule> access);

  server::PublishedVars vars_;
  server::AccessList access_;
  std::vector<ntp::Address> addresses_;
  std::vector<std::unique_ptr<Worker>> workers_;  // before the rest goes, they stop
};

}  // namespace fleetsync::serve
