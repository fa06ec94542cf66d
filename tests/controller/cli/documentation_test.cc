// Every command line that the pages and the help texts show is one that the program parses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "controller/cli/app.h"
#include "tests/pages.h"

namespace fleetsync::cli {
namespace {

using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kProgram = "fleetsync ";

struct Shown {
  std::string where, line;
};

// Without what a shell takes away: comments, redirections, the '&' at the end; and without what
// explains a command to its right, two blanks or more behind it.
std::string WithoutTail(std::string_view line) {
  for (const std::string_view tail : {"  ", " #", " >", " <", " |", " &"})
    line = line.substr(0, line.find(tail));
  return std::string(Trim(line));
}

// Words as a shell makes them of blanks and quotes.
std::vector<std::string> ShellWords(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && c == ' ') {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else
      words.back() += c;
  }
  return words;
}

// Lines of a block, alone or behind a prompt.
void AddBlock(const Block& block, std::vector<Shown>& shown) {
  for (std::string_view line : Split(block.text, '\n')) {
    if (line.starts_with("$ ")) line.remove_prefix(2);
    if (line.starts_with(kProgram)) shown.push_back({block.where, WithoutTail(line)});
  }
}

// Lines that stand further in than the text around them.
void AddIndented(const Page& page, std::vector<Shown>& shown) {
  for (const std::string_view line : Split(page.text, '\n'))
    if (line.starts_with("  ") && Trim(line).starts_with(kProgram))
      shown.push_back({page.path, WithoutTail(Trim(line))});
}

// `fleetsync …` in running text.
void AddSpans(const Page& page, std::vector<Shown>& shown) {
  size_t at = 0;
  const std::string opening = "`" + std::string(kProgram);
  while ((at = page.text.find(opening, at)) != std::string::npos) {
    const size_t end = page.text.find('`', at + 1);
    shown.push_back({page.path, page.text.substr(at + 1, end - at - 1)});
    at = end + 1;
  }
}

// What is wrong with the command line; empty: it parses.
std::string Problem(const std::string& line) {
  std::vector<std::string> words = ShellWords(line);
  words.erase(words.begin());
  words.erase(std::find(words.begin(), words.end(), "--"), words.end());
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  Context context;
  Action action;
  const std::unique_ptr<CLI::App> app = MakeApp(context, action);
  try {
    app->parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return error.what();
  }
  return {};
}

void ExpectAllParse(const std::vector<Shown>& shown) {
  for (const Shown& one : shown) EXPECT_EQ(Problem(one.line), "") << one.where << ": " << one.line;
}

TEST(Documentation, EveryCommandLineOfThePagesParses) {
  std::vector<Shown> shown;
  for (const Page& page : Pages()) {
    for (const Block& block : BlocksOf(page)) AddBlock(block, shown);
    AddIndented(page, shown);
    AddSpans(page, shown);
  }
  std::erase_if(shown, [](const Shown& one) { return one.line == "fleetsync COMMAND --help"; });
  EXPECT_THAT(shown, SizeIs(Ge(25u)));
  ExpectAllParse(shown);
}

void AddExamples(const CLI::App& app, std::vector<Shown>& shown) {
  AddIndented({app.get_name() + " --help", app.get_description()}, shown);
  for (const CLI::App* command : app.get_subcommands({})) AddExamples(*command, shown);
}

TEST(Documentation, EveryExampleOfTheHelpParses) {
  Context context;
  Action action;
  std::vector<Shown> shown;
  AddExamples(*MakeApp(context, action), shown);
  EXPECT_THAT(shown, SizeIs(Ge(30u)));
  ExpectAllParse(shown);
}

TEST(Documentation, ACommandLineThatIsWrongIsFound) {
  for (const char* line : {"fleetsync pusch", "fleetsync push --chek", "fleetsync rollback --to",
                           "fleetsync inventory", "fleetsync -f many push"})
    EXPECT_NE(Problem(line), "") << line;
  EXPECT_EQ(Problem("fleetsync push --help"), "");
  EXPECT_EQ(Problem("fleetsync exec -- pusch --chek"), "");
}

}  // namespace
}  // namespace fleetsync::cli
