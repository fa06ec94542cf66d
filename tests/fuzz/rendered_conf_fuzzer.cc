// A policy whose servers and lines anybody may have written: the first line is a server's name, the
// rest are the lines of `extra`. It is never more than these lines in the file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "controller/render/heading.h"
#include "controller/render/render.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

render::Platform PlatformOf(facts::Daemon daemon, const std::string& current) {
  render::Platform platform;
  platform.daemon = daemon;
  platform.version = "4.3";
  platform.config_path = "/etc/time.conf";
  platform.current = current;
  return platform;
}

void CheckFile(const policy::TimePolicy& policy, facts::Daemon daemon) {
  const auto once = render::RenderTimeService(policy, PlatformOf(daemon, ""));
  if (!once.ok()) return;
  std::string tail;
  for (const std::string& line : policy.extra) tail += line + "\n";
  Check(once->text.size() >= tail.size());
  Check(once->text.substr(once->text.size() - tail.size()) == tail);
  for (const char c : once->text) Check(c == '\n' || c == '\t' || static_cast<uint8_t>(c) >= 0x20);
  // The lines that the policy did not bring are the same whatever it brought.
  policy::TimePolicy plain = policy;
  plain.extra.clear();
  plain.sources = {{.address = "a"}};
  const auto bare = render::RenderTimeService(plain, PlatformOf(daemon, ""));
  Check(bare.ok());
  const size_t more = policy.extra.empty() ? 0 : policy.extra.size() + 2;
  Check(Split(once->text, '\n').size() == Split(bare->text, '\n').size() + more);
  Check(render::AuthorshipOf(once->text) == render::Authorship::kOurs);
  const auto twice = render::RenderTimeService(policy, PlatformOf(daemon, once->text));
  Check(twice.ok() && twice->text == once->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> lines = Split(input, '\n');
  policy::TimePolicy policy;
  policy.host = "web07";
  policy.inventory = "fleet.yaml";
  policy.sources = {{.address = std::string(lines[0])}};
  for (size_t i = 1; i < lines.size(); ++i) policy.extra.emplace_back(lines[i]);
  CheckFile(policy, facts::Daemon::kChrony);
  CheckFile(policy, facts::Daemon::kNtpClassic);
  CheckFile(policy, facts::Daemon::kNtpsec);
  return 0;
}
