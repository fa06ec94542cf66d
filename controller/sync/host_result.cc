#include "controller/sync/host_result.h"

namespace fleetsync::sync {

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotBegun:
      return "not_begun";
    case Outcome::kReference:
      return "reference";
    case Outcome::kLeft:
      return "left";
    case Outcome::kSet:
      return "set";
    case Outcome::kWouldSet:
      return "would_set";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace fleetsync::sync
