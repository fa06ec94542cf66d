// What a host prints about its time daemons: any bytes. Whatever they are, what comes out can be
// added up, printed and shown.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "controller/observe/observation.h"
#include "controller/observe/parsers.h"

namespace {

using fleetsync::Duration;
using fleetsync::observe::DaemonState;

void Check(bool holds) {
  if (!holds) abort();
}

void CheckDuration(const std::optional<Duration>& duration) {
  if (duration) Check(fleetsync::Abs(*duration) <= std::chrono::hours(24 * 366) * 290);
}

void CheckState(const DaemonState& state) {
  Check(state.stratum <= 16);
  for (const auto& duration :
       {state.offset, state.error_bound, state.root_delay, state.root_dispersion, state.jitter})
    CheckDuration(duration);
  for (const auto& source : state.sources) {
    Check(source.stratum >= 1 && source.stratum <= 16);
    Check(!source.poll || (*source.poll >= -32 && *source.poll <= 32));
    for (const auto& duration :
         {source.last, source.offset, source.delay, source.jitter, source.error_bound})
      CheckDuration(duration);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (auto* parse :
       {fleetsync::observe::ParseChronyTracking, fleetsync::observe::ParseChronySources,
        fleetsync::observe::ParseNtpVariables, fleetsync::observe::ParseNtpPeers,
        fleetsync::observe::ParseOpenntpd, fleetsync::observe::ParseTimesyncStatus,
        fleetsync::observe::ParseTimedatectl, fleetsync::observe::ParseAdjtimex}) {
    DaemonState state;
    parse(text, state);
    CheckState(state);
  }
  const std::string whole =
      "\nfleetsync-observe 1 begin\n" + std::string(text) + "\nfleetsync-observe 1 end\n";
  for (const std::string_view output : {text, std::string_view(whole)}) {
    const auto observation = fleetsync::observe::ParseObservation(output);
    if (!observation.ok()) continue;
    CheckState(observation->state);
    for (const auto& source : observation->state.sources)
      Check(fleetsync::Printable(source.name) == source.name);
    Check(fleetsync::Printable(observation->state.trouble) == observation->state.trouble);
  }
  return 0;
}
