#include "controller/deploy/agent_binary.h"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/sha256.h"
#include "fmt/format.h"

namespace fleetsync::deploy {
namespace {

constexpr size_t kPiece = size_t{256} << 10;
constexpr uint64_t kLargest = uint64_t{512} << 20;  // a debug build with its symbols fits

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

StatusOr<File> Open(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return ErrnoStatus(errno, fmt::format("reading the agent's program {}", path));
  return file;
}

class Gzip {
 public:
  Gzip() {
    constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more asks for the gzip format
    ok_ = deflateInit2(&stream_, kLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void Add(std::string_view bytes, bool last) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, 64 << 10> piece;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      if (deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) ok_ = false;
      out_.append(piece.data(), piece.size() - stream_.avail_out);
    } while (ok_ && stream_.avail_out == 0);
  }
  bool ok() const { return ok_; }
  std::string Take() { return std::move(out_); }

 private:
  static constexpr int kLevel = 6;  // 9 takes three times as long for one percent less

  z_stream stream_{};
  std::string out_;
  bool ok_ = false;
};

}  // namespace

std::string_view ElfMachine(std::string_view head) {
  if (head.size() < 20 || !head.starts_with("\x7f"
                                            "ELF"))
    return "";
  const auto byte = [&head](size_t i) -> unsigned { return static_cast<unsigned char>(head[i]); };
  const bool is_64 = byte(4) == 2, little = byte(5) == 1;
  if (byte(7) != 0 && byte(7) != 3) return "";  // System V or Linux
  const unsigned machine = little ? byte(18) | byte(19) << 8U : byte(19) | byte(18) << 8U;
  switch (machine) {
    case 3:
      return "i686";
    case 21:
      return little ? "ppc64le" : "ppc64";
    case 22:
      return is_64 ? "s390x" : "s390";
    case 40:
      return "armv7l";
    case 62:
      return is_64 ? "x86_64" : "";
    case 183:
      return "aarch64";
    case 243:
      return is_64 ? "riscv64" : "riscv32";
    case 258:
      return "loongarch64";
    default:
      return "";
  }
}

bool RunsOn(std::string_view machine, std::string_view host) {
  const auto is_x86_32 = [](std::string_view name) {
    return name.size() == 4 && name[0] == 'i' && name.ends_with("86");
  };
  if (machine == "i686") return is_x86_32(host) || host == "x86_64";
  if (machine == "armv7l") return host.starts_with("armv7") || host.starts_with("armv8");
  return machine == host;
}

StatusOr<AgentBinary> LoadAgentBinary(const std::string& path) {
  FS_ASSIGN_OR_RETURN(const File file, Open(path));
  AgentBinary binary;
  binary.path = path;
  Sha256 sha256;
  Gzip gzip;
  std::string piece(kPiece, '\0');
  for (;;) {
    const size_t size = std::fread(piece.data(), 1, piece.size(), file.get());
    if (std::ferror(file.get()) != 0)
      return ErrnoStatus(errno, fmt::format("reading the agent's program {}", path));
    const std::string_view bytes(piece.data(), size);
    if (binary.size == 0) binary.machine = ElfMachine(bytes);
    if (binary.machine.empty()) {
      return absl::InvalidArgumentError(
          fmt::format("the agent's program {}: no ELF program for Linux", path));
    }
    binary.size += size;
    if (binary.size > kLargest)
      return absl::InvalidArgumentError(fmt::format("the agent's program {}: too large", path));
    sha256.Add(bytes);
    gzip.Add(bytes, size == 0);
    if (size == 0) break;
  }
  if (!gzip.ok())
    return absl::InternalError(fmt::format("the agent's program {}: cannot be compressed", path));
  binary.sha256 = sha256.Hex();
  binary.gzip = std::make_shared<const std::string>(gzip.Take());
  return binary;
}

StatusOr<std::shared_ptr<const std::string>> ReadUncompressed(const AgentBinary& binary) {
  FS_ASSIGN_OR_RETURN(const File file, Open(binary.path));
  std::string bytes(binary.size, '\0');
  const size_t size = std::fread(bytes.data(), 1, bytes.size(), file.get());
  Sha256 sha256;
  sha256.Add(std::string_view(bytes.data(), size));
  if (sha256.Hex() != binary.sha256) {
    return absl::FailedPreconditionError(
        fmt::format("the agent's program {}: it has changed since this run began", binary.path));
  }
  return std::make_shared<const std::string>(std::move(bytes));
}

}  // namespace fleetsync::deploy
