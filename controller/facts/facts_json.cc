#include "controller/facts/facts_json.h"

#include "fmt/format.h"

namespace fleetsync::facts {
namespace {

using nlohmann::ordered_json;

ordered_json DaemonJson(const DaemonFact& daemon) {
  return {{"daemon", ToString(daemon.daemon)}, {"version", daemon.version},
          {"binary", daemon.binary},           {"service", daemon.service},
          {"running", daemon.running},         {"pid", daemon.pid},
          {"enabled", daemon.enabled},         {"config", daemon.config_path},
          {"drift", daemon.drift_path},        {"keys", daemon.keys_path}};
}

ordered_json FilesJson(const Facts& facts) {
  ordered_json files = ordered_json::object();
  for (const auto& [path, file] : facts.files) {
    files[path] = {{"mode", fmt::format("{:04o}", file.mode)},
                   {"owner", file.owner},
                   {"group", file.group},
                   {"readable", file.readable},
                   {"truncated", file.truncated},
                   {"bytes", file.content.size()}};
  }
  return files;
}

}  // namespace

ordered_json ToJson(const Facts& facts) {
  ordered_json daemons = ordered_json::array();
  for (const DaemonFact& daemon : facts.daemons) daemons.push_back(DaemonJson(daemon));
  ordered_json json = {
      {"hostname", facts.hostname},
      {"os", {{"id", facts.os_id}, {"version", facts.os_version}, {"name", facts.os_name}}},
      {"kernel", facts.kernel},
      {"machine", facts.machine},
      {"busybox", facts.busybox},
      {"init", ToString(facts.init)},
      {"package_manager", facts.package_manager},
      {"container", facts.container ? ordered_json(facts.container_kind) : ordered_json(nullptr)},
      {"root", facts.is_root},
      {"daemons", daemons},
      {"tools", facts.tools},
      {"udp123", {{"held", facts.udp123_held}, {"holder", facts.udp123_holder}}},
      {"firewall", facts.firewall},
      {"cron", {{"kind", facts.cron}, {"running", facts.cron_running}}},
      {"time_jobs", facts.time_jobs},
      {"timezone", facts.timezone},
      {"utc_offset", facts.utc_offset},
      {"rtc", {{"present", facts.has_rtc}, {"local_time", facts.rtc_is_local}}},
      {"cap_sys_time", facts.cap_sys_time},
      {"can_set_clock", facts.can_set_clock},
      {"files", FilesJson(facts)}};
  if (facts.busybox_ntpd) {
    json["busybox_ntpd"] = {{"service", facts.busybox_ntpd->service},
                            {"pid", facts.busybox_ntpd->pid}};
  }
  return json;
}

}  // namespace fleetsync::facts
