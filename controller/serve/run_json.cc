#include "controller/serve/run_json.h"

#include <utility>

#include "db/units.h"
#include "nlohmann/json.hpp"

namespace fleetsync::serve {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string RunJson(const db::Run& run, int64_t process) {
  Json hosts = Json::array();
  for (const db::RunHost& host : run.hosts)
    hosts.push_back({{"host", host.host}, {"outcome", host.outcome}, {"detail", host.detail}});
  const Json json = {{"run", run.id},
                     {"command", run.command},
                     {"user", run.user},
                     {"controller", run.controller},
                     {"inventory", run.inventory},
                     {"started_us", db::Microseconds(run.started)},
                     {"finished_us", run.finished ? db::Microseconds(*run.finished) : 0},
                     {"process", process},
                     {"hosts", std::move(hosts)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<WaitingRun> ParseRunJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    WaitingRun waiting{.run = {.id = json.at("run"),
                               .command = json.at("command"),
                               .user = json.at("user"),
                               .controller = json.at("controller"),
                               .inventory = json.at("inventory"),
                               .started = db::InstantFromMicroseconds(json.at("started_us")),
                               .finished = {},
                               .hosts = {}},
                       .process = json.at("process")};
    const int64_t finished = json.at("finished_us");
    if (finished != 0) waiting.run.finished = db::InstantFromMicroseconds(finished);
    for (const Json& host : json.at("hosts"))
      waiting.run.hosts.push_back({host.at("host"), host.at("outcome"), host.at("detail")});
    return waiting;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace fleetsync::serve
