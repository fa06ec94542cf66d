#include "controller/cli/help.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

constexpr size_t kCommandColumn = 14;

// Names that could have been meant in place of `word`: options for what begins with a dash.
std::vector<std::string> KnownWords(const CLI::App& app, bool options) {
  std::vector<std::string> known;
  const auto add_options = [&known](const CLI::App& of) {
    for (const CLI::Option* option : of.get_options())
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  };
  if (options) {
    add_options(app);
    for (const CLI::App* command : app.get_subcommands()) add_options(*command);
    return known;
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(command->get_name());
  return known;
}

std::string DescribeExtra(const CLI::App& app, const std::vector<std::string>& extras) {
  const auto option = std::find_if(extras.begin(), extras.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  const bool is_option = option != extras.end();
  const std::string& word = is_option ? *option : extras.front();
  const std::vector<std::string> known = KnownWords(app, is_option);
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view closest = ClosestWord(word.substr(0, word.find('=')), views);
  const bool is_command = !is_option && app.get_subcommands().empty();
  return fmt::format("{} '{}'{}",
                     is_option    ? "unknown option"
                     : is_command ? "unknown command"
                                  : "unexpected word",
                     word, closest.empty() ? "" : fmt::format("; did you mean '{}'?", closest));
}

}  // namespace

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  const std::string about = command->get_description();
  return fmt::format("  {:<{}}{}\n", command->get_name(), kCommandColumn,
                     about.substr(0, about.find_first_of(".:\n")));
}

std::string HelpFormatter::make_footer(const CLI::App* app) const {
  if (app->get_parent() == nullptr) return CLI::Formatter::make_footer(app);
  return "Options of every command (-i, -g, -l, -o json, …): fleetsync --help\n";
}

std::string DescribeParseError(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const std::string help = chosen.empty()
                               ? "fleetsync --help"
                               : fmt::format("fleetsync {} --help", chosen[0]->get_name());
  // Words that no option or command takes, the ones before a command's name first.
  if (const std::vector<std::string> extras = app.remaining(/*recurse=*/true); !extras.empty())
    return fmt::format("{}; see {}", DescribeExtra(app, extras), help);
  std::string what = error.what();
  const bool required = error.get_name() == "RequiredError";
  if (required && chosen.empty()) what = "no command is given";
  return fmt::format("{}; see {}", what, help);
}

}  // namespace fleetsync::cli
