#include "controller/plan/unified_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

constexpr size_t kContext = 3;
constexpr size_t kMaxEdits = 1000;  // the search keeps a row for each: 1 000 take 8 MB

using Lines = std::vector<std::string_view>;  // each with its line break, but maybe the last

Lines SplitLines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

enum class Kind : uint8_t { kSame, kRemoved, kAdded };
struct Edit {
  Kind kind;
  size_t before, after;  // index of the line, or where it would be
};

// How far each diagonal got after d edits: Myers, "An O(ND) Difference Algorithm", 1986.
class Frontier {
 public:
  explicit Frontier(size_t edits) : x_(2 * edits + 3, 0), middle_(edits + 1) {}
  int64_t& At(int64_t diagonal) { return x_[static_cast<size_t>(diagonal + middle_)]; }
  int64_t At(int64_t diagonal) const { return x_[static_cast<size_t>(diagonal + middle_)]; }

 private:
  std::vector<int64_t> x_;
  int64_t middle_;
};

// At diagonal k, after d edits: whether the step down (a line added) gets further.
bool ComesFromAbove(const Frontier& frontier, int64_t k, int64_t d) {
  return k == -d || (k != d && frontier.At(k - 1) < frontier.At(k + 1));
}

// The frontiers before each edit of a shortest script; empty when it would have more than
// kMaxEdits.
std::vector<Frontier> Search(const Lines& a, const Lines& b) {
  const auto n = static_cast<int64_t>(a.size());
  const auto m = static_cast<int64_t>(b.size());
  std::vector<Frontier> trace;
  Frontier now(0);
  const auto limit = std::min<int64_t>(n + m, kMaxEdits);
  for (int64_t d = 0; d <= limit; ++d) {
    Frontier next(static_cast<size_t>(d));
    for (int64_t k = -d + 1; k < d; ++k) next.At(k) = now.At(k);
    trace.push_back(next);
    for (int64_t k = -d; k <= d; k += 2) {
      int64_t x = 0;
      if (d > 0)
        x = ComesFromAbove(trace.back(), k, d) ? trace.back().At(k + 1)
                                               : trace.back().At(k - 1) + 1;
      while (x < n && x - k < m && a[static_cast<size_t>(x)] == b[static_cast<size_t>(x - k)]) ++x;
      next.At(k) = x;
      if (x >= n && x - k >= m) return trace;
    }
    now = std::move(next);
  }
  return {};
}

std::vector<Edit> ReplaceAll(const Lines& a, const Lines& b) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < a.size(); ++i) edits.push_back({Kind::kRemoved, i, 0});
  for (size_t i = 0; i < b.size(); ++i) edits.push_back({Kind::kAdded, a.size(), i});
  return edits;
}

std::vector<Edit> MiddleEdits(const Lines& a, const Lines& b) {
  const std::vector<Frontier> trace = Search(a, b);
  if (trace.empty()) return ReplaceAll(a, b);
  std::vector<Edit> edits;
  auto x = static_cast<int64_t>(a.size());
  auto y = static_cast<int64_t>(b.size());
  for (auto d = static_cast<int64_t>(trace.size()) - 1; d >= 0; --d) {
    const int64_t k = x - y;
    const Frontier& frontier = trace[static_cast<size_t>(d)];
    const bool down = d > 0 && ComesFromAbove(frontier, k, d);
    const int64_t start_x = d == 0 ? 0 : down ? frontier.At(k + 1) : frontier.At(k - 1);
    const int64_t start_y = d == 0 ? 0 : start_x - (down ? k + 1 : k - 1);
    while (x > start_x + (d > 0 && !down ? 1 : 0) && y > start_y + (down ? 1 : 0)) {
      --x, --y;
      edits.push_back({Kind::kSame, static_cast<size_t>(x), static_cast<size_t>(y)});
    }
    if (d == 0) break;
    x = start_x, y = start_y;
    edits.push_back(
        {down ? Kind::kAdded : Kind::kRemoved, static_cast<size_t>(x), static_cast<size_t>(y)});
  }
  std::reverse(edits.begin(), edits.end());
  return edits;
}

