#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/text.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync {

// What `shell` prints when it reads `script` from its standard input, errors included.
inline std::string RunBy(const std::string& shell, std::string_view script) {
  const std::string path = fmt::format("{}/script-{}", testing::TempDir(), getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fwrite(script.data(), 1, script.size(), file);
  std::fclose(file);
  std::FILE* pipe = popen(fmt::format("{} -s <{} 2>&1", shell, ShellQuote(path)).c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  for (size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), size);
  pclose(pipe);
  std::remove(path.c_str());
  return output;
}

}  // namespace fleetsync
