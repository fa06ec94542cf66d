// Runs a command on many hosts with libssh and nothing else: no inventory, no deadlines, no
// known_hosts unless asked for, no output kept. What is left is what the servers and the library
// cost, so scripts/bench shows how far the controller is from it.
//
//   bare_libssh --hosts FILE --user USER --key FILE [--known-hosts FILE] [--input FILE] -- COMMAND
//
// FILE of --hosts: "ADDRESS PORT" lines. Exit code 1 when a host failed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr size_t kAtOnce = 64;

struct Options {
  std::string hosts, user = "root", key, known_hosts, input, command;
};

enum class Step { kConnect, kHandshake, kAuthenticate, kOpen, kExec, kWrite, kRead, kOver };

struct Host {
  std::string address;
  int port = 22;
  int fd = -1;
  Step step = Step::kConnect;
  ssh_session session = nullptr;
  ssh_channel channel = nullptr;
  size_t written = 0;
  int exit_code = -1;
  std::string error;
};

struct Bench {
  Options options;
  std::string input;
  ssh_key key = nullptr;
  int epoll = -1;
  std::vector<std::unique_ptr<Host>> hosts;
  size_t next = 0, active = 0, failed = 0;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Listen(Bench& bench, Host& host, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &host;
  epoll_ctl(bench.epoll, operation, host.fd, &event);
}

void Begin(Bench& bench, Host& host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(host.port));
  inet_pton(AF_INET, host.address.c_str(), &address.sin_addr);
  host.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  connect(host.fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  Listen(bench, host, EPOLLOUT, EPOLL_CTL_ADD);
  ++bench.active;
}

void SetUp(Bench& bench, Host& host) {
  const int off = 0;
  host.session = ssh_new();
  ssh_options_set(host.session, SSH_OPTIONS_PROCESS_CONFIG, &off);
  if (!bench.options.known_hosts.empty()) {
    ssh_options_set(host.session, SSH_OPTIONS_HOST, host.address.c_str());
    ssh_options_set(host.session, SSH_OPTIONS_PORT, &host.port);
    ssh_options_set(host.session, SSH_OPTIONS_KNOWNHOSTS, bench.options.known_hosts.c_str());
  }
  ssh_options_set(host.session, SSH_OPTIONS_USER, bench.options.user.c_str());
  ssh_options_set(host.session, SSH_OPTIONS_FD, &host.fd);
  ssh_set_blocking(host.session, 0);
}

void End(Bench& bench, Host& host, std::string error) {
  host.error = std::move(error);
  if (!host.error.empty() || host.exit_code != 0) {
    ++bench.failed;
    std::fprintf(stderr, "%s: %s (exit code %d)\n", host.address.c_str(), host.error.c_str(),
                 host.exit_code);
  }
  epoll_ctl(bench.epoll, EPOLL_CTL_DEL, host.fd, nullptr);
  if (host.session != nullptr) {
    const bool open = ssh_get_fd(host.session) >= 0;
    ssh_disconnect(host.session);
    ssh_free(host.session);
    if (open) close(host.fd);
  } else {
    close(host.fd);
  }
  host.step = Step::kOver;
  --bench.active;
}

// SSH_OK: the step is done.
int Write(Bench& bench, Host& host) {
  while (host.written < bench.input.size()) {
    const int n = ssh_channel_write(host.channel, bench.input.data() + host.written,
                                    static_cast<uint32_t>(bench.input.size() - host.written));
    if (n < 0) return SSH_ERROR;
    if (n == 0) return SSH_AGAIN;
    host.written += static_cast<size_t>(n);
  }
  ssh_channel_send_eof(host.channel);
  return SSH_OK;
}

int Read(Host& host) {
  char block[16384];
  for (const int is_stderr : {0, 1})
    while (ssh_channel_read_nonblocking(host.channel, block, sizeof block, is_stderr) > 0) {
    }
  host.exit_code = ssh_channel_get_exit_status(host.channel);
  if (host.exit_code >= 0 || ssh_channel_is_closed(host.channel)) return SSH_OK;
  return SSH_AGAIN;
}

int Do(Bench& bench, Host& host) {
  switch (host.step) {
    case Step::kConnect: {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(host.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return SSH_ERROR;
      SetUp(bench, host);
      Listen(bench, host, EPOLLIN, EPOLL_CTL_MOD);
      return SSH_OK;
    }
    case Step::kHandshake: {
      const int result = ssh_connect(host.session);
      if (result != SSH_OK || bench.options.known_hosts.empty()) return result;
      return ssh_session_is_known_server(host.session) == SSH_KNOWN_HOSTS_OK ? SSH_OK : SSH_ERROR;
    }
    case Step::kAuthenticate: {
      const int result = ssh_userauth_publickey(host.session, nullptr, bench.key);
      return result == SSH_AUTH_AGAIN ? SSH_AGAIN : result == SSH_AUTH_SUCCESS ? SSH_OK : SSH_ERROR;
    }
    case Step::kOpen:
      if (host.channel == nullptr) host.channel = ssh_channel_new(host.session);
      return ssh_channel_open_session(host.channel);
    case Step::kExec:
      return ssh_channel_request_exec(host.channel, bench.options.command.c_str());
    case Step::kWrite:
      return Write(bench, host);
    case Step::kRead:
      return Read(host);
    case Step::kOver:
      break;
  }
  return SSH_ERROR;
}

void Advance(Bench& bench, Host& host) {
  for (;;) {
    const int result = Do(bench, host);
    if (result == SSH_AGAIN) break;
    if (result != SSH_OK)
      return End(bench, host, host.session == nullptr ? "refused" : ssh_get_error(host.session));
    host.step = static_cast<Step>(static_cast<int>(host.step) + 1);
    if (host.step == Step::kOver) return End(bench, host, "");
  }
  const bool pending = (ssh_get_status(host.session) & SSH_WRITE_PENDING) != 0;
  Listen(bench, host, pending ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void RunAll(Bench& bench) {
  while (bench.next < bench.hosts.size() || bench.active > 0) {
    while (bench.active < kAtOnce && bench.next < bench.hosts.size())
      Begin(bench, *bench.hosts[bench.next++]);
    epoll_event events[64];
    const int count = epoll_wait(bench.epoll, events, 64, -1);
    for (int i = 0; i < count; ++i) Advance(bench, *static_cast<Host*>(events[i].data.ptr));
  }
}

bool ParseOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--") {
      for (int word = i + 1; word < argc; ++word)
        options.command += (word == i + 1 ? "" : " ") + std::string(argv[word]);
      return !options.hosts.empty() && !options.key.empty();
    }
    std::string* value = name == "--hosts"         ? &options.hosts
                         : name == "--user"        ? &options.user
                         : name == "--key"         ? &options.key
                         : name == "--known-hosts" ? &options.known_hosts
                         : name == "--input"       ? &options.input
                                                   : nullptr;
    if (value == nullptr) return false;
    *value = argv[i + 1];
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench;
  if (!ParseOptions(argc, argv, bench.options)) {
    std::fprintf(stderr,
                 "usage: %s --hosts FILE --user USER --key FILE [--known-hosts FILE] "
                 "[--input FILE] -- COMMAND\n",
                 argv[0]);
    return 2;
  }
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  ssh_init();
  if (ssh_pki_import_privkey_file(bench.options.key.c_str(), nullptr, nullptr, nullptr,
                                  &bench.key) != SSH_OK) {
    std::fprintf(stderr, "%s: not a key without a passphrase\n", bench.options.key.c_str());
    return 2;
  }
  if (!bench.options.input.empty()) bench.input = ReadAll(bench.options.input);
  std::ifstream list(bench.options.hosts);
  for (std::string address, port; list >> address >> port;) {
    bench.hosts.push_back(std::make_unique<Host>());
    bench.hosts.back()->address = address;
    bench.hosts.back()->port = std::atoi(port.c_str());
  }
  bench.epoll = epoll_create1(EPOLL_CLOEXEC);
  RunAll(bench);
  ssh_key_free(bench.key);
  return bench.failed == 0 ? 0 : 1;
}
