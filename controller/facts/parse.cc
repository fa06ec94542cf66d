#include <array>
#include <charconv>

#include "base/sha256.h"
#include "base/text.h"
#include "controller/facts/answer_lines.h"
#include "controller/facts/config_paths.h"
#include "controller/facts/facts.h"
#include "controller/facts/file_fact.h"
#include "fmt/format.h"

namespace fleetsync::facts {
namespace {

constexpr unsigned kCapSysTime = 25;  // capabilities(7)

template <class Int = int>
Int ToInt(std::string_view text) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value < 0 ? 0 : value;
}

std::string Unquote(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

// The first word that looks like a version: "chronyd (chrony) version 4.3 (+CMDMON…" gives "4.3",
// "ntpd 4.2.8p15@1.3728-o Wed …" gives "4.2.8p15", "ntpd ntpsec-1.2.2" gives "1.2.2".
std::string VersionIn(std::string_view text) {
  for (std::string_view word : SplitWords(text)) {
    if (const size_t dash = word.find("sec-"); dash != std::string_view::npos) {
      word.remove_prefix(dash + 4);
    }
    const bool digit = !word.empty() && word[0] >= '0' && word[0] <= '9';
    if (digit && word.find('.') != std::string_view::npos) {
      return std::string(word.substr(0, word.find_first_of("@+,;")));
    }
  }
  return "";
}

bool HasCapability(std::string_view hex, unsigned capability) {
  uint64_t mask = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), mask, 16);
  return (mask >> capability & 1) != 0;
}

struct DaemonName {
  std::string_view name;
  Daemon daemon;
};
constexpr std::array kDaemonNames = {
    DaemonName{"chrony", Daemon::kChrony},       DaemonName{"ntp", Daemon::kNtpClassic},
    DaemonName{"ntpsec", Daemon::kNtpsec},       DaemonName{"openntpd", Daemon::kOpenntpd},
    DaemonName{"timesyncd", Daemon::kTimesyncd}, DaemonName{"agent", Daemon::kAgent},
};

// Takes the lines between the markers one by one.
class Reader {
 public:
  void OnLine(std::string_view key, std::string_view raw) {
    if (key == "file") {
      file_ = &facts_.files[Unescape(raw)];
      *file_ = FileFact{};
      file_->exists = true;
      return;
    }
    const std::string value = Unescape(raw);
    if (key == "stat") {
      if (file_ != nullptr) ReadStat(value, *file_);
    } else if (key == "sha256") {
      if (file_ != nullptr) file_->sha256 = value.substr(0, value.find(' '));
    } else if (key.starts_with("daemon")) {
      OnDaemonLine(key, value);
    } else if (key.starts_with("os_release") || key.starts_with("release.")) {
      OnReleaseLine(key, value);
    } else if (!OnSystemLine(key, value)) {
      OnTimeLine(key, value);
    }
  }

  void OnContent(std::string_view encoding, AnswerLines& lines) {
    FileFact ignored;
    ReadContent(encoding, lines, file_ == nullptr ? ignored : *file_);
  }

  Facts Finish() {
    if (facts_.os_name.empty()) facts_.os_name = fallback_name_;
    facts_.can_set_clock = facts_.cap_sys_time || !facts_.preload.empty();
    for (auto& [path, file] : facts_.files) file.truncated = file.content.size() >= kFileLimit;
    for (DaemonFact& daemon : facts_.daemons) FillPaths(daemon, facts_);
    return std::move(facts_);
  }

 private:
  void OnDaemonLine(std::string_view key, const std::string& value) {
    if (key == "daemon") {
      daemon_ = nullptr;
      for (const DaemonName& known : kDaemonNames) {
        if (known.name != value) continue;
        daemon_ = &facts_.daemons.emplace_back();
        daemon_->daemon = known.daemon;
      }
      return;
    }
    if (daemon_ == nullptr) return;
    if (key == "daemon.binary") daemon_->binary = value;
    if (key == "daemon.version") daemon_->version = VersionIn(value);
    if (key == "daemon.service") daemon_->service = value;
    if (key == "daemon.config" && daemon_->config_path.empty()) daemon_->config_path = value;
    if (key == "daemon.enabled") daemon_->enabled = true;
    if (key == "daemon.pid") {
      daemon_->pid = ToInt(value);
      daemon_->running = daemon_->pid > 0;
    }
  }

