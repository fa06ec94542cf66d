#include "controller/status/dashboard.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/fleet_text.h"
#include "controller/status/group_text.h"
#include "controller/status/host_page.h"
#include "controller/status/host_row.h"
#include "controller/ui/utf8.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

using ui::Key;
using ui::KeyPress;
using ui::Style;

constexpr std::array<std::string_view, 12> kHelpLines = {
    "up, down, PgUp, PgDn, Home, End   move",
    "Enter                             all about the chosen host",
    "Esc                               back; on the list: no filter any more",
    "s                                 sort: worst, offset, name",
    "f                                 list all, all but synced, each state that there is",
    "/                                 list hosts whose name has this in it",
    "b                                 a line a host, group, relay, daemon",
    "r                                 look again now",
    "? h                               this",
    "q                                 leave",
    "",
    "OFFSET is what must be added to a host's clock to be right."};

std::string_view NameOf(Sort sort) {
  switch (sort) {
    case Sort::kName:
      return "name";
    case Sort::kOffset:
      return "offset";
    case Sort::kWorst:
      break;
  }
  return "worst";
}

Sort Next(Sort sort) {
  if (sort == Sort::kWorst) return Sort::kOffset;
  return sort == Sort::kOffset ? Sort::kName : Sort::kWorst;
}

std::optional<By> Next(std::optional<By> by) {
  if (!by) return By::kGroup;
  if (*by == By::kGroup) return By::kRelay;
  if (*by == By::kRelay) return By::kDaemon;
  return std::nullopt;
}

size_t Clamped(size_t value, std::ptrdiff_t change, size_t end) {
  if (end == 0) return 0;
  const auto moved = static_cast<std::ptrdiff_t>(value) + change;
  return static_cast<size_t>(
      std::clamp<std::ptrdiff_t>(moved, 0, static_cast<std::ptrdiff_t>(end) - 1));
}