std::vector<Edit> Edits(const Lines& a, const Lines& b) {
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
    ++tail;
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head),
                 lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  std::vector<Edit> edits;
  for (size_t i = 0; i < head; ++i) edits.push_back({Kind::kSame, i, i});
  for (Edit edit : MiddleEdits(middle(a), middle(b)))
    edits.push_back({edit.kind, edit.before + head, edit.after + head});
  for (size_t i = tail; i > 0; --i) edits.push_back({Kind::kSame, a.size() - i, b.size() - i});
  return edits;
}

std::string Line(char mark, std::string_view line) {
  const bool complete = line.back() == '\n';
  return fmt::format("{}{}{}", mark, line, complete ? "" : "\n\\ No newline at end of file\n");
}

// "12,3": where a hunk is in one of the files; an empty range names the line before it.
std::string Range(size_t first, size_t count) {
  if (count == 1) return fmt::format("{}", first + 1);
  return fmt::format("{},{}", count == 0 ? first : first + 1, count);
}

std::string Hunk(const std::vector<Edit>& edits, size_t begin, size_t end, const Lines& a,
                 const Lines& b) {
  size_t before = 0;
  size_t after = 0;
  std::string lines;
  for (size_t i = begin; i < end; ++i) {
    const Edit& edit = edits[i];
    before += edit.kind != Kind::kAdded;
    after += edit.kind != Kind::kRemoved;
    switch (edit.kind) {
      case Kind::kSame:
        lines += Line(' ', a[edit.before]);
        break;
      case Kind::kRemoved:
        lines += Line('-', a[edit.before]);
        break;
      case Kind::kAdded:
        lines += Line('+', b[edit.after]);
        break;
    }
  }
  return fmt::format("@@ -{} +{} @@\n{}", Range(edits[begin].before, before),
                     Range(edits[begin].after, after), lines);
}

// Removed lines before added ones within a run of changes, as diff prints them.
void OrderRuns(std::vector<Edit>& edits) {
  for (auto run = edits.begin(); run != edits.end();) {
    if (run->kind == Kind::kSame) {
      ++run;
      continue;
    }
    const auto end =
        std::find_if(run, edits.end(), [](const Edit& edit) { return edit.kind == Kind::kSame; });
    const auto added = std::stable_partition(
        run, end, [](const Edit& edit) { return edit.kind == Kind::kRemoved; });
    const size_t first_after =
        added == end ? run->after : std::min_element(run, end, [](const Edit& x, const Edit& y) {
                                      return x.after < y.after;
                                    })->after;
    for (auto removed = run; removed != added; ++removed) removed->after = first_after;
    const size_t past = run == added ? run->before : (added - 1)->before + 1;
    for (auto add = added; add != end; ++add) add->before = past;
    run = end;
  }
}

}  // namespace

std::string UnifiedDiff(std::string_view before, std::string_view after, const DiffNames& names) {
  if (before == after) return {};
  const Lines a = SplitLines(before);
  const Lines b = SplitLines(after);
  std::vector<Edit> edits = Edits(a, b);
  OrderRuns(edits);
  std::string text = fmt::format("--- {}\n+++ {}\n", names.before, names.after);
  for (size_t i = 0; i < edits.size();) {
    if (edits[i].kind == Kind::kSame) {
      ++i;
      continue;
    }
    const size_t begin = i - std::min(i, kContext);
    size_t last = i;  // of the changes in this hunk
    for (size_t j = i; j < edits.size() && j <= last + 2 * kContext + 1; ++j)
      if (edits[j].kind != Kind::kSame) last = j;
    const size_t end = std::min(last + kContext + 1, edits.size());
    text += Hunk(edits, begin, end, a, b);
    i = end;
  }
  return text;
}

DiffCount CountChanges(std::string_view before, std::string_view after) {
  DiffCount count;
  for (const Edit& edit : Edits(SplitLines(before), SplitLines(after))) {
    count.removed += edit.kind == Kind::kRemoved;
    count.added += edit.kind == Kind::kAdded;
  }
  return count;
}

}  // namespace fleetsync::plan
