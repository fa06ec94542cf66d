// Mutual TLS over real sockets: the real `fleetsync serve`, and clients with all sorts of
// certificates. What both sides say is asserted.

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/report/channel_credentials.h"
#include "agent/report/identity.h"
#include "base/clock_read.h"
#include "base/file.h"
#include "controller/ca/authority.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr Duration kPatience = 20s;

// Polls, bounded, for what another process does.
template <class F>
bool Eventually(F&& condition) {
  const MonoTime end = ReadClocks().mono + kPatience;
  while (!condition()) {
    if (ReadClocks().mono > end) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// How a call ended, as the agent or the operator is told.
struct Told {
  bool welcomed = false;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string text{};
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() : authority_(*ca::Authority::OpenOrCreate(folder_.File("ca"))) {
    std::ofstream(folder_.File("servers.txt")) << "root@web01\nroot@web02\n";
    Start({});
  }
  ~TlsTest() override {
    kill(server_, SIGTERM);
    waitpid(server_, nullptr, 0);
  }

  pid_t Spawn(std::vector<std::string> words, const std::string& output) {
    words.insert(words.begin(), FLEETSYNC);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = vfork();
    if (pid == 0) {
      const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(fd, STDOUT_FILENO);
      dup2(fd, STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    return pid;
  }

  void Start(const std::vector<std::string>& options) {
    std::vector<std::string> words = {"serve",
                                      "-i",
                                      folder_.File("servers.txt"),
                                      "--db",
                                      folder_.File("fleet.db"),
                                      "--listen",
                                      "127.0.0.1:0",
                                      "--port-file",
                                      folder_.File("port")};
    words.insert(words.end(), options.begin(), options.end());
    server_ = Spawn(std::move(words), folder_.File("log"));
    StatusOr<std::string> port = absl::NotFoundError("");
    ASSERT_TRUE(Eventually([&] { return (port = ReadFile(folder_.File("port"), 100)).ok(); }))
        << Log();
    port_ = std::stoi(*port);
  }
  void Restart(const std::vector<std::string>& options) {
    kill(server_, SIGTERM);
    waitpid(server_, nullptr, 0);
    unlink(folder_.File("port").c_str());
    Start(options);
  }

  std::string Fleetsync(std::vector<std::string> words) {
    words.insert(words.end(), {"--db", folder_.File("fleet.db")});
    unlink(folder_.File("out").c_str());
    int status = 0;
    waitpid(Spawn(std::move(words), folder_.File("out")), &status, 0);
    return fmt::format("{}{}", ReadFile(folder_.File("out"), 1 << 20).value_or(""),
                       status == 0 ? "" : fmt::format("exit {}", WEXITSTATUS(status)));
  }

  std::string Log() { return ReadFile(folder_.File("log"), 1 << 20).value_or(""); }
  bool Logged(const std::string& text) {
    return Eventually([&] { return Log().find(text) != std::string::npos; });
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

  // As the agent has it.
  static report::Identity AsAgent(const ca::Identity& identity) {
    return {.authority = identity.authority,
            .certificate = identity.certificate,
            .key = identity.key.Clone(),
            .host = "",
            .expires = {}};
  }

  static std::shared_ptr<grpc::Channel> ChannelTo(
      const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    report::ExpectController(arguments);
    return grpc::CreateCustomChannel(address, credentials, arguments);
  }

  // An agent that says it is `host`.
  static Told SayHello(const std::shared_ptr<grpc::Channel>& channel, const std::string& host) {
    const auto stub = v1::FleetService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const auto stream = stub->Stream(&context);
    v1::StreamRequest hello;
    hello.mutable_hello()->set_host(host);
    stream->Write(hello);
    v1::StreamResponse answer;
    Told told;
    told.welcomed = stream->Read(&answer) && answer.has_welcome();
    stream->WritesDone();
    while (stream->Read(&answer)) {
    }
    const grpc::Status status = stream->Finish();
    told.code = status.error_code();
    told.text = report::ExplainFailure(status.error_message());
    return told;
  }
  Told SayHello(const ca::Identity& identity, const std::string& host) {
    return SayHello(ChannelTo(address(), *report::MakeChannelCredentials(AsAgent(identity))), host);
  }

  Told CallMethod(const ca::Identity& identity, const std::string& method) {
    grpc::GenericStub stub(
        ChannelTo(address(), *report::MakeChannelCredentials(AsAgent(identity))));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    grpc::CompletionQueue queue;
    grpc::Slice nothing;
    const auto call =
        stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&nothing, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return {.code = status.error_code(), .text = status.error_message()};
  }

  // UNAUTHENTICATED in one line, which the controller's log has as well.
  void ExpectRefused(const Told& told, const std::string& line) {
    EXPECT_FALSE(told.welcomed);
    EXPECT_EQ(told.code, grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_THAT(told.text, HasSubstr(line));
    EXPECT_EQ(told.text.find('\n'), std::string::npos);
    EXPECT_TRUE(Logged("refused /fleetsync.v1.FleetService/Stream: " + told.text)) << Log();
  }

  TemporaryFolder folder_;
  std::unique_ptr<ca::Authority> authority_;
  pid_t server_ = -1;
  int port_ = 0;
};

TEST_F(TlsTest, AHostIsWelcome) {
  const Told told = SayHello(*authority_->IssueHost("web01"), "web01");
  EXPECT_TRUE(told.welcomed) << told.text;
  EXPECT_EQ(told.code, grpc::StatusCode::OK);
}

TEST_F(TlsTest, WithoutACertificate) {
  const Told told = SayHello(
      ChannelTo(address(), grpc::SslCredentials({authority_->certificate(), "", ""})), "web01");
  ExpectRefused(told, "no certificate: hosts get theirs with `fleetsync agent install`");
}

TEST_F(TlsTest, OfAnotherAuthority) {
  const auto other = *ca::Authority::OpenOrCreate(folder_.File("other"));
  ca::Identity identity = *other->IssueHost("web01");
  identity.authority = authority_->certificate();  // it trusts this controller
  ExpectRefused(SayHello(identity, "web01"), "is not of this fleet's authority");
}

TEST_F(TlsTest, AHostThatTrustsAnotherAuthority) {
  const auto other = *ca::Authority::OpenOrCreate(folder_.File("other"));
  const Told told = SayHello(*other->IssueHost("web01"), "web01");
  EXPECT_FALSE(told.welcomed);
  EXPECT_THAT(told.text, StartsWith("its certificate is not a controller's of the authority in "
                                    "ca.pem: it is another controller"));
}

TEST_F(TlsTest, Expired) {
  ca::AuthorityOptions options;
  options.host_life = -1h;
  const auto earlier = *ca::Authority::Open(folder_.File("ca"), options);
  ExpectRefused(SayHello(*earlier->IssueHost("web01"), "web01"), "of host 'web01' expired at ");
}

TEST_F(TlsTest, RevokedWhileTheControllerRuns) {
  const ca::Identity identity = *authority_->IssueHost("web01");
  EXPECT_TRUE(SayHello(identity, "web01").welcomed);
  EXPECT_THAT(Fleetsync({"ca", "revoke", "web01"}),
              AllOf(StartsWith("revoked "), HasSubstr(" of host 'web01'\n")));
  ExpectRefused(SayHello(identity, "web01"), "of host 'web01' was revoked at ");
  EXPECT_TRUE(SayHello(*authority_->IssueHost("web01"), "web01").welcomed) << "a new one is good";
}

TEST_F(TlsTest, OfAnotherHost) {
  const Told told = SayHello(*authority_->IssueHost("web01"), "web02");
  EXPECT_FALSE(told.welcomed);
  EXPECT_EQ(told.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(
      told.text,
      StartsWith("the certificate of host 'web01' does not let it report for host 'web02'"));
  EXPECT_TRUE(Logged(told.text)) << Log();
}

TEST_F(TlsTest, AnOperatorOnTheAgentsStream) {
  const Told told = SayHello(*authority_->IssueOperator("ann"), "web01");
  EXPECT_FALSE(told.welcomed);
  EXPECT_EQ(told.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(told.text,
            "operator 'ann' may not report: agents' streams are for hosts' certificates");
  EXPECT_TRUE(Logged(told.text)) << Log();
}

TEST_F(TlsTest, AHostMayNotAskForTheFleet) {
  const ca::Identity host = *authority_->IssueHost("web01");
  const Told told = CallMethod(host, "/fleetsync.v1.OperatorService/GetFleet");
  EXPECT_EQ(told.code, grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(told.text, StartsWith("host 'web01' may not ask for the fleet"));
}

// Every method of every service is behind the check, also one that is not there.
TEST_F(TlsTest, NothingAnswersWithoutACertificate) {
  for (const char* method :
       {"/grpc.health.v1.Health/Check", "/a/b", "/fleetsync.v1.OperatorService/GetFleet"}) {
    ca::AuthorityOptions options;
    options.host_life = -1h;
    const auto earlier = *ca::Authority::Open(folder_.File("ca"), options);
    const Told told = CallMethod(*earlier->IssueHost("web01"), method);
    EXPECT_EQ(told.code, grpc::StatusCode::UNAUTHENTICATED) << method;
  }
}

// A key whose public half is that of `certificate`, and whose private half is somebody's: what a
// thief of the certificate alone can offer.
Secret KeyPretendingFor(const std::string& certificate) {
  const tls::CertificatePtr shown = *tls::ParseCertificate(certificate);
  const tls::KeyPtr other = *tls::MakeKey();
  std::array<unsigned char, 256> point{};
  size_t size = 0;
  EVP_PKEY_get_octet_string_param(X509_get0_pubkey(shown.get()), OSSL_PKEY_PARAM_PUB_KEY,
                                  point.data(), point.size(), &size);
  BIGNUM* secret = nullptr;
  EVP_PKEY_get_bn_param(other.get(), OSSL_PKEY_PARAM_PRIV_KEY, &secret);
  OSSL_PARAM_BLD* const parts = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point.data(), size);
  OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_PRIV_KEY, secret);
  OSSL_PARAM* const list = OSSL_PARAM_BLD_to_param(parts);
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, list);
  const tls::KeyPtr pretending(made);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(list);
  OSSL_PARAM_BLD_free(parts);
  BN_clear_free(secret);
  return tls::KeyPem(pretending.get());
}

TEST_F(TlsTest, TheCertificateWithoutItsKeyIsWorthNothing) {
  ca::Identity identity = *authority_->IssueHost("web01");
  identity.key = KeyPretendingFor(identity.certificate);
  ASSERT_FALSE(identity.key.empty());
  const Told told = SayHello(identity, "web01");
  EXPECT_FALSE(told.welcomed);
  EXPECT_TRUE(Logged("refused a connection: ")) << Log();
  EXPECT_THAT(Log(), HasSubstr("bad signature"));
}

TEST_F(TlsTest, PlainTextDoesNotReachATlsPort) {
  const Told told =
      SayHello(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()), "web01");
  EXPECT_FALSE(told.welcomed);
}

TEST_F(TlsTest, ATlsClientSaysThatTheControllerSpeaksPlainText) {
  Restart({"--insecure"});
  const Told told = SayHello(*authority_->IssueHost("web01"), "web01");
  EXPECT_FALSE(told.welcomed);
  EXPECT_THAT(told.text, StartsWith("it does not speak TLS"));
}

// A host cannot play the controller.
TEST_F(TlsTest, AHostsCertificateIsNoControllers) {
  const ca::Identity host = *authority_->IssueHost("web02");
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({std::string(host.key.Reveal()), host.certificate});
  int port = 0;
  grpc::ServerBuilder builder;
  v1::FleetService::Service nothing;
  builder.RegisterService(&nothing);
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
  const auto server = builder.BuildAndStart();
  const auto credentials =
      *report::MakeChannelCredentials(AsAgent(*authority_->IssueHost("web01")));
  const Told told = SayHello(ChannelTo(fmt::format("127.0.0.1:{}", port), credentials), "web01");
  EXPECT_FALSE(told.welcomed);
  EXPECT_THAT(told.text, StartsWith("its certificate is not a controller's"));
}

// The version that a handshake with `version` at most ends with; "refused" when it does not.
std::string Handshake(int port, int version) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "away";
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_clear_options(context, SSL_OP_NO_TLSv1_2);  // this process may have forbidden it
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, version);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context, kHttp2, sizeof kHttp2);
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  const std::string result = SSL_connect(ssl) == 1 ? SSL_get_version(ssl) : "refused";
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
  return result;
}

TEST_F(TlsTest, Tls13Alone) {
  EXPECT_EQ(Handshake(port_, TLS1_2_VERSION), "refused");
  EXPECT_TRUE(Logged("refused a connection: ")) << Log();
  EXPECT_THAT(Log(), HasSubstr("unsupported protocol"));
  EXPECT_EQ(Handshake(port_, TLS1_3_VERSION), "TLSv1.3");
}

// The agent refuses a server that speaks 1.2 alone.
TEST_F(TlsTest, AnAgentSpeaksTls13Alone) {
  const ca::Identity controller = *authority_->ServerIdentity();
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const auto credentials =
      *report::MakeChannelCredentials(AsAgent(*authority_->IssueHost("web01")));
  Told told;
  std::jthread agent([&] {
    told = SayHello(ChannelTo(fmt::format("127.0.0.1:{}", ntohs(address.sin_port)), credentials),
                    "web01");
  });

  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_clear_options(context, SSL_OP_NO_TLSv1_2);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  const auto key = *tls::ParseKey(controller.key.Reveal());
  const auto certificate = *tls::ParseCertificate(controller.certificate);
  SSL_CTX_use_PrivateKey(context, key.get());
  SSL_CTX_use_certificate(context, certificate.get());
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  EXPECT_NE(SSL_accept(ssl), 1);
  EXPECT_EQ(ERR_GET_REASON(ERR_get_error()), SSL_R_UNSUPPORTED_PROTOCOL);
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
  close(listener);
  agent.join();
  EXPECT_EQ(told.text, "it does not speak TLS 1.3");
}

TEST_F(TlsTest, ARenewedCertificateIsWelcomeAndTheOldOneToo) {
  const ca::Identity first = *authority_->IssueHost("web01");
  const std::string tls = folder_.File("tls");
  mkdir(tls.c_str(), 0700);
  ASSERT_TRUE(WriteFileAtomically(tls + "/ca.pem", first.authority, 0644).ok());
  ASSERT_TRUE(WriteFileAtomically(tls + "/host.pem", first.certificate, 0644).ok());
  ASSERT_TRUE(WriteFileAtomically(tls + "/host.key", first.key.Reveal(), 0600).ok());
  const auto renewal = report::Renewal::Begin();
  ASSERT_TRUE(renewal.ok()) << renewal.status();
  const auto chain = authority_->SignRequest(renewal->request_der(), "web01");
  ASSERT_TRUE(chain.ok()) << chain.status();
  ASSERT_TRUE(renewal->Store(tls, *chain).ok());

  const auto renewed = report::ReadIdentity(tls);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  const auto credentials = report::MakeChannelCredentials(*renewed);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_TRUE(SayHello(ChannelTo(address(), *credentials), "web01").welcomed);
  EXPECT_TRUE(SayHello(first, "web01").welcomed) << "until it expires";
}

TEST_F(TlsTest, ARefusedCrowdDoesNotFillTheLog) {
  const auto credentials = grpc::SslCredentials({authority_->certificate(), "", ""});
  for (int i = 0; i < 15; ++i) SayHello(ChannelTo(address(), credentials), "web01");
  size_t lines = 0;
  const std::string log = Log();
  for (size_t at = 0; (at = log.find("refused /", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 10u);
  EXPECT_THAT(log, HasSubstr("(further refusals of this minute are not told)"));
}

}  // namespace
}  // namespace fleetsync::serve
