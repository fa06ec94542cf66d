#include "controller/serve/operator_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

constexpr int kMaxRequestBytes = 64 << 20;  // the record of a run over many hosts
constexpr int kMaxThreads = 16;
constexpr mode_t kUmask = 0117;  // what is left of 0777: 0660

Status CheckLength(const std::string& path) {
  constexpr size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= kMost) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} is too long for a socket ({} bytes; at most {}): choose a shorter path for "
                  "the database with --db",
                  path, path.size(), kMost));
}

// Removes what a killed service has left, and nothing else.
Status RemoveStale(const std::string& path) {
  struct stat there {};
  if (lstat(path.c_str(), &there) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, "looking at " + path);
  }
  if (!S_ISSOCK(there.st_mode))
    return absl::FailedPreconditionError(fmt::format(
        "{} is where operators' commands would ask, but is no socket: move it away", path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, "looking at " + path);
  const bool answers =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  if (answers)
    return absl::UnavailableError(
        fmt::format("another fleetsync serve answers on {}: for one folder there can be one; give "
                    "this one's database a folder of its own",
                    path));
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, "removing " + path);
}

}  // namespace

std::string OperatorSocketPath(const std::string& db_path) {
  return (std::filesystem::path(db_path).parent_path() / "serve.sock").string();
}

OperatorSocket::OperatorSocket(std::string path, std::unique_ptr<grpc::Server> server)
    : path_(std::move(path)), server_(std::move(server)) {}

StatusOr<std::unique_ptr<OperatorSocket>> OperatorSocket::Listen(const std::string& path,
                                                                 grpc::Service& service) {
  FS_RETURN_IF_ERROR(CheckLength(path));
  FS_RETURN_IF_ERROR(RemoveStale(path));
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials(), &bound);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  grpc::ResourceQuota quota("operators");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.RegisterService(&service);
  const mode_t before = umask(kUmask);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  umask(before);
  if (server == nullptr || bound == 0)
    return absl::UnavailableError(
        fmt::format("listening on {}: refused; can this user write to the folder?", path));
  return std::unique_ptr<OperatorSocket>(new OperatorSocket(path, std::move(server)));
}

void OperatorSocket::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_ = nullptr;
  unlink(path_.c_str());
}

}  // namespace fleetsync::serve
