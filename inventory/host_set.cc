#include "inventory/host_set.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

constexpr size_t kMostDigits = 18;  // of a number in a name: fits in int64_t

// ---- expanding

struct Item {  // one item of a bracket: "01-40/2", "7", "a-f"
  int64_t first = 0, last = 0, step = 1;
  size_t width = 0;  // zero padded to it; 0: not padded
  bool letters = false;
  std::string_view text;
};

bool IsDigits(std::string_view s) {
  return !s.empty() && s.size() <= kMostDigits && s.find_first_not_of("0123456789") == s.npos;
}

int64_t ToNumber(std::string_view digits) {
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool IsLetter(std::string_view s) {
  return s.size() == 1 && ((s[0] >= 'a' && s[0] <= 'z') || (s[0] >= 'A' && s[0] <= 'Z'));
}

bool HasPadding(std::string_view digits) { return digits.size() > 1 && digits[0] == '0'; }

Status Refused(std::string_view pattern, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("range '{}': {}", Printable(pattern), why));
}

// "1-9/2" → {"1", "9", "2"}, "1:9:2" likewise; the missing ones are empty.
struct Ends {
  std::string_view first, last, step;
  bool is_range = false;
};
Ends SplitEnds(std::string_view item) {
  Ends ends;
  if (const size_t slash = item.find('/'); slash != item.npos) {
    ends.step = item.substr(slash + 1);
    item = item.substr(0, slash);
    if (ends.step.empty()) ends.step = "0";  // "1-9/" is refused with step 0
  }
  const size_t separator = item.find_first_of("-:");
  ends.first = item.substr(0, separator);
  if (separator == item.npos) return ends;
  ends.is_range = true;
  ends.last = item.substr(separator + 1);
  const size_t colon = ends.last.find(':');
  if (item[separator] == ':' && colon != item.npos && ends.step.empty()) {
    ends.step = ends.last.substr(colon + 1);
    ends.last = ends.last.substr(0, colon);
    if (ends.step.empty()) ends.step = "0";
  }
  return ends;
}

StatusOr<Item> ParseItem(std::string_view pattern, std::string_view text) {
  const Ends ends = SplitEnds(text);
  Item item;
  item.text = text;
  if (!ends.is_range && ends.step.empty()) return item;  // "7", "x9": itself
  const auto refused = [&](std::string_view why) {
    return Refused(pattern, fmt::format("'{}' {}", Printable(text), why));
  };
  const bool numbers = IsDigits(ends.first) && IsDigits(ends.last);
  item.letters = IsLetter(ends.first) && IsLetter(ends.last);
  if (!numbers && !item.letters)
    return refused("is not FIRST-LAST with two numbers or two letters");
  item.first = item.letters ? ends.first[0] : ToNumber(ends.first);
  item.last = item.letters ? ends.last[0] : ToNumber(ends.last);
  if (numbers && HasPadding(ends.first)) item.width = ends.first.size();
  const bool uneven = numbers && (ends.last.size() < item.width ||
                                  (HasPadding(ends.last) && ends.last.size() != item.width));
  if (uneven) return refused("pads its two ends differently; write both equally long");
  if (item.last < item.first) return refused("ends before it starts");
  if (!ends.step.empty()) item.step = IsDigits(ends.step) ? ToNumber(ends.step) : 0;
  if (item.step < 1) return refused("has no step above zero after the last separator");
  item.text = {};
  return item;
}

size_t CountOf(const Item& item) {
  if (!item.text.empty()) return 1;
  return static_cast<size_t>((item.last - item.first) / item.step) + 1;
}

void AppendAll(const Item& item, std::vector<std::string>& out) {
  if (!item.text.empty()) {
    out.emplace_back(item.text);
    return;
  }
  const size_t count = CountOf(item);
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = item.first + static_cast<int64_t>(i) * item.step;
    out.push_back(item.letters ? std::string(1, static_cast<char>(value))
                               : fmt::format("{:0{}}", value, item.width));
  }
}

// What one bracket stands for, at most `limit` of them.
StatusOr<std::vector<std::string>> ExpandBracket(std::string_view pattern, std::string_view inside,
                                                 size_t limit) {
  std::vector<Item> items;
  size_t total = 0;
  for (const std::string_view text : Split(inside, ',')) {
    if (Trim(text).empty()) return Refused(pattern, "an empty item between its brackets");
    FS_ASSIGN_OR_RETURN(Item item, ParseItem(pattern, Trim(text)));
    const size_t count = CountOf(item);
    if (count > limit || total + count > limit)
      return Refused(pattern, fmt::format("more than {} names", kMostNames));
    total += count;
    items.push_back(item);
  }
  std::vector<std::string> texts;
  texts.reserve(total);
  for (const Item& item : items) AppendAll(item, texts);
  return texts;
}

// ---- folding

// A name cut into texts and numbers, text first: "rack1-n01" is {"rack", "-n", ""} and {1, 01}.
struct Cut {
  std::vector<std::string_view> texts, numbers;
};

Cut CutName(std::string_view name) {
  Cut cut;
  size_t text_begin = 0;
  for (size_t at = 0; at < name.size();) {
    if (name[at] < '0' || name[at] > '9') {
      ++at;
      continue;
    }
    const size_t end = std::min(name.find_first_not_of("0123456789", at), name.size());
    if (end - at <= kMostDigits) {
      cut.texts.push_back(name.substr(text_begin, at - text_begin));
      cut.numbers.push_back(name.substr(at, end - at));
      text_begin = end;
    }
    at = end;
  }
  cut.texts.push_back(name.substr(text_begin));
  return cut;
}

using Values = std::vector<int64_t>;
using Box = std::vector<Values>;  // for each axis the values: stands for every combination

