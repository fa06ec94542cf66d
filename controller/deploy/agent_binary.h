#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace fleetsync::deploy {

// A build of fleetsync-agent as it is sent to hosts: read once, compressed once, shared by all.
struct AgentBinary {
  std::string path;
  std::string machine;  // as `uname -m` says: "x86_64", "aarch64", …
  uint64_t size = 0;
  std::string sha256;                       // of the file, lower case hex
  std::shared_ptr<const std::string> gzip;  // the file, compressed
};

// Reads the file in pieces: the compressed form is all that stays in memory. NotFound,
// PermissionDenied, or InvalidArgument when it is no Linux program or changes while it is read.
StatusOr<AgentBinary> LoadAgentBinary(const std::string& path);

// The file as it is, for hosts without gzip. FailedPrecondition when it has changed since.
StatusOr<std::shared_ptr<const std::string>> ReadUncompressed(const AgentBinary& binary);

// "x86_64" for the head of an ELF file for Linux on that machine; empty for all else.
std::string_view ElfMachine(std::string_view head);

// Whether a program for `machine` runs where `uname -m` says `host`: an i686 program does on
// x86_64.
bool RunsOn(std::string_view machine, std::string_view host);

}  // namespace fleetsync::deploy
