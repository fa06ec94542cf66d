#include "agent/server/vars_text.h"

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "proto/ntp/names.h"

namespace fleetsync::server {

std::string VarsText(const ServerVars& vars) {
  if (!vars.synchronised()) return "unsynchronised";
  return fmt::format("stratum {}, reference {}, offset {}, root distance {}", vars.stratum,
                     ntp::ReferenceIdText(vars.reference_id, vars.stratum),
                     FormatSigned(vars.offset),
                     FormatDuration(vars.root_delay / 2 + vars.root_dispersion));
}

std::string SourceText(const ntp::Snapshot& snapshot) {
  for (const ntp::SourceSnapshot& source : snapshot.sources)
    if (source.state == ntp::SourceState::kSelected) return Printable(source.name);
  return "what the upstreams said while they answered";
}

}  // namespace fleetsync::server