// Names with the same texts around their numbers, and for each number the width it is padded to.
struct Family {
  std::vector<std::string_view> texts;
  std::vector<size_t> widths;
  friend auto operator<=>(const Family&, const Family&) = default;
};

// The widest padding seen on this axis that this number has room for: "100" belongs with "01".
size_t WidthOf(std::string_view number, const std::set<size_t>& paddings) {
  if (HasPadding(number)) return number.size();
  const auto above = paddings.upper_bound(number.size());
  return above == paddings.begin() ? 0 : *std::prev(above);
}

std::map<Family, std::set<Values>> Families(std::span<const std::string> names) {
  std::map<std::vector<std::string_view>, std::vector<Cut>> alike;
  for (const std::string& name : names) {
    Cut cut = CutName(name);
    std::vector<std::string_view> texts = cut.texts;
    alike[std::move(texts)].push_back(std::move(cut));
  }
  std::map<Family, std::set<Values>> families;
  for (const auto& [texts, cuts] : alike) {
    std::vector<std::set<size_t>> paddings(texts.size() - 1);
    for (const Cut& cut : cuts)
      for (size_t axis = 0; axis < paddings.size(); ++axis)
        if (HasPadding(cut.numbers[axis])) paddings[axis].insert(cut.numbers[axis].size());
    for (const Cut& cut : cuts) {
      Family family{.texts = texts, .widths = {}};
      Values values;
      for (size_t axis = 0; axis < paddings.size(); ++axis) {
        family.widths.push_back(WidthOf(cut.numbers[axis], paddings[axis]));
        values.push_back(ToNumber(cut.numbers[axis]));
      }
      families[std::move(family)].insert(std::move(values));
    }
  }
  return families;
}

// Boxes that differ in this axis alone become one.
std::vector<Box> MergeAxis(const std::vector<Box>& boxes, size_t axis) {
  std::map<Box, Values> merged;
  for (const Box& box : boxes) {
    Box others = box;
    others[axis].clear();
    Values& values = merged[std::move(others)];
    values.insert(values.end(), box[axis].begin(), box[axis].end());
  }
  std::vector<Box> result;
  for (auto& [others, values] : merged) {
    std::sort(values.begin(), values.end());
    result.push_back(others);
    result.back()[axis] = std::move(values);
  }
  return result;
}

std::string FormatValues(const Values& values, size_t width) {
  std::string text;
  size_t runs = 0;
  for (size_t i = 0; i < values.size();) {
    size_t last = i;
    while (last + 1 < values.size() && values[last + 1] == values[last] + 1) ++last;
    if (runs++ > 0) text += ',';
    text += fmt::format("{:0{}}", values[i], width);
    if (last > i) text += fmt::format("-{:0{}}", values[last], width);
    i = last + 1;
  }
  return values.size() > 1 ? "[" + text + "]" : text;
}

std::string FormatBoxes(const Family& family, std::vector<Box> boxes) {
  std::sort(boxes.begin(), boxes.end());
  std::string text;
  for (const Box& box : boxes) {
    if (&box != &boxes.front()) text += ',';
    text += family.texts[0];
    for (size_t axis = 0; axis < box.size(); ++axis) {
      text += FormatValues(box[axis], family.widths[axis]);
      text += family.texts[axis + 1];
    }
  }
  return text;
}

std::string FoldFamily(const Family& family, const std::set<Values>& points) {
  std::vector<Box> boxes;
  for (const Values& point : points) {
    Box box;
    for (const int64_t value : point) box.push_back({value});
    boxes.push_back(std::move(box));
  }
  // The order of the axes decides what becomes a range; neither order is best for every set.
  const size_t axes = family.widths.size();
  std::vector<Box> from_last = boxes, from_first = std::move(boxes);
  for (size_t i = 0; i < axes; ++i) {
    from_last = MergeAxis(from_last, axes - 1 - i);
    from_first = MergeAxis(from_first, i);
  }
  std::string text = FormatBoxes(family, std::move(from_last));
  std::string other = FormatBoxes(family, std::move(from_first));
  return other.size() < text.size() ? other : text;
}

}  // namespace

StatusOr<std::vector<std::string>> ExpandRange(std::string_view pattern) {
  if (pattern.empty()) return Refused(pattern, "nothing is written");
  std::vector<std::string> names = {""};
  for (std::string_view rest = pattern; !rest.empty();) {
    const size_t open = rest.find_first_of("[]");
    for (std::string& name : names) name += rest.substr(0, open);
    if (open == rest.npos) break;
    const size_t close = rest.find_first_of("[]", open + 1);
    if (rest[open] == ']' || close == rest.npos || rest[close] == '[')
      return Refused(pattern, "its brackets do not match; write NAME[01-40]");
    const std::string_view inside = rest.substr(open + 1, close - open - 1);
    FS_ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                        ExpandBracket(pattern, inside, kMostNames / names.size()));
    std::vector<std::string> longer;
    longer.reserve(names.size() * texts.size());
    for (const std::string& name : names)
      for (const std::string& text : texts) longer.push_back(name + text);
    names = std::move(longer);
    rest.remove_prefix(close + 1);
  }
  return names;
}

std::string FoldNames(std::span<const std::string> names) {
  std::string folded;
  for (const auto& [family, points] : Families(names)) {
    if (!folded.empty()) folded += ',';
    folded += FoldFamily(family, points);
  }
  return folded;
}

std::vector<std::string_view> SplitOutsideBrackets(std::string_view text,
                                                   std::string_view separators) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') inside = true;
    if (text[i] == ']') inside = false;
    if (inside || separators.find(text[i]) == separators.npos) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

bool MatchesGlob(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = pattern.npos, retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n]) && pattern[p] != '*') {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (star != pattern.npos) {
      p = star + 1;  // the last star takes one character more
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace fleetsync::inventory
