#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/status/fleet_source.h"
#include "controller/status/fleet_view.h"
#include "controller/status/group_view.h"
#include "controller/ui/keys.h"

namespace fleetsync::status {

struct DashboardOptions {
  ViewOptions view;
  Filter filter;
  std::optional<By> by;
  bool color = false;
  bool live = false;
};

// `status --watch` without its terminal: keys, sizes and what is known of the fleet go in, the page
// comes out. Pure.
class Dashboard {
 public:
  explicit Dashboard(DashboardOptions options) : options_(std::move(options)) {}

  void Resize(size_t columns, size_t rows);
  void SetFleet(const FleetSnapshot& snapshot);
  // Why the fleet could not be read: shown until it can be again. What was known stays.
  void SetTrouble(std::string trouble) { trouble_ = std::move(trouble); }

  enum class Wish : uint8_t { kNone, kQuit, kReadNow };
  Wish OnKey(const ui::KeyPress& key);

  // Exactly the screen's rows, none wider than it.
  std::vector<std::string> Frame() const;

  // Of the newest view; 1 before the first.
  int exit_code() const { return view_ ? ExitCodeOf(*view_) : 1; }

 private:
  enum class Page : uint8_t { kList, kHost, kHelp };

  void Rebuild();
  void OnListKey(const ui::KeyPress& key);
  void OnNameKey(const ui::KeyPress& key);
  void NextStateFilter();
  void Move(std::ptrdiff_t rows);
  void Scroll(std::ptrdiff_t rows);
  std::vector<std::string> ListBody(size_t rows) const;
  std::vector<std::string> GroupBody() const;
  std::vector<std::string> HostBody() const;
  std::string TitleLine() const;
  std::string BottomLine() const;
  std::string FilterText() const;
  const HostView* SelectedHost() const;
  size_t SelectedIndex() const;
  size_t BodyRows() const;

  DashboardOptions options_;
  size_t columns_ = 80, rows_ = 24;
  Page page_ = Page::kList;
  bool typing_name_ = false;
  std::string trouble_;
  std::optional<FleetSnapshot> snapshot_;
  std::optional<FleetView> view_;  // filtered
  std::string selected_;           // host
  size_t first_ = 0;               // row of the list that is shown first
  size_t scrolled_ = 0;            // lines, of the other pages
};

}  // namespace fleetsync::status
