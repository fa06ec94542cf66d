#include "controller/serve/operator_credentials.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/secret.h"
#include "fmt/format.h"
#include "proto/tls/version.h"

namespace fleetsync::serve {
namespace {

constexpr size_t kLargest = 64 * 1024;

StatusOr<std::string> ReadPart(const std::string& path) {
  StatusOr<std::string> text = ReadFile(path, kLargest);
  if (!absl::IsNotFound(text.status())) return text;
  return absl::NotFoundError(fmt::format(
      "{} is not there: on the controller `fleetsync ca issue --operator NAME --out DIR` makes it, "
      "bring that folder here",
      path));
}

Status CheckPrivate(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{}: others may read this key; chmod 600 it", path));
}

}  // namespace

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadOperatorCredentials(
    const std::string& folder) {
  const std::string key = folder + "/operator.key";
  FS_RETURN_IF_ERROR(CheckPrivate(key));
  FS_RETURN_IF_ERROR(tls::RequireTls13());
  grpc::SslCredentialsOptions options;
  FS_ASSIGN_OR_RETURN(options.pem_private_key, ReadPart(key));
  FS_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadPart(folder + "/operator.pem"));
  FS_ASSIGN_OR_RETURN(options.pem_root_certs, ReadPart(folder + "/ca.pem"));
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::SslCredentials(options);
  WipeString(options.pem_private_key);
  if (credentials == nullptr)
    return absl::InvalidArgumentError(fmt::format("gRPC does not take the key {}", key));
  return credentials;
}

}  // namespace fleetsync::serve
