#include "controller/plan/unified_diff.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/text.h"

namespace fleetsync::plan {
namespace {

std::string Diff(const std::string& before, const std::string& after) {
  return UnifiedDiff(before, after, {"a", "b"});
}

// What the diff program says of the same texts.
class RealDiff {
 public:
  RealDiff() {
    std::string folder = std::filesystem::temp_directory_path() / "fleetsync-diff-XXXXXX";
    folder_ = mkdtemp(folder.data());
  }
  ~RealDiff() { std::filesystem::remove_all(folder_); }

  std::string Of(const std::string& before, const std::string& after) {
    std::ofstream(folder_ + "/a", std::ios::binary) << before;
    std::ofstream(folder_ + "/b", std::ios::binary) << after;
    return Output("cd " + folder_ + " && diff -u -d --label a --label b a b");
  }
  // `before` with our diff applied by patch(1).
  std::string Patched(const std::string& before, const std::string& diff) {
    std::ofstream(folder_ + "/p", std::ios::binary) << before;
    std::ofstream(folder_ + "/d", std::ios::binary) << diff;
    Output("cd " + folder_ + " && patch -s p d");
    return Output("cat " + folder_ + "/p");
  }

 private:
  static std::string Output(const std::string& command) {
    std::string output;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
      output.append(buffer, got);
    pclose(pipe);
    return output;
  }
  std::string folder_;
};

TEST(UnifiedDiff, IsEmptyForEqualTexts) {
  EXPECT_EQ(Diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(Diff("", ""), "");
}

TEST(UnifiedDiff, ShowsRemovedLinesBeforeAddedOnes) {
  EXPECT_EQ(Diff("a\nold\nb\n", "a\nnew\nb\n"),
            "--- a\n+++ b\n@@ -1,3 +1,3 @@\n a\n-old\n+new\n b\n");
}

TEST(UnifiedDiff, SaysWhereTheLastLineBreakIsMissing) {
  EXPECT_EQ(Diff("a\nb", "a\nb\n"),
            "--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
}

TEST(UnifiedDiff, AFileThatWasNotThereIsAllAdded) {
  EXPECT_EQ(UnifiedDiff("", "a\nb\n", {"/dev/null", "/etc/x"}),
            "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(Diff("a\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-a\n");
}

TEST(UnifiedDiff, SaysTheSameAsDiffDoes) {
  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += std::to_string(i) + "\n";
  const auto with = [&](std::vector<std::pair<std::string, std::string>> changes) {
    std::string text = hundred;
    for (const auto& [from, to] : changes) {
      const size_t at = text.find("\n" + from + "\n");
      text.replace(at + 1, from.size() + 1, to);
    }
    return text;
  };
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {hundred, with({{"50", "x\n"}})},
      {hundred, with({{"1", ""}, {"98", "x\ny\n"}})},
      {hundred, with({{"10", "x\n"}, {"16", "y\n"}})},  // contexts meet
      {hundred, with({{"10", "x\n"}, {"17", "y\n"}})},  // and just do
      {hundred, with({{"10", "x\n"}, {"18", "y\n"}})},  // and just do not
      {hundred, hundred + "tail"},
      {"x\n" + hundred, hundred},
      {hundred, ""},
      {"", hundred},
      {"a\nb\nc\n", "x\ny\n"},
      {"a", "b"},
      {"\n\n\n", "\n\n"},
  };
  RealDiff real;
  for (const auto& [before, after] : pairs) EXPECT_EQ(Diff(before, after), real.Of(before, after));
}

TEST(UnifiedDiff, IsWhatPatchNeedsAndNoLongerThanDiffsOwn) {
  std::mt19937 random(7);
  RealDiff real;
  for (int round = 0; round < 60; ++round) {
    const auto text = [&] {
      std::string lines;
      for (auto i = random() % 40; i > 0; --i)
        lines += std::string(1, static_cast<char>('a' + random() % 6)) + "\n";
      return lines;
    };
    const std::string before = text();
    const std::string after = text();
    const std::string ours = Diff(before, after);
    if (before == after) continue;
    EXPECT_EQ(real.Patched(before, ours), after) << before << "---\n" << after << ours;
    const auto changes = [](const std::string& diff) {
      size_t count = 0;
      for (const std::string_view line : Split(diff, '\n'))
        count += !line.empty() && (line[0] == '+' || line[0] == '-');
      return count;
    };
    EXPECT_LE(changes(ours), changes(real.Of(before, after))) << ours;
  }
}

TEST(UnifiedDiff, TextsThatHaveNothingInCommonAreReplacedWithoutSearchingLong) {
  std::string before;
  std::string after;
  for (int i = 0; i < 20'000; ++i) {
    before += "a" + std::to_string(i) + "\n";
    after += "b" + std::to_string(i) + "\n";
  }
  const DiffCount count = CountChanges(before, after);
  EXPECT_EQ(count.removed, 20'000U);
  EXPECT_EQ(count.added, 20'000U);
}

}  // namespace
}  // namespace fleetsync::plan
