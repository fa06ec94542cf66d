#include "agent/report/channel_credentials.h"

#include <grpc/support/log.h>
#include <unistd.h>

#include "fmt/format.h"
#include "proto/tls/names.h"
#include "proto/tls/version.h"

namespace fleetsync::report {
namespace {

struct Explanation {
  std::string_view contains;
  std::string_view text;
};

// OpenSSL's reasons, and gRPC's for a name that is not the one asked for.
constexpr Explanation kExplanations[] = {
    {"certificate verify failed",
     "its certificate is not a controller's of the authority in ca.pem: it is another controller, "
     "or `fleetsync agent install` has to be run again"},
    {"is not in peer certificate", "its certificate is not a controller's"},
    {"wrong version number",
     "it does not speak TLS: it runs with --insecure, or it is no controller"},
    {"unsupported protocol", "it does not speak TLS 1.3"},
    {"tlsv1 alert protocol version", "it does not speak TLS 1.3"},
};

void LogOthers(gpr_log_func_args* entry) {
  if (std::string_view(entry->file).ends_with("ssl_transport_security.cc")) return;
  const std::string text = fmt::format("fleetsync-agent: gRPC: {}\n", entry->message);
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace

void SilenceHandshakes() { gpr_set_log_function(LogOthers); }

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const Identity& identity) {
  FS_RETURN_IF_ERROR(tls::RequireTls13());
  grpc::SslCredentialsOptions options{.pem_root_certs = identity.authority,
                                      .pem_private_key = std::string(identity.key.Reveal()),
                                      .pem_cert_chain = identity.certificate};
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::SslCredentials(options);
  WipeString(options.pem_private_key);
  if (credentials == nullptr) return absl::InternalError("gRPC does not take this host's key");
  return credentials;
}

void ExpectController(grpc::ChannelArguments& arguments) {
  arguments.SetSslTargetNameOverride(tls::kControllerName);
}

std::string ExplainFailure(std::string_view why) {
  for (const Explanation& e : kExplanations)
    if (why.find(e.contains) != std::string_view::npos) return std::string(e.text);
  return std::string(why);
}

}  // namespace fleetsync::report
