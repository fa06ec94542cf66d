#include "controller/serve/server_credentials.h"

#include <grpc/support/log.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include <optional>
#include <string_view>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "base/text.h"
#include "controller/serve/library_logs.h"
#include "fmt/format.h"
#include "proto/tls/version.h"

namespace fleetsync::serve {
namespace {

constexpr char kPeerCertificate[] = "x509_pem_cert";
constexpr int kLinesAMinute = 10;

grpc::Status ToGrpc(const Status& status) {
  // Both enumerations have the same numbers (absl/status/status.h).
  return {static_cast<grpc::StatusCode>(status.code()), Message(status)};
}

std::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

std::string_view CertificateOf(const grpc::AuthContext& context) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(kPeerCertificate);
  return values.empty() ? std::string_view() : View(values.front());
}

class RefusalLog {
 public:
  explicit RefusalLog(std::function<void(const std::string&)> out) : out_(std::move(out)) {}

  void Add(const std::string& line, MonoTime now) {
    if (!out_) return;
    if (const std::optional<std::string> said = Limited(line, now)) out_(*said);
  }

 private:
  std::optional<std::string> Limited(const std::string& line, MonoTime now) {
    const MutexLock lock(mutex_);
    if (now - since_ >= std::chrono::minutes(1)) {
      since_ = now;
      lines_ = 0;
    }
    if (++lines_ > kLinesAMinute) return std::nullopt;
    return lines_ < kLinesAMinute ? line : line + " (further refusals of this minute are not told)";
  }

  const std::function<void(const std::string&)> out_;
  Mutex mutex_;
  MonoTime since_ FS_GUARDED_BY(mutex_) = MonoTime(-std::chrono::minutes(1));
  int lines_ FS_GUARDED_BY(mutex_) = 0;
};

// Called before each method; a few signatures' worth of work, and no waiting.
class Gate final : public grpc::AuthMetadataProcessor {
 public:
  Gate(std::shared_ptr<const ca::Verifier> verifier, std::shared_ptr<RefusalLog> refusals)
      : verifier_(std::move(verifier)), refusals_(std::move(refusals)) {}

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const auto found = metadata.find(":path");
    const std::string_view path =
        found == metadata.end() ? std::string_view() : View(found->second);
    const Now now = ReadClocks();
    const Status status = Check(*context, path, now.system);
    if (status.ok()) return grpc::Status::OK;
    refusals_->Add(fmt::format("refused {}: {}", Printable(path), Message(status)), now.mono);
    return ToGrpc(status);
  }

 private:
  Status Check(const grpc::AuthContext& context, std::string_view path, SystemTime now) const {
    FS_ASSIGN_OR_RETURN(const ca::Peer peer, verifier_->Verify(CertificateOf(context), now));
    return ca::MayCall(peer, path);
  }

  const std::shared_ptr<const ca::Verifier> verifier_;
  const std::shared_ptr<RefusalLog> refusals_;
};

// Where gRPC's log function, which has no argument of ours, finds the log.
class Handshakes {
 public:
  static Handshakes& Get() {
    static Handshakes handshakes;
    return handshakes;
  }
  void GoTo(const std::shared_ptr<RefusalLog>& log) {
    const MutexLock lock(mutex_);
    log_ = log;
  }
  void Failed(std::string_view why) {
    std::shared_ptr<RefusalLog> log;
    {
      const MutexLock lock(mutex_);
      log = log_.lock();
    }
    if (log != nullptr)
      log->Add(fmt::format("refused a connection: {}", Printable(why)), ReadClocks().mono);
  }

 private:
  Mutex mutex_;
  std::weak_ptr<RefusalLog> log_ FS_GUARDED_BY(mutex_);
};

void OnGrpcLog(gpr_log_func_args* entry) {
  if (std::string_view(entry->file).ends_with("ssl_transport_security.cc"))
    return Handshakes::Get().Failed(entry->message);
  if (entry->severity == GPR_LOG_SEVERITY_ERROR) LogLibraryLine("gRPC", entry->message);
}

}  // namespace

StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ca::Authority& authority, PeerCheck check) {
  FS_RETURN_IF_ERROR(tls::RequireTls13());
  FS_ASSIGN_OR_RETURN(const ca::Identity identity, authority.ServerIdentity());
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  options.pem_root_certs = identity.authority;
  options.pem_key_cert_pairs.push_back({std::string(identity.key.Reveal()), identity.certificate});
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::SslServerCredentials(options);
  WipeString(options.pem_key_cert_pairs.front().private_key);
  if (credentials == nullptr) return absl::InternalError("gRPC does not take the server's key");
  const auto refusals = std::make_shared<RefusalLog>(std::move(check.on_refused));
  Handshakes::Get().GoTo(refusals);
  credentials->SetAuthMetadataProcessor(
      std::make_shared<Gate>(std::move(check.verifier), refusals));
  return credentials;
}

void LogHandshakesAsRefusals() { gpr_set_log_function(OnGrpcLog); }

StatusOr<ca::Peer> PeerOf(const grpc::AuthContext& context) {
  const std::string_view certificate = CertificateOf(context);
  if (certificate.empty()) return absl::UnauthenticatedError("the connection is without TLS");
  return ca::PeerFrom(certificate);
}

StatusOr<ca::Peer> PeerOf(const grpc::ServerContextBase& context) {
  if (context.peer().starts_with("unix:")) return ca::LocalOperator();
  const std::shared_ptr<const grpc::AuthContext> proven = context.auth_context();
  if (proven == nullptr) return absl::UnauthenticatedError("the connection is without TLS");
  return PeerOf(*proven);
}

}  // namespace fleetsync::serve