void DropLastCharacter(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

void Dashboard::Resize(size_t columns, size_t rows) {
  columns_ = columns;
  rows_ = rows;
  Move(0);
}

void Dashboard::SetFleet(const FleetSnapshot& snapshot) {
  snapshot_ = snapshot;
  trouble_.clear();
  Rebuild();
}

void Dashboard::Rebuild() {
  if (!snapshot_) return;
  view_ = BuildFleetView(snapshot_->hosts, snapshot_->now, options_.view);
  view_->live = options_.live;
  KeepMatching(options_.filter, *view_);
  Move(0);
}

const HostView* Dashboard::SelectedHost() const {
  if (!view_ || view_->hosts.empty()) return nullptr;
  const auto it = std::find_if(view_->hosts.begin(), view_->hosts.end(),
                               [this](const HostView& h) { return h.input.host == selected_; });
  return it == view_->hosts.end() ? &view_->hosts.front() : &*it;
}

size_t Dashboard::SelectedIndex() const {
  const HostView* host = SelectedHost();
  return host == nullptr ? 0 : static_cast<size_t>(host - view_->hosts.data());
}

// The title, the header, a blank line and the bottom line are not the body's.
size_t Dashboard::BodyRows() const {
  const size_t header = view_ ? HeaderLines(*view_, false).size() : 0;
  const size_t taken = header + 3;
  return rows_ > taken + 1 ? rows_ - taken : 1;
}

void Dashboard::Move(std::ptrdiff_t rows) {
  if (!view_) return;
  const size_t index = Clamped(SelectedIndex(), rows, view_->hosts.size());
  // Until the user moves, the first is chosen, whichever that is. A host that left the list for a
  // moment is chosen again when it is back.
  if (!view_->hosts.empty() && rows != 0) selected_ = view_->hosts[index].input.host;
  const size_t visible = std::max<size_t>(1, BodyRows() - 1);
  if (index < first_) first_ = index;
  if (index >= first_ + visible) first_ = index - visible + 1;
  const size_t last = view_->hosts.size() > visible ? view_->hosts.size() - visible : 0;
  first_ = std::min(first_, last);
}

void Dashboard::Scroll(std::ptrdiff_t rows) { scrolled_ = Clamped(scrolled_, rows, 10'000); }

void Dashboard::NextStateFilter() {
  // None, then all but synced, then one by one those that hosts are in.
  std::vector<std::set<State>> choices = {{}, {kStates.begin(), kStates.end() - 1}};
  for (const State state : kStates)
    if (view_ && view_->summary.count(state) > 0) choices.push_back({state});
  const auto now = std::find(choices.begin(), choices.end(), options_.filter.states);
  const bool last = now == choices.end() || now + 1 == choices.end();
  options_.filter.states = last ? choices.front() : *(now + 1);
}

void Dashboard::OnNameKey(const KeyPress& key) {
  if (key.key == Key::kEnter) {
    typing_name_ = false;
  } else if (key.key == Key::kEscape) {
    typing_name_ = false;
    options_.filter.name.clear();
  } else if (key.key == Key::kBackspace) {
    DropLastCharacter(options_.filter.name);
  } else if (key.key == Key::kCharacter) {
    ui::AppendUtf8(key.character, options_.filter.name);
  }
  Rebuild();
}

void Dashboard::OnListKey(const KeyPress& key) {
  if (key.Is('s')) options_.view.sort = Next(options_.view.sort);
  if (key.Is('f')) NextStateFilter();
  if (key.Is('b')) options_.by = Next(options_.by);
  if (key.Is('/')) typing_name_ = true;
  if (key.key == Key::kEscape) {
    options_.filter.name.clear();
    options_.filter.states.clear();
    options_.by.reset();
  }
  if (key.key == Key::kEnter && !options_.by && SelectedHost() != nullptr) {
    selected_ = SelectedHost()->input.host;
    page_ = Page::kHost;
    scrolled_ = 0;
  }
  Rebuild();
}

Dashboard::Wish Dashboard::OnKey(const KeyPress& key) {
  if (typing_name_) {
    OnNameKey(key);
    return Wish::kNone;
  }
  if (key.Is('q')) return Wish::kQuit;
  if (key.Is('r')) return Wish::kReadNow;
  const auto page = static_cast<std::ptrdiff_t>(std::max<size_t>(2, BodyRows()) - 1);
  const auto move = [this](std::ptrdiff_t rows) {
    page_ == Page::kList && !options_.by ? Move(rows) : Scroll(rows);
  };
  constexpr std::ptrdiff_t kFar = 1'000'000;
  if (key.key == Key::kUp || key.Is('k')) move(-1);
  if (key.key == Key::kDown || key.Is('j')) move(1);
  if (key.key == Key::kPageUp) move(-page);
  if (key.key == Key::kPageDown) move(page);
  if (key.key == Key::kHome) move(-kFar);
  if (key.key == Key::kEnd) move(kFar);
  if (key.Is('?') || key.Is('h')) {
    page_ = Page::kHelp;
    scrolled_ = 0;
  } else if (page_ == Page::kList) {
    OnListKey(key);
  } else if (key.key == Key::kEscape || key.key == Key::kEnter) {
    page_ = Page::kList;
    scrolled_ = 0;
  }
  return Wish::kNone;
}

std::string Dashboard::FilterText() const {
  const Filter& filter = options_.filter;
  std::string text;
  if (filter.states.size() > 1 && !filter.states.contains(State::kSynced)) {
    text += "  only: not synced";
  } else if (!filter.states.empty()) {
    text += fmt::format("  only: {}", ToString(*filter.states.begin()));
  }
  if (!filter.name.empty()) text += fmt::format("  name: {}", Printable(filter.name));
  return text;
}

std::string Dashboard::TitleLine() const {
  std::string title = "fleetsync status";
  if (view_) title += "  " + FormatTime(view_->now);
  title += fmt::format("  sort: {}", NameOf(options_.view.sort));
  if (options_.by) title += fmt::format("  by: {}", ToString(*options_.by));
  return title + FilterText();
}

std::string Dashboard::BottomLine() const {
  if (typing_name_) return fmt::format("/{}_", Printable(options_.filter.name));
  if (!trouble_.empty()) return ui::Styled(Printable(trouble_), Style::kBad, options_.color);
  const std::string_view keys =
      page_ == Page::kList ? "q leave  s sort  f filter  / name  b groups  Enter open  ? help"
                           : "q leave  Esc back";
  std::string line = ui::Styled(keys, Style::kDim, options_.color);
  const std::string legend = view_ ? LegendLine(*view_) : "";
  return legend.empty() || page_ != Page::kList ? line : line + "   " + legend;
}

std::vector<std::string> Dashboard::ListBody(size_t rows) const {
  RowOptions row_options = RowOptionsOf(*view_, options_.color);
  row_options.steady = true;
  std::vector<std::vector<std::string>> cells;
  const size_t end = std::min(view_->hosts.size(), first_ + rows - 1);
  for (size_t i = first_; i < end; ++i) cells.push_back(HostRow(view_->hosts[i], row_options));
  std::vector<std::string> lines =
      ui::TableLines(HostColumns(row_options), cells, columns_ > 2 ? columns_ - 2 : 1);
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool selected = i > 0 && first_ + i - 1 == SelectedIndex();
    lines[i].insert(0, selected ? ui::Styled("> ", Style::kBold, options_.color) : "  ");
  }
  if (view_->hosts.empty()) lines.emplace_back("  no host is like that");
  return lines;
}

std::vector<std::string> Dashboard::GroupBody() const {
  std::vector<std::vector<std::string>> cells;
  for (const GroupView& group : GroupsOf(*view_, *options_.by))
    cells.push_back(GroupRow(group, options_.color));
  return ui::TableLines(GroupColumns(*options_.by), cells, columns_);
}

std::vector<std::string> Dashboard::HostBody() const {
  const HostView* host = SelectedHost();
  if (host == nullptr || host->input.host != selected_)
    return {fmt::format("{} is not in the list any more", Printable(selected_))};
  return HostPage(*host, view_->now, columns_, options_.color);
}

std::vector<std::string> Dashboard::Frame() const {
  std::vector<std::string> lines = {ui::Styled(TitleLine(), Style::kDim, options_.color)};
  if (view_)
    for (std::string& line : HeaderLines(*view_, options_.color)) lines.push_back(std::move(line));
  lines.emplace_back();
  std::vector<std::string> body;
  if (page_ == Page::kHelp) {
    body.assign(kHelpLines.begin(), kHelpLines.end());
  } else if (!view_) {
    body = {"reading …"};
  } else if (page_ == Page::kHost) {
    body = HostBody();
  } else {
    body = options_.by ? GroupBody() : ListBody(BodyRows());
  }
  const bool scrolls = page_ != Page::kList || options_.by.has_value();
  const size_t most = body.size() > BodyRows() ? body.size() - BodyRows() : 0;
  const size_t skip = scrolls ? std::min(scrolled_, most) : 0;
  lines.insert(lines.end(), body.begin() + static_cast<std::ptrdiff_t>(skip), body.end());
  lines.resize(rows_ > 0 ? rows_ - 1 : 0);
  lines.push_back(BottomLine());
  for (std::string& line : lines) line = ui::FitToWidth(line, columns_);
  return lines;
}

}  // namespace fleetsync::status
