#pragma once

#include <string>
#include <string_view>

#include "controller/plan/apply_result.h"
#include "controller/plan/plan.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::push {

struct FailureText {
  std::string why, next_step;
};

// Why an apply script failed, as an operator reads it: the refused line of the file itself, what
// the host's state is now, and what to do. `errors` is what the script wrote on standard error.
FailureText ExplainApply(const plan::ApplyResult& result, const plan::HostPlan& plan,
                         const ssh::Exit& exit, std::string_view errors);

// For a connection that broke while the script ran.
inline constexpr std::string_view kAfterLostConnection =
    "the host undoes by itself what it had begun, or has finished it; push again to see which";

}  // namespace fleetsync::push
