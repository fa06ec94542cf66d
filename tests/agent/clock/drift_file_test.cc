#include "agent/clock/drift_file.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "gtest/gtest.h"

namespace fleetsync {
namespace {

class DriftFileTest : public ::testing::Test {
 protected:
  static std::string MakeFolder() {
    std::string name = ::testing::TempDir() + "drift.XXXXXX";
    return mkdtemp(name.data());
  }
  ~DriftFileTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_ = MakeFolder();
  DriftFile file_{folder_ + "/drift"};
};

TEST_F(DriftFileTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(file_.Write({{-12.345678}, {0.25}}).ok());
  const auto drift = file_.Read();
  ASSERT_TRUE(drift.ok() && drift->has_value());
  EXPECT_DOUBLE_EQ((*drift)->frequency.value, -12.345678);
  EXPECT_DOUBLE_EQ((*drift)->skew.value, 0.25);
}

TEST_F(DriftFileTest, TheFormatIsChronyds) {
  ASSERT_TRUE(file_.Write({{12.3456789}, {0.25}}).ok());
  EXPECT_EQ(*ReadFile(file_.path(), 1000), "          -12.345679             0.250000\n");
}

TEST_F(DriftFileTest, NoFileIsNoDriftAndNoError) {
  const auto drift = file_.Read();
  ASSERT_TRUE(drift.ok());
  EXPECT_FALSE(drift->has_value());
}

TEST_F(DriftFileTest, OtherContentIsRefused) {
  for (const char* text : {"", "12.5\n", "a b\n", "1 2 3\n", "nan 1\n", "1 nan\n", "inf 1\n",
                           "200000 1\n", "1 -1\n", "1x 1\n"}) {
    std::ofstream(file_.path()) << text;
    EXPECT_EQ(file_.Read().status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(Message(file_.Read().status()),
            "reading " + file_.path() +
                ": not a frequency and its skew in ppm; it is ignored, and replaced when the "
                "clock's frequency is known");
}

TEST_F(DriftFileTest, AFileThatCannotBeWrittenIsAnErrorAndTheOldOneStays) {
  std::filesystem::create_directory(file_.path());
  EXPECT_FALSE(file_.Write({{1}, {1}}).ok());
  EXPECT_FALSE(DriftFile(folder_ + "/missing/drift").Write({{1}, {1}}).ok());
  EXPECT_TRUE(std::filesystem::is_directory(file_.path()));
}

}  // namespace
}  // namespace fleetsync
