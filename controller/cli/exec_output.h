#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "controller/ssh/conversation.h"
#include "inventory/inventory.h"

namespace fleetsync::cli {

// What a command did on one host.
struct ExecResult {
  const inventory::Host* host = nullptr;
  std::optional<ssh::Exit> exit;
  std::optional<ssh::Failure> failure;
  std::string text;      // both streams as they came
  std::string out, err;  // for JSON alone
  bool printed = false;

  bool ended() const { return exit || failure; }
  bool ok() const { return !failure && exit && exit->code == 0; }
};

// "web[01-38] (38 hosts)" and what they say, for all results that have ended and are not printed
// yet: hosts that say the same are together. Marks them printed.
std::string FoldedText(std::vector<ExecResult>& results, bool color);

// The whole lines in `unfinished` + `bytes`, each as "HOST: LINE"; the rest stays in `unfinished`.
std::string PrefixedLines(std::string_view host, std::string& unfinished, std::string_view bytes);

// "exit code 3", "killed by KILL", "connect: …"; empty when all is well.
std::string FailureText(const ExecResult& result);

// {"command": …, "hosts": [{"host", "exit_code", "signal", "stdout", "stderr", "failure"}]}
std::string ExecJson(const std::string& command, const std::vector<ExecResult>& results);

}  // namespace fleetsync::cli
