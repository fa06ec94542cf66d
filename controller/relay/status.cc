#include "controller/relay/status.h"

#include <algorithm>
#include <utility>

#include "agent/net/address_text.h"
#include "agent/server/vars_text.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proto/ntp/names.h"

namespace fleetsync::relay {
namespace {

using nlohmann::ordered_json;

std::string AddressAndPort(const ntp::Address& address) {
  const std::string text = net::AddressText(address);
  const bool ipv6 = text.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", text, ipv6 ? "]" : "", address.port);
}

ordered_json VarsJson(const server::ServerVars& vars) {
  return {{"synchronised", vars.synchronised()},
          {"stratum", vars.stratum},
          {"leap", static_cast<int>(vars.leap)},
          {"reference", ntp::ReferenceIdText(vars.reference_id, vars.stratum)},
          {"offset_s", ToSeconds(vars.offset)},
          {"root_delay_s", ToSeconds(vars.root_delay)},
          {"root_dispersion_s", ToSeconds(vars.root_dispersion)},
          {"text", server::VarsText(vars)}};
}

ordered_json CountsJson(const serve::Counts& counts) {
  ordered_json json = {{"requests", counts.requests()}};
  for (size_t i = 0; i < counts.verdicts.size(); ++i) {
    json[std::string(server::Name(static_cast<server::Verdict>(i)))] = counts.verdicts[i];
  }
  json["overflowed"] = counts.overflowed;
  json["unsent"] = counts.unsent;
  return json;
}

std::string CountsLines(const ordered_json& counts) {
  std::string text;
  for (const auto& [name, value] : counts.items()) {
    if (name == "requests" || value.get<uint64_t>() > 0) {
      text += fmt::format("  {:<16}{:>14}\n", Printable(name), value.get<uint64_t>());
    }
  }
  return text;
}

std::string ClientLines(const ordered_json& clients) {
  if (clients.empty()) return "";
  std::string text =
      fmt::format("\n{:<40}  {:>12}  {:>12}  {:>8}\n", "CLIENT", "REQUESTS", "LIMITED", "LAST");
  for (const auto& c : clients) {
    text +=
        fmt::format("{:<40}  {:>12}  {:>12}  {:>8}\n", Printable(c.at("client").get<std::string>()),
                    c.at("requests").get<uint64_t>(), c.at("limited").get<uint64_t>(),
                    fmt::format("{} s", c.at("age_s").get<int64_t>()));
  }
  return text;
}

}  // namespace

std::string ToJson(const RelayStatus& status) {
  ordered_json listening = ordered_json::array();
  for (const ntp::Address& address : status.listening) listening.push_back(AddressAndPort(address));
  ordered_json top = ordered_json::array();
  for (const server::ClientCount& c : status.top) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(status.now.mono - c.last);
    top.push_back({{"client", net::AddressText(c.client)},
                   {"requests", c.requests},
                   {"limited", c.limited},
                   {"age_s", age.count()}});
  }
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(status.now.mono - status.started);
  const ordered_json json = {{"listening", listening},
                             {"uptime_s", up.count()},
                             {"source", status.source},
                             {"time", VarsJson(status.vars)},
                             {"counts", CountsJson(status.counts)},
                             {"receive_buffer", status.receive_buffer},
                             {"clients", status.counts.clients},
                             {"top_clients", top}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

StatusOr<std::string> StatusTable(const std::string& text) {
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    std::vector<std::string> listening;
    for (const auto& address : json.at("listening")) listening.push_back(address);
    const std::string heading = fmt::format(
        "serving {}\non {}, for {}\ntime from {}\n\n",
        Printable(json.at("time").at("text").get<std::string>()), Printable(Join(listening, ", ")),
        FormatDuration(std::chrono::seconds(json.at("uptime_s").get<int64_t>())),
        Printable(json.at("source").get<std::string>()));
    return heading + CountsLines(json.at("counts")) +
           fmt::format("  {:<16}{:>14}\n", "clients", json.at("clients").get<uint64_t>()) +
           ClientLines(json.at("top_clients"));
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        fmt::format("the relay's answer is not understood: {}", error.what()));
  }
}

}  // namespace fleetsync::relay
