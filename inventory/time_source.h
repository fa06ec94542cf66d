#pragma once

#include "inventory/name.h"
#include "inventory/time_settings.h"
#include "inventory/variables.h"

namespace fleetsync::inventory {

inline constexpr int kMostKeyId = 65535;  // ntp.keys(5) of ntpd; chrony takes more

// "ntp1.example prefer minpoll 4", "pool 2.pool.ntp.org": what ToString(TimeSource) writes is read
// back as the same.
Problem ReadTimeSource(const Word& word, TimeSource::Kind kind, TimeSource& source);

}  // namespace fleetsync::inventory
