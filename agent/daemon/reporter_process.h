#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

// The reporter as a child of the time process: started, told, listened to, and started again when
// it dies. Never waited for, but at the end.
class ReporterProcess {
 public:
  using Log = std::function<void(const std::string&)>;

  // `arguments`: of the program that /proc/self/exe is, without argv[0]; "--socket N" is added.
  ReporterProcess(std::vector<std::string> arguments, Log log);
  ReporterProcess(const ReporterProcess&) = delete;
  ReporterProcess& operator=(const ReporterProcess&) = delete;
  // Asks it to stop, and kills it when it does not within a second.
  ~ReporterProcess();

  // Starts it when it is not there and the back-off is over; notices that it died.
  void OnTimer(MonoTime now);
  MonoTime NextTimer() const { return start_at_; }

  int fd() const { return socket_; }  // -1: not running
  void TellSpooled(uint64_t last);
  // fd() is readable. The highest sequence that the controller acknowledged, if it said so.
  std::optional<uint64_t> OnReadable(MonoTime now);

 private:
  Status Launch();
  void OnDeath(MonoTime now);

  std::vector<std::string> arguments_;
  Log log_;
  pid_t pid_ = -1;
  int socket_ = -1;
  MonoTime start_at_{};  // max: it runs
  MonoTime started_{};
  int failures_ = 0;
};

}  // namespace fleetsync::daemon
