#include "agent/report/event_watch.h"

#include <algorithm>
#include <utility>

namespace fleetsync::report {
namespace {

// A report with more than these says enough.
constexpr size_t kMostEvents = 32;

constexpr double kFastestSlew = 0.1;         // chronyd's maxslewrate is a twelfth
constexpr double kFastestKernelSlew = 0.25;  // of half a second, in the first second
constexpr Duration kReadingSlack = std::chrono::milliseconds(10);
constexpr Duration kShortestSleep = std::chrono::seconds(1);

// How near a step must come to what was to be corrected: the daemon knows more of it than it told.
constexpr Duration kStepSlack = std::chrono::milliseconds(30);
constexpr double kStepError = 0.05;

bool IsNear(Duration step, Duration expected) {
  return Abs(step - expected) <= kStepSlack + FromSeconds(ToSeconds(Abs(step)) * kStepError);
}

bool IsLeap(ntp::Leap leap) { return leap == ntp::Leap::kInsert || leap == ntp::Leap::kDelete; }

}  // namespace

void EventWatch::Add(Now now, v1::EventKind kind, Duration amount, std::string_view text) {
  if (events_.size() >= kMostEvents) return;
  v1::Event& event = events_.emplace_back();
  event.set_kind(kind);
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(now.system.time_since_epoch());
  event.set_host_time_us(static_cast<uint64_t>(std::max<int64_t>(0, us.count())));
  event.set_amount_ns(amount.count());
  event.set_text(std::string(text));
}

void EventWatch::OnStart(Now now) { Add(now, v1::EVENT_KIND_STARTED, {}, ""); }

void EventWatch::OnClock(const ClockLook& look) {
  const ClockLook before = std::exchange(last_look_, look).value_or(look);
  const Duration elapsed = look.now.mono - before.now.mono;
  Duration moved = (look.now.system - before.now.system) - elapsed;
  // The system clock goes on while the machine sleeps, our intervals do not.
  if (const Duration slept = look.slept - before.slept; slept >= kShortestSleep) {
    Add(look.now, v1::EVENT_KIND_RESUMED, slept, "");
    urgent_ = true;
    moved -= slept;
  }
  const double fastest = we_keep_the_clock_ ? kFastestKernelSlew : kFastestSlew;
  const Duration slewed = kReadingSlack + FromSeconds(fastest * ToSeconds(elapsed));
  const bool ours = look.we_stepped != Duration::zero() && IsNear(moved, look.we_stepped);
  if (ours || Abs(moved) > slewed) OnStep(look, moved, ours);
}

void EventWatch::OnStep(const ClockLook& look, Duration step, bool ours) {
  const bool expected = ours || std::any_of(claims_.begin(), claims_.end(),
                                            [step](Duration c) { return IsNear(step, c); });
  Add(look.now, expected ? v1::EVENT_KIND_STEPPED : v1::EVENT_KIND_STEPPED_BY_OTHER, step, "");
  urgent_ = true;
  if (!expected) foreign_step_ += step;
  claims_.clear();  // they are of the clock as it was
}

void EventWatch::OnState(const ntp::Snapshot& snapshot, std::string_view daemon) {
  if (daemon_ && *daemon_ != daemon) {
    Add(snapshot.at, v1::EVENT_KIND_DAEMON, {}, daemon);
    urgent_ = true;
  }
  daemon_ = std::string(daemon);
  CompareSources(snapshot);
  if (snapshot.panicking && !panicking_) {
    Add(snapshot.at, v1::EVENT_KIND_PANIC, snapshot.offset, "");
    urgent_ = true;
  }
  panicking_ = snapshot.panicking;
  if (snapshot.leap != leap_ && (IsLeap(snapshot.leap) || IsLeap(leap_))) {
    const bool insert = snapshot.leap == ntp::Leap::kInsert;
    Add(snapshot.at, v1::EVENT_KIND_LEAP, {},
        !IsLeap(snapshot.leap) ? "none"
        : insert               ? "insert"
                               : "delete");
  }
  leap_ = snapshot.leap;
}

void EventWatch::CompareSources(const ntp::Snapshot& snapshot) {
  std::string selected;
  std::vector<std::string> falsetickers;
  claims_.clear();
  // An offset near nothing would take any small step for a correction.
  const auto claim = [this](Duration offset) {
    if (Abs(offset) > 2 * kStepSlack) claims_.push_back(offset);
  };
  if (snapshot.synchronised) claim(snapshot.offset);
  for (const ntp::SourceSnapshot& source : snapshot.sources) {
    if (source.state == ntp::SourceState::kSelected) selected = source.name;
    if (source.state == ntp::SourceState::kFalseticker) {
      falsetickers.push_back(source.name);
    } else if (source.sample_age) {
      claim(source.offset);
    }
  }
  if (selected != selected_ && !selected.empty())
    Add(snapshot.at, v1::EVENT_KIND_SOURCE_SELECTED, {}, selected);
  if (selected.empty() && !selected_.empty()) {
    Add(snapshot.at, v1::EVENT_KIND_SOURCE_LOST, {}, selected_);
    urgent_ = true;
  }
  for (const std::string& name : falsetickers) {
    if (std::find(falsetickers_.begin(), falsetickers_.end(), name) == falsetickers_.end())
      Add(snapshot.at, v1::EVENT_KIND_FALSETICKER, {}, name);
  }
  selected_ = std::move(selected);
  falsetickers_ = std::move(falsetickers);
}

Duration EventWatch::TakeForeignStep() { return std::exchange(foreign_step_, Duration::zero()); }

std::vector<v1::Event> EventWatch::Take() {
  urgent_ = false;
  return std::exchange(events_, {});
}

}  // namespace fleetsync::report
