#include "base/text.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Trim, RemovesEveryBlankAtBothEnds) {
  EXPECT_EQ(Trim(" \t web 01 \r\n"), "web 01");
  EXPECT_EQ(Trim(" \t\r\n"), "");
  EXPECT_EQ(Trim(""), "");
}

TEST(Split, KeepsEmptyFields) {
  EXPECT_THAT(Split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

TEST(SplitWords, CutsAtRunsOfBlanks) {
  EXPECT_THAT(SplitWords("  ops \t web01\r\n"), ElementsAre("ops", "web01"));
  EXPECT_THAT(SplitWords(" \t "), IsEmpty());
}

TEST(QuotedWords, KeepsBlanksInQuotesAndTakesTheQuotes) {
  EXPECT_THAT(QuotedWords(" a 'b c'\t\"it's\" x='1 2'y '' "),
              ElementsAre("a", "b c", "it's", "x=1 2y", ""));
  EXPECT_THAT(QuotedWords("'open end"), ElementsAre("open end"));
  EXPECT_THAT(QuotedWords(" "), IsEmpty());
}

TEST(Join, PutsTheSeparatorOnlyBetween) {
  const std::vector<std::string> equal = {"a", "a", "b"};
  EXPECT_EQ(Join(equal, ", "), "a, a, b");
  EXPECT_EQ(Join({}, ", "), "");
}

TEST(ShellQuote, LeavesPlainWordsAsTheyAre) {
  EXPECT_EQ(ShellQuote("/etc/chrony/chrony.conf"), "/etc/chrony/chrony.conf");
  EXPECT_EQ(ShellQuote("ops@web01.example:22"), "ops@web01.example:22");
}

TEST(ShellQuote, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("it's"), R"('it'\''s')");
  EXPECT_EQ(ShellQuote("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellQuote("a\nb"), "'a\nb'");
  EXPECT_EQ(ShellQuote("~/x"), "'~/x'");
  EXPECT_EQ(ShellQuote(std::string_view("a\0b", 3)), "'ab'");
}

std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "(popen failed)";
  std::string output;
  std::array<char, 4096> block{};
  for (size_t n = 0; (n = fread(block.data(), 1, block.size(), pipe)) > 0;)
    output.append(block.data(), n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

TEST(ShellQuote, EveryByteComesThroughARealShellUnchanged) {
  std::string every_byte;
  for (int c = 1; c < 256; ++c) every_byte += static_cast<char>(c);
  EXPECT_EQ(OutputOf("printf %s " + ShellQuote(every_byte)), every_byte);
  for (const char* word : {"''", "\\", "a'b'c", "$(id)`id`$HOME", "-oProxyCommand=x", "*", "!x"})
    EXPECT_EQ(OutputOf("printf %s " + ShellQuote(word)), word);
}

TEST(ClosestWord, FindsASlipOfTheHand) {
  constexpr std::array<std::string_view, 3> kKnown = {"minpoll", "maxpoll", "iburst"};
  EXPECT_EQ(ClosestWord("minpol", kKnown), "minpoll");
  EXPECT_EQ(ClosestWord("ibrust", kKnown), "iburst");
  EXPECT_EQ(ClosestWord("colour", kKnown), "");
}

TEST(ClosestWord, AnsweringAShortWordNeedsMostOfItRight) {
  constexpr std::array<std::string_view, 2> kKnown = {"web", "db"};
  EXPECT_EQ(ClosestWord("wb", kKnown), "web");
  EXPECT_EQ(ClosestWord("wbe", kKnown), "web");  // two neighbours swapped are one slip
  EXPECT_EQ(ClosestWord("zzz", kKnown), "");
}

TEST(DisplayWidth, CountsCharactersNotBytes) {
  EXPECT_EQ(DisplayWidth("µs"), 2U);
  EXPECT_EQ(DisplayWidth(""), 0U);
}

struct PrintableCase {
  std::string_view raw, shown;
};
class PrintableText : public ::testing::TestWithParam<PrintableCase> {};

TEST_P(PrintableText, CannotSteerATerminal) {
  EXPECT_EQ(Printable(GetParam().raw), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, PrintableText,
    ::testing::Values(PrintableCase{"plain\ttext\n", "plain\ttext\n"},
                      PrintableCase{"\x1b[31mred", "\\x1b[31mred"},
                      PrintableCase{"a\rb", "a\\x0db"},               // overwrites the line
                      PrintableCase{"\x7f", "\\x7f"},                 // DEL
                      PrintableCase{"Zürich µs 時", "Zürich µs 時"},  // UTF-8 stays
                      PrintableCase{"\xc2\x9b"
                                    "31m",
                                    "\\xc2\\x9b31m"},                             // CSI as U+009B
                      PrintableCase{"\xff\xfe", "\\xff\\xfe"},                    // never UTF-8
                      PrintableCase{"\xc0\xaf", "\\xc0\\xaf"},                    // overlong
                      PrintableCase{"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
                      PrintableCase{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // past U+10FFFF
                      PrintableCase{"cut \xe6\x99", "cut \\xe6\\x99"},
                      PrintableCase{std::string_view("\0", 1), "\\x00"}));

}  // namespace
}  // namespace fleetsync
