#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock_read.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/status.h"
#include "controller/status/dashboard.h"
#include "controller/ui/screen.h"
#include "controller/ui/styled_text.h"
#include "controller/ui/terminal.h"

namespace fleetsync::cli {
namespace {

// How long an escape may be the beginning of a key's sequence.
constexpr Duration kEscapeWait = std::chrono::milliseconds(50);

// Reads the fleet in a thread of its own, so that keys are heard meanwhile.
class Reading {
 public:
  Reading(std::unique_ptr<status::FleetSource> source, Duration interval, ui::Terminal& terminal)
      : source_(std::move(source)),
        interval_(interval),
        terminal_(terminal),
        thread_([this] { Run(); }) {}

  ~Reading() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_one();
    source_->Cancel();
    thread_.join();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  // What was read since the last call.
  std::optional<StatusOr<status::FleetSnapshot>> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(result_, std::nullopt);
  }

  void ReadNow() {
    {
      const std::lock_guard lock(mutex_);
      now_ = true;
    }
    changed_.notify_one();
  }

 private:
  void Run() {
    for (;;) {
      StatusOr<status::FleetSnapshot> result = source_->Read();
      std::unique_lock lock(mutex_);
      result_ = std::move(result);
      terminal_.Wake();
      changed_.wait_for(lock, interval_, [this] { return stop_ || now_; });
      if (stop_) return;
      now_ = false;
    }
  }

  std::unique_ptr<status::FleetSource> source_;
  Duration interval_;
  ui::Terminal& terminal_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false, now_ = false;
  std::optional<StatusOr<status::FleetSnapshot>> result_;
  std::thread thread_;  // the last: it uses the others
};

status::DashboardOptions OptionsOf(const Context& context, const StatusOptions& options) {
  return {.view = options.view,
          .filter = options.filter,
          .by = options.by,
          .color = context.color,
          .live = options.live};
}

class Watch {
 public:
  Watch(ui::Terminal& terminal, Reading& reading, status::DashboardOptions options)
      : terminal_(terminal),
        reading_(reading),
        dashboard_(std::move(options)),
        ascii_(!ui::LocaleIsUtf8()) {
    TakeSize();
  }

  Status Run(const std::atomic<bool>& stop) {
    while (!stop && !left_) {
      if (auto result = reading_.Take()) TakeResult(*std::move(result));
      FS_RETURN_IF_ERROR(Draw());
      const ui::Terminal::Waited waited =
          terminal_.Wait(keys_.waiting() ? kEscapeWait : std::chrono::minutes(1));
      if (waited.closed) return absl::OkStatus();
      if (waited.resized) TakeSize();
      for (const ui::KeyPress& key : keys_.Take(waited.bytes)) TakeKey(key);
      if (waited.bytes.empty() && !waited.resized)
        if (const auto key = keys_.GiveUpWaiting()) TakeKey(*key);
    }
    return absl::OkStatus();
  }

  int exit_code() const { return dashboard_.exit_code(); }

 private:
  void TakeSize() {
    const ui::TerminalSize size = terminal_.size();
    dashboard_.Resize(size.columns, size.rows);
    screen_.Resize(size.columns, size.rows);
  }
  void TakeResult(StatusOr<status::FleetSnapshot> result) {
    if (result.ok()) {
      dashboard_.SetFleet(*result);
    } else {
      dashboard_.SetTrouble(Message(result.status()));
    }
  }
  void TakeKey(const ui::KeyPress& key) {
    const status::Dashboard::Wish wish = dashboard_.OnKey(key);
    if (wish == status::Dashboard::Wish::kQuit) left_ = true;
    if (wish == status::Dashboard::Wish::kReadNow) reading_.ReadNow();
  }
  Status Draw() {
    std::vector<std::string> lines = dashboard_.Frame();
    if (ascii_)
      for (std::string& line : lines) line = ui::ToAscii(line);
    return terminal_.Write(screen_.Show(lines));
  }

  ui::Terminal& terminal_;
  Reading& reading_;
  status::Dashboard dashboard_;
  ui::Screen screen_;
  ui::KeyReader keys_;
  bool ascii_, left_ = false;
};

}  // namespace

int WatchFleet(const Context& context, const StatusOptions& options,
               std::unique_ptr<status::FleetSource> source) {
  if (context.options.output != OutputFormat::kTable) {
    PrintError("--watch draws on a terminal; leave out -o, or ask without --watch");
    return kUsage;
  }
  StatusOr<std::unique_ptr<ui::Terminal>> terminal = ui::Terminal::Take();
  if (!terminal.ok()) {
    PrintError("--watch: " + Message(terminal.status()));
    return kUsage;
  }
  Status status;
  int code = kAllWell;
  {
    Reading reading(std::move(source), *options.watch, **terminal);
    Watch watch(**terminal, reading, OptionsOf(context, options));
    status = watch.Run(*context.stop);
    code = watch.exit_code();
    (*terminal)->Leave();  // at once, though a question to the fleet may take its time to end
  }
  if (!status.ok()) PrintError(Message(status));
  return *context.stop ? kInterrupted : code;
}

}  // namespace fleetsync::cli
