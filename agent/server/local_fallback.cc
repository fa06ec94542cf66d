#include "agent/server/local_fallback.h"

#include <utility>

namespace fleetsync::server {

ServerVars LocalFallback::Apply(const ServerVars& vars) {
  const std::optional<Now> last = std::exchange(last_, vars.as_of);
  if (!first_) first_ = vars.as_of.mono;
  if (vars.synchronised()) {
    offset_ = vars.offset;
    wait_ = Duration::zero();
  }
  active_ = !vars.synchronised() && stratum_ && vars.as_of.mono - *first_ >= wait_;
  if (!active_) return vars;
  if (last) offset_ -= SteppedBy(*last, vars.as_of);
  return FromLocalClock(vars.as_of, offset_, *stratum_, vars.precision);
}

}  // namespace fleetsync::server
