#include "inventory/time_source.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/key_checks.h"
#include "inventory/network.h"

namespace fleetsync::inventory {
namespace {

using Words = std::vector<std::string_view>;

struct Flag {
  std::string_view name;
  bool TimeSource::*member;
  bool value;
};
constexpr std::array kFlags = std::to_array<Flag>({{"iburst", &TimeSource::iburst, true},
                                                   {"noiburst", &TimeSource::iburst, false},
                                                   {"prefer", &TimeSource::prefer, true},
                                                   {"trust", &TimeSource::trust, true},
                                                   {"noselect", &TimeSource::noselect, true},
                                                   {"xleave", &TimeSource::xleave, true},
                                                   {"nts", &TimeSource::nts, true}});
constexpr std::array kOptions = std::to_array<std::string_view>(
    {"iburst", "noiburst", "prefer", "trust", "noselect", "xleave", "nts", "minpoll", "maxpoll",
     "key", "maxdelay", "offset", "filter"});

Problem SetOptional(std::optional<int>& target, const Word& word, int least, int most,
                    std::string_view thing) {
  int value = 0;
  Problem problem = SetNumber(value, word, least, most, thing);
  if (problem.ok()) target = value;
  return problem;
}

Problem SetOptional(std::optional<Duration>& target, Word word, bool may_be_negative) {
  const bool negative = may_be_negative && word.text.starts_with('-');
  if (negative) word.text.erase(0, 1);
  Duration value{};
  Problem problem = SetDuration(value, word);
  if (problem.ok()) target = negative ? -value : value;
  return problem;
}

Problem SetValue(TimeSource& source, std::string_view option, const Word& value) {
  constexpr int kLeastPoll = -7, kMostPoll = 24, kMostFilter = 1000;
  if (option == "minpoll")
    return SetOptional(source.minpoll, value, kLeastPoll, kMostPoll, "an interval (log2 seconds)");
  if (option == "maxpoll")
    return SetOptional(source.maxpoll, value, kLeastPoll, kMostPoll, "an interval (log2 seconds)");
  if (option == "filter")
    return SetOptional(source.filter, value, 1, kMostFilter, "a number of samples");
  if (option == "maxdelay") return SetOptional(source.max_delay, value, false);
  if (option == "offset") return SetOptional(source.offset, value, true);
  int key = 0;
  Problem problem = SetNumber(key, value, 1, kMostKeyId, "a key's id");
  if (problem.ok()) source.key = static_cast<uint32_t>(key);
  return problem;
}

Problem CheckWhole(const TimeSource& source) {
  if (source.minpoll && source.maxpoll && *source.minpoll > *source.maxpoll)
    return {fmt::format("minpoll {} is above maxpoll {}", *source.minpoll, *source.maxpoll),
            "swap them"};
  if (source.nts && source.key)
    return {"nts and key are two ways of authentication for one server", "keep one of them"};
  return {};
}

const Flag* FindFlag(std::string_view word) {
  for (const Flag& flag : kFlags)
    if (flag.name == word) return &flag;
  return nullptr;
}

Problem ReadOptions(const Words& words, size_t at, const Origin& origin, TimeSource& source) {
  while (at < words.size()) {
    const std::string_view word = words[at++];
    if (const Flag* flag = FindFlag(word); flag != nullptr) {
      source.*flag->member = flag->value;
      continue;
    }
    if (std::find(kOptions.begin(), kOptions.end(), word) == kOptions.end()) {
      const std::string_view closest = ClosestWord(word, kOptions);
      return {fmt::format("a time source has no option {}", Quoted(word)),
              closest.empty() ? "known are iburst, prefer, trust, noselect, xleave, nts, minpoll, "
                                "maxpoll, key, maxdelay, offset, filter"
                              : fmt::format("did you mean '{}'?", closest)};
    }
    if (at == words.size())
      return {fmt::format("option '{}' has no value", word), fmt::format("write {} VALUE", word)};
    Problem problem = SetValue(source, word, {std::string(words[at++]), origin});
    if (!problem.ok()) {
      problem.what = fmt::format("{}: {}", word, problem.what);
      return problem;
    }
  }
  return CheckWhole(source);
}

}  // namespace

Problem ReadTimeSource(const Word& word, TimeSource::Kind kind, TimeSource& source) {
  const Words words = SplitWords(word.text);
  source = {.address = {}, .kind = kind};
  size_t at = 0;
  if (kind == TimeSource::Kind::kServer && words.size() > 1 && words[0] == "pool") {
    source.kind = TimeSource::Kind::kPool;
    at = 1;
  }
  if (words.size() <= at) return CheckHostName(word.text);
  source.address = words[at++];
  Problem problem = CheckHostName(source.address);
  if (!problem.ok()) return problem;
  return ReadOptions(words, at, word.origin, source);
}

}  // namespace fleetsync::inventory
