#include "controller/observe/live_json.h"

#include <cmath>

namespace fleetsync::observe {
namespace {

using nlohmann::ordered_json;

ordered_json Ns(const std::optional<Duration>& duration) {
  return duration ? ordered_json(duration->count()) : ordered_json(nullptr);
}

template <class T>
ordered_json OrNull(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json ToJson(const Source& source) {
  return {{"name", source.name},
          {"state", ToString(source.state)},
          {"tally", std::string(1, Tally(source.state))},
          {"reference_id", source.reference_id},
          {"stratum", source.stratum},
          {"reach", OrNull(source.reach)},
          {"poll", OrNull(source.poll)},
          {"last_ns", Ns(source.last)},
          {"offset_ns", Ns(source.offset)},
          {"delay_ns", Ns(source.delay)},
          {"jitter_ns", Ns(source.jitter)},
          {"error_bound_ns", Ns(source.error_bound)}};
}

}  // namespace

ordered_json ToJson(const Observation& observation) {
  const DaemonState& state = observation.state;
  ordered_json json = {{"name", state.daemon},
                       {"version", state.version},
                       {"answered", state.answered},
                       {"trouble", state.trouble},
                       {"synchronised", state.synchronised()},
                       {"stratum", state.stratum},
                       {"leap", static_cast<int>(state.leap)},
                       {"offset_ns", Ns(state.offset)},
                       {"error_bound_ns", Ns(state.error_bound)},
                       {"root_delay_ns", Ns(state.root_delay)},
                       {"root_dispersion_ns", Ns(state.root_dispersion)},
                       {"jitter_ns", Ns(state.jitter)},
                       {"own_clock", state.own_clock},
                       {"others", observation.others}};
  json["frequency_ppb"] = state.frequency ? ordered_json(std::llround(state.frequency->value * 1e3))
                                          : ordered_json(nullptr);
  json["sources"] = ordered_json::array();
  for (const Source& source : state.sources) json["sources"].push_back(ToJson(source));
  return json;
}

}  // namespace fleetsync::observe
