#include "controller/cli/last_run.h"

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace fleetsync::cli {
namespace {

constexpr size_t kMaxFileSize = size_t{64} << 20;

std::filesystem::path FailedPath(const CommonOptions& options) {
  return std::filesystem::path(DbPath(options)).parent_path() / "last-failed";
}

}  // namespace

void RememberFailed(const Context& context, const std::vector<std::string>& hosts) {
  const std::filesystem::path path = FailedPath(context.options);
  std::error_code error;
  if (std::filesystem::create_directories(path.parent_path(), error))
    std::filesystem::permissions(path.parent_path(), std::filesystem::perms::owner_all, error);
  std::string text = Join(hosts, "\n");
  if (!text.empty()) text += '\n';
  if (const Status written = WriteFileAtomically(path.string(), text, 0600); !written.ok())
    PrintError("remembering the failed hosts for --failed: " + Message(written));
}

StatusOr<std::vector<std::string>> LastFailed(const CommonOptions& options) {
  const std::string path = FailedPath(options).string();
  StatusOr<std::string> text = ReadFile(path, kMaxFileSize);
  if (absl::IsNotFound(text.status()))
    return absl::NotFoundError("--failed: no run is recorded in " + path);
  if (!text.ok()) return Annotate(text.status(), "--failed");
  std::vector<std::string> hosts;
  for (const std::string_view line : Split(*text, '\n'))
    if (!line.empty()) hosts.emplace_back(line);
  if (hosts.empty()) return absl::NotFoundError("--failed: no host failed in the last run");
  return hosts;
}

}  // namespace fleetsync::cli
