#include "inventory/key_checks.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::inventory {

// Paths, commands and lines of the user's own: anything but what would end a line.
Problem CheckLine(std::string_view text, std::string_view thing) {
  if (text.empty()) return {fmt::format("an empty {}", thing), "write it, or remove the key"};
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
  if (control)
    return {fmt::format("a {} with a control character or line break in it", thing),
            "write it on one line"};
  return {};
}

Problem SetPath(std::string& target, const Word& word) {
  Problem problem = CheckLine(word.text, "path");
  if (problem.ok() && word.text.starts_with('~') && !word.text.starts_with("~/"))
    problem = {fmt::format("path {}: only '~/' is understood", Quoted(word.text)),
               "write the whole path"};
  if (problem.ok()) target = word.text;
  return problem;
}

Problem AddPath(std::vector<std::string>& target, const Word& word) {
  std::string path;
  Problem problem = SetPath(path, word);
  if (problem.ok()) target.push_back(std::move(path));
  return problem;
}

Problem SetSecret(std::optional<SecretSource>& target, SecretSource::Kind kind, const Word& word) {
  SecretSource source{.kind = kind, .value = word.text, .origin = word.origin};
  Problem problem;
  if (kind == SecretSource::Kind::kFile) {
    problem = SetPath(source.value, word);
  } else if (kind == SecretSource::Kind::kCommand) {
    problem = CheckLine(word.text, "command");
  } else {
    const bool name = !word.text.empty() && (word.text[0] < '0' || word.text[0] > '9') &&
                      word.text.find_first_not_of(
                          "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
    // Not quoted: some write the password itself here.
    if (!name)
      problem = {"this is not the name of an environment variable",
                 "write its name, such as FLEET_PASSWORD, not its value"};
  }
  if (problem.ok()) target = std::move(source);
  return problem;
}

Problem OneOf(std::string_view thing, const Word& word, std::span<const std::string_view> known) {
  if (std::find(known.begin(), known.end(), word.text) != known.end()) return {};
  std::string list;
  for (const std::string_view& one : known) {
    if (!list.empty()) list += &one == &known.back() ? " or " : ", ";
    list += one;
  }
  return {fmt::format("{} {}", Quoted(word.text), thing), "write " + list};
}

Problem SetNumber(int& target, const Word& word, int least, int most, std::string_view thing) {
  int value = 0;
  const char* const end = word.text.data() + word.text.size();
  const auto [stop, error] = std::from_chars(word.text.data(), end, value);
  if (error != std::errc() || stop != end || value < least || value > most)
    return {fmt::format("{} is not {}", Quoted(word.text), thing),
            fmt::format("write {} to {}", least, most)};
  target = value;
  return {};
}

Problem SetDuration(Duration& target, const Word& word) {
  const StatusOr<Duration> duration = ParseDuration(word.text);
  const std::string hint = "write a number above zero and its unit, such as 10ms or 5s";
  if (!duration.ok()) return {fmt::format("{} is not a duration", Quoted(word.text)), hint};
  if (*duration <= Duration::zero())
    return {fmt::format("{} is not above zero", Quoted(word.text)), hint};
  target = *duration;
  return {};
}

}  // namespace fleetsync::inventory
