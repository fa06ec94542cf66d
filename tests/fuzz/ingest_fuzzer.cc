// What an agent sends: messages, each with its length in two bytes before it. Whatever is accepted
// must fit the schema's own checks.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "controller/serve/ingest.h"

namespace {

using namespace fleetsync;

void Require(bool condition) {
  if (!condition) abort();
}

constexpr int64_t kLimit = int64_t{1} << 60;

void CheckReport(const db::Report& report, uint64_t last_sequence) {
  Require(report.host == "web01");
  Require(report.sequence > last_sequence && report.sequence <= uint64_t{1} << 62);
  Require(report.stratum >= 1 && report.stratum <= 16);
  Require(report.leap <= 3);
  Require(Abs(report.offset).count() <= kLimit);
  for (const Duration d : {report.error_bound, report.root_delay, report.root_dispersion,
                           report.jitter, report.monotonic})
    Require(d >= Duration::zero());
  Require(report.host_time.time_since_epoch() >= Duration::zero());
  Require(report.daemon.size() <= 255 && report.sources.size() <= 64);
  for (const db::Source& source : report.sources) {
    Require(source.name.size() <= 255 && source.address.size() <= 255);
    Require(source.stratum >= 1 && source.stratum <= 16 && source.state <= 5);
    Require(Abs(source.offset).count() <= kLimit && source.delay >= Duration::zero());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const serve::HostNames hosts = {"web01"};
  serve::IngestSession session(hosts);
  uint64_t last_sequence = 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  while (input.size() > 2) {
    const size_t length =
        static_cast<unsigned char>(input[0]) * size_t{256} + static_cast<unsigned char>(input[1]);
    const std::string_view bytes = input.substr(2, length);
    input.remove_prefix(2 + bytes.size());
    v1::StreamRequest message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    const StatusOr<serve::Accepted> accepted = session.OnMessage(message, SystemTime{});
    if (!accepted.ok()) continue;
    if (const auto* report = std::get_if<db::Report>(&*accepted)) {
      CheckReport(*report, last_sequence);
      last_sequence = report->sequence;
    }
  }
  return 0;
}
