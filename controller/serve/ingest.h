#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "db/records.h"
#include "db/writer.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::serve {

using HostNames = std::set<std::string, std::less<>>;

// The host's answer to a TimeQuestion, by its own clock.
struct HostStamps {
  uint64_t question = 0;
  SystemTime received;
  SystemTime sent;
};

struct CertificateWanted {
  std::string request_der;
};

// In order of their sequence, at least one.
using Reports = std::vector<db::Report>;

// What the store keeps of what agents say, and of what is measured of them.
using Storable = std::variant<db::Arrival, Reports, db::Measurement>;

// What a message of an agent becomes.
using Accepted =
    std::variant<db::Arrival, Reports, HostStamps, v1::CommandResult, CertificateWanted>;

// Of one message.
inline constexpr int kMostReports = 64;

// One stream of one agent, without gRPC: what may come when, and what of it is believed. Numbers
// out of their range are brought back into it and long texts cut, so that everything accepted fits
// the schema; what breaks the protocol ends the stream. Pure; not thread-safe.
class IngestSession {
 public:
  // `hosts`: the inventory's names; outlives the session.
  explicit IngestSession(const HostNames& hosts) : hosts_(hosts) {}

  // `received` by the controller's clock. PermissionDenied: a host that the inventory does not
  // name. InvalidArgument: no Hello first, a second one, sequence numbers that do not rise, none or
  // too many reports in a message, a certificate request of no possible size.
  StatusOr<Accepted> OnMessage(const v1::StreamRequest& message, SystemTime received);

  // Empty before an accepted Hello.
  const std::string& host() const { return host_; }

 private:
  StatusOr<Accepted> OnHello(const v1::Hello& hello, SystemTime received);
  StatusOr<Accepted> OnReports(const v1::Reports& reports, SystemTime received);
  StatusOr<db::Report> OnReport(const v1::Report& report, SystemTime received);
  StatusOr<Accepted> OnIntroduced(const v1::StreamRequest& message) const;
  Status Learn(const v1::Text& text);
  std::string Told(uint32_t id) const;
  db::Source ToSource(const v1::Source& source) const;

  const HostNames& hosts_;
  std::string host_, spool_id_;
  uint64_t last_sequence_ = 0;
  std::map<uint32_t, std::string> texts_;  // that this stream has told
};

}  // namespace fleetsync::serve
