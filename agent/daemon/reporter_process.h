#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/daemon/reporter_child.h"
#include "agent/report/local_message.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

// The reporter, as the time process sees it: started, told, listened to, and started again when
// it dies. Never waited for, but at the end.
class ReporterProcess {
 public:
  using Log = std::function<void(const std::string&)>;

  ReporterProcess(std::shared_ptr<ReporterChild> child, Log log);
  ReporterProcess(const ReporterProcess&) = delete;
  ReporterProcess& operator=(const ReporterProcess&) = delete;
  // Asks it to stop, and kills it when it does not within a second.
  ~ReporterProcess();

  // Starts it when it is not there and the back-off is over; notices that it died.
  void OnTimer(MonoTime now);
  MonoTime NextTimer() const { return start_at_; }

  int fd() const { return socket_; }  // -1: not running
  void TellSpooled(uint64_t last);
  void Tell(const report::LocalMessage& message);
  // fd() is readable: what the reporter says, of acknowledgements the highest alone.
  std::vector<report::LocalMessage> OnReadable(MonoTime now);

 private:
  Status Launch();
  void OnDeath(MonoTime now);

  std::shared_ptr<ReporterChild> child_;
  Log log_;
  int socket_ = -1;
  MonoTime start_at_{};  // max: it runs
  MonoTime started_{};
  int failures_ = 0;
};

}  // namespace fleetsync::daemon
