#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/policy/time_policy.h"
#include "controller/render/render.h"

namespace fleetsync::render {

// One thing that a policy asks for: "time.leap" as "slew"; of sources "minpoll" as "4".
struct Wish {
  std::string key, value;
};
std::vector<Wish> WishesOf(const policy::TimePolicy& policy);

// InvalidArgument, naming the host, the daemon, the key and its value, for the first wish that this
// daemon in this version cannot fulfil: nothing is left out in silence.
Status CheckExpressible(const policy::TimePolicy& policy, const Platform& platform);

}  // namespace fleetsync::render
