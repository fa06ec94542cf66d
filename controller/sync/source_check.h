#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/sync/kernel_clock.h"
#include "controller/sync/reference.h"

namespace fleetsync::sync {

// What speaks against following some time sources, a line each.
struct SourceFindings {
  std::vector<std::string> refusals;  // wrong as seen from here: nobody is to be told to follow it
  std::vector<std::string> warnings;  // could not be looked at from here
};

// Judges the sources that `fresh` names, by what all of `states` (and this machine's clock, where
// the kernel says that it is kept) answered: a name without an address, a source that says itself
// that it is not synchronised, one that most others contradict beyond what both allow themselves.
// A silent source is a warning, since hosts may be let through where this machine is not. Pure.
SourceFindings JudgeSources(const std::vector<RelayState>& states,
                            const std::set<std::string>& fresh, const KernelClock& kernel);

}  // namespace fleetsync::sync
