// What an agent sends: messages, each with its length in two bytes before it. Whatever is accepted
// must fit the schema's own checks.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <variant>

#include "controller/serve/command_desk.h"
#include "controller/serve/ingest.h"
#include "controller/serve/stream_clock.h"

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

// Whatever a host says of its clock, measuring goes on, and a bound is no less than the way there
// and back allows.
void CheckStamps(serve::StreamClock& clock, Now& now, serve::HostStamps stamps) {
  const uint64_t question = clock.Ask(now);
  const Duration elapsed = std::chrono::microseconds(300);
  now.mono += elapsed;
  now.system += elapsed;
  if (stamps.question % 4 != 0) stamps.question = question;
  const std::optional<serve::ClockEstimate> estimate = clock.OnAnswer(now, stamps);
  Require(!estimate || estimate->error_bound > Duration::zero());
  Require(!clock.OnAnswer(now, stamps));
}

void CheckResult(serve::CommandDesk& desk, const v1::CommandResult& result) {
  Require(result.text().size() <= 255 && v1::CommandOutcome_IsValid(result.outcome()));
  Require(result.error_bound_ns() <= uint64_t{kLimit});
  int told = 0;
  Require(desk.Issue("web02", {}, MonoTime::max(), [&](const auto&) { ++told; }).has_value());
  Require(!desk.OnResult("web01", result) && told == 0);
  desk.OnGone("web02");
  Require(desk.waiting() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const serve::HostNames hosts = {"web01"};
  serve::IngestSession session(hosts);
  serve::StreamClock clock(MonoTime{}, 1);
  serve::CommandDesk desk(1);
  Now now{MonoTime(std::chrono::seconds(1000)), SystemTime(std::chrono::seconds(1'790'000'000))};
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
    if (const auto* reports = std::get_if<serve::Reports>(&*accepted)) {
      Require(!reports->empty() && std::ssize(*reports) <= serve::kMostReports);
      for (const db::Report& report : *reports) {
        CheckReport(report, last_sequence);
        last_sequence = report.sequence;
      }
    } else if (const auto* stamps = std::get_if<serve::HostStamps>(&*accepted)) {
      CheckStamps(clock, now, *stamps);
    } else if (const auto* result = std::get_if<v1::CommandResult>(&*accepted)) {
      CheckResult(desk, *result);
    } else if (const auto* wanted = std::get_if<serve::CertificateWanted>(&*accepted)) {
      Require(!wanted->request_der.empty() && wanted->request_der.size() <= 16384);
    }
  }
  return 0;
}