  void OnReleaseLine(std::string_view key, const std::string& value) {
    if (key != "os_release") {  // /etc/redhat-release and the like, from before os-release
      fallback_name_ = value;
      if (facts_.os_id.empty()) facts_.os_id = key.substr(std::string_view("release.").size());
      if (facts_.os_version.empty()) facts_.os_version = VersionIn(value);
      return;
    }
    const size_t equals = value.find('=');
    const std::string text =
        Unquote(std::string_view(value).substr(std::min(equals, value.size() - 1) + 1));
    if (value.starts_with("ID=")) facts_.os_id = text;
    if (value.starts_with("VERSION_ID=")) facts_.os_version = text;
    if (value.starts_with("PRETTY_NAME=")) facts_.os_name = text;
  }

  bool OnSystemLine(std::string_view key, const std::string& value) {
    if (key == "uname") {
      const auto words = SplitWords(value);
      if (words.size() < 4) return true;
      facts_.hostname = words[1];
      facts_.kernel = words[2];
      facts_.machine = words.back();
    } else if (key == "uid") {
      facts_.is_root = value == "0";
    } else if (key == "busybox") {
      facts_.busybox = true;
    } else if (key == "cap_eff") {
      facts_.cap_sys_time = HasCapability(value, kCapSysTime);
    } else if (key == "preload") {
      facts_.preload = value;
    } else if (key == "container") {
      facts_.container = true;
      facts_.container_kind = value;
    } else if (key == "init") {
      facts_.init = InitOf(value);
    } else if (key == "init_process") {
      facts_.init_process = value;
    } else if (key == "package_manager") {
      facts_.package_manager = value;
    } else if (key == "tool") {
      facts_.tools.push_back(value);
    } else if (key == "firewall") {
      facts_.firewall = value;
    } else if (key == "fingerprint") {
      facts_.fingerprint = value;
    } else if (key == "inputs") {
      facts_.fingerprint = Sha256Hex(value + "\n");
    } else if (key == "settled") {
      facts_.settled = true;
    } else {
      return false;
    }
    return true;
  }

  void OnTimeLine(std::string_view key, const std::string& value) {
    if (key == "busybox_ntpd.service") {
      facts_.busybox_ntpd.emplace().service = value;
    } else if (key == "busybox_ntpd.pid" && facts_.busybox_ntpd) {
      facts_.busybox_ntpd->pid = ToInt(value);
    } else if (key == "udp123") {
      facts_.udp123_held = true;
    } else if (key == "udp123.holder") {
      facts_.udp123_holder = value;
    } else if (key == "cron") {
      facts_.cron = value;
    } else if (key == "root_crontab") {
      facts_.root_crontab = value;
    } else if (key == "cron.pid") {
      facts_.cron_running = !value.empty();
    } else if (key == "job_timer") {
      facts_.job_timer = true;
    } else if (key == "time_job") {
      facts_.time_jobs.push_back(value);
    } else if (key == "localtime_link") {
      facts_.localtime_link = value;
    } else if (key == "timezone") {
      facts_.timezone = value;
    } else if (key == "clock") {
      const auto words = SplitWords(value);
      if (words.size() < 2) return;
      facts_.clock_s = ToInt<int64_t>(words[0]);
      facts_.utc_offset = words[1];
    } else if (key == "rtc") {
      facts_.has_rtc = !value.empty();
    } else if (key == "rtc.local") {
      facts_.rtc_is_local = true;
    }
  }

  static Init InitOf(std::string_view name) {
    for (const Init init : {Init::kSystemd, Init::kSysv, Init::kOpenrc, Init::kBusybox}) {
      if (ToString(init) == name) return init;
    }
    return Init::kUnknown;
  }

  Facts facts_;
  FileFact* file_ = nullptr;      // std::map: stays valid
  DaemonFact* daemon_ = nullptr;  // the last of the vector
  std::string fallback_name_;
};

}  // namespace

StatusOr<Facts> ParseProbe(std::string_view output) {
  FS_ASSIGN_OR_RETURN(AnswerLines lines,
                      AnswerLines::Find(output, "fleetsync-probe 1", "reading the host's facts"));
  Reader reader;
  while (const auto line = lines.Next()) {
    if (line->key == "encoding") {
      reader.OnContent(line->raw, lines);
    } else {
      reader.OnLine(line->key, line->raw);
    }
  }
  return reader.Finish();
}

}  // namespace fleetsync::facts
