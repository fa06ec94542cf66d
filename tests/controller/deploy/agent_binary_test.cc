#include "controller/deploy/agent_binary.h"

#include <unistd.h>
#include <zlib.h>

#include <filesystem>

#include "base/file.h"
#include "base/sha256.h"
#include "fmt/format.h"
#include "gmock/gmock.h"

namespace fleetsync::deploy {
namespace {

using testing::HasSubstr;

// The head of a little-endian 64-bit ELF file for `machine`.
std::string ElfHead(char machine) {
  std::string head =
      "\x7f"
      "ELF\x02\x01\x01";
  head.resize(18, '\0');
  head += machine;
  head += '\0';
  return head;
}
constexpr char kX86_64 = 62, kAarch64 = static_cast<char>(183);

std::string Gunzip(const std::string& bytes, size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return result == Z_STREAM_END ? out : "no gzip";
}

class AgentBinaryFile : public testing::Test {
 protected:
  AgentBinaryFile() : path_(fmt::format("{}/fleetsync-binary-{}", testing::TempDir(), getpid())) {}
  ~AgentBinaryFile() override { std::filesystem::remove(path_); }
  void Write(const std::string& bytes) {
    ASSERT_TRUE(WriteFileAtomically(path_, bytes, 0755).ok());
  }

  std::string path_;
};

TEST_F(AgentBinaryFile, WhatIsSentUnpacksToTheFileAndItsChecksum) {
  std::string bytes = ElfHead(kX86_64);
  for (unsigned i = 0; i < 400'000; ++i) bytes += static_cast<char>(i * i / 7 & 0xff);
  Write(bytes);
  const auto binary = LoadAgentBinary(path_);
  ASSERT_TRUE(binary.ok()) << binary.status();
  EXPECT_EQ(binary->machine, "x86_64");
  EXPECT_EQ(binary->size, bytes.size());
  EXPECT_EQ(binary->sha256, Sha256Hex(bytes));
  EXPECT_EQ(Gunzip(*binary->gzip, bytes.size()), bytes);
  const auto plain = ReadUncompressed(*binary);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(**plain, bytes);
}

TEST_F(AgentBinaryFile, AFileThatChangesDuringTheRunIsNotSent) {
  Write(ElfHead(kX86_64) + "one");
  const auto binary = LoadAgentBinary(path_);
  ASSERT_TRUE(binary.ok());
  Write(ElfHead(kX86_64) + "two");
  EXPECT_EQ(ReadUncompressed(*binary).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AgentBinaryFile, AScriptIsNoProgram) {
  Write("#!/bin/sh\necho no\n");
  const auto binary = LoadAgentBinary(path_);
  EXPECT_EQ(Message(binary.status()),
            fmt::format("the agent's program {}: no ELF program for Linux", path_));
}

TEST_F(AgentBinaryFile, AnEmptyFileIsNoProgram) {
  Write("");
  EXPECT_EQ(LoadAgentBinary(path_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AgentBinaryFile, AMissingFileSaysWhichOne) {
  const auto binary = LoadAgentBinary(path_);
  EXPECT_EQ(binary.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(binary.status()), HasSubstr(path_));
}

TEST(ElfMachine, NamesAreThoseOfUname) {
  EXPECT_EQ(ElfMachine(ElfHead(kX86_64)), "x86_64");
  EXPECT_EQ(ElfMachine(ElfHead(kAarch64)), "aarch64");
  EXPECT_EQ(ElfMachine("MZ"), "");
  EXPECT_EQ(ElfMachine(""), "");
}

TEST(RunsOn, AThirtyTwoBitProgramRunsOnA64BitHostAndNotTheOtherWayRound) {
  EXPECT_TRUE(RunsOn("x86_64", "x86_64"));
  EXPECT_TRUE(RunsOn("i686", "x86_64"));
  EXPECT_TRUE(RunsOn("i686", "i586"));
  EXPECT_FALSE(RunsOn("x86_64", "i686"));
  EXPECT_FALSE(RunsOn("x86_64", "aarch64"));
  EXPECT_TRUE(RunsOn("armv7l", "armv8l"));
}

TEST(Sha256Hex, ItIsTheDigestThatSha256sumPrints) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace fleetsync::deploy
