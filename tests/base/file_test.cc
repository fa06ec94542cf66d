#include "base/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync {
namespace {

using ::testing::ElementsAre;

class File : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "fleetsync_file.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string folder_;
};

TEST_F(File, ComesBackAsWritten) {
  const std::string bytes("a\0b\r\n", 5);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), bytes, 0600).ok());
  const StatusOr<std::string> read = ReadFile(Path("f"), 5);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, bytes);
}

TEST_F(File, HasTheModeAskedForWhateverTheUmaskIs) {
  const mode_t old_mask = umask(077);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "x", 0644).ok());
  umask(old_mask);
  const StatusOr<unsigned> mode = FileMode(Path("f"));
  ASSERT_TRUE(mode.ok()) << mode.status();
  EXPECT_EQ(*mode, 0644U);
}

TEST_F(File, LargerThanTheLimitIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), std::string(100'000, 'x'), 0600).ok());
  const Status status = ReadFile(Path("f"), 99'999).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Message(status),
            "reading " + Path("f") + ": larger than 99999 bytes, which no such file should be");
}

TEST_F(File, MissingIsNotFound) {
  const Status status = ReadFile(Path("none"), 10).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "reading " + Path("none") + ": No such file or directory");
  EXPECT_EQ(FileMode(Path("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(File, ReplacingLeavesNoTemporaryFile) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "old", 0600).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "new", 0600).ok());
  EXPECT_EQ(*ReadFile(Path("f"), 10), "new");
  EXPECT_THAT(Names(), ElementsAre("f"));
}

TEST_F(File, AFailedWriteLeavesTheOldFileAndNoTemporaryOne) {
  ASSERT_EQ(mkdir(Path("f").c_str(), 0700), 0);  // rename(2) of a file over a folder fails
  const Status status = WriteFileAtomically(Path("f"), "new", 0600);
  EXPECT_EQ(Message(status), "writing " + Path("f") + ": Is a directory");
  EXPECT_THAT(Names(), ElementsAre("f"));
  EXPECT_TRUE(std::filesystem::is_directory(Path("f")));
}

TEST_F(File, WritingIntoAMissingFolderIsNotFound) {
  const Status status = WriteFileAtomically(Path("none/f"), "x", 0600);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status),
            "creating a file beside " + Path("none/f") + ": No such file or directory");
}

}  // namespace
}  // namespace fleetsync
