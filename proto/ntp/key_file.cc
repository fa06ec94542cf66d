#include "proto/ntp/key_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ntp {
namespace {

constexpr size_t kLongestNtpText = 20;     // ntpd takes a longer word for hexadecimal digits
constexpr size_t kLongestNtpKey = 32;      // ntpsec cuts longer ones, ntp does not
constexpr uint32_t kLargestNtpId = 65535;  // NTP_MAXKEY; above are Autokey's

struct TypeName {
  std::string_view word;
  std::optional<KeyType> type;  // none: known to a daemon, not to us
};
constexpr std::array kTypeNames = {
    TypeName{"M", KeyType::kMd5},
    TypeName{"MD5", KeyType::kMd5},
    TypeName{"SHA1", KeyType::kSha1},
    TypeName{"SHA-1", KeyType::kSha1},
    TypeName{"SHA256", KeyType::kSha256},
    TypeName{"SHA-256", KeyType::kSha256},
    TypeName{"SHA2-256", KeyType::kSha256},
    TypeName{"AES", KeyType::kAesCmac128},
    TypeName{"AES128", KeyType::kAesCmac128},
    TypeName{"AES-128", KeyType::kAesCmac128},
    TypeName{"AES128CMAC", KeyType::kAesCmac128},
    TypeName{"MD4", {}},
    TypeName{"MDC2", {}},
    TypeName{"SHA", {}},
    TypeName{"SHA224", {}},
    TypeName{"SHA384", {}},
    TypeName{"SHA512", {}},
    TypeName{"SHA512-224", {}},
    TypeName{"SHA512-256", {}},
    TypeName{"SHA3-224", {}},
    TypeName{"SHA3-256", {}},
    TypeName{"SHA3-384", {}},
    TypeName{"SHA3-512", {}},
    TypeName{"RMD160", {}},
    TypeName{"RIPEMD160", {}},
    TypeName{"TIGER", {}},
    TypeName{"WHIRLPOOL", {}},
    TypeName{"AES192", {}},
    TypeName{"AES-192", {}},
    TypeName{"AES256", {}},
    TypeName{"AES-256", {}},
};

// One key's line, cut into words; nothing is decoded.
struct Line {
  uint32_t id = 0;
  std::string_view type;
  std::string_view key;
  bool limited_to_addresses = false;
};

Status Bad(std::string_view what) { return absl::InvalidArgumentError(ToAbsl(what)); }
Status Bad(uint32_t id, std::string_view what) { return Bad(fmt::format("key {} {}", id, what)); }

const TypeName* FindType(std::string_view word) {
  const auto same = [](char a, char b) { return a == std::toupper(static_cast<unsigned char>(b)); };
  const auto* const found = std::ranges::find_if(
      kTypeNames, [&](const TypeName& name) { return std::ranges::equal(name.word, word, same); });
  return found == kTypeNames.end() ? nullptr : found;
}

StatusOr<uint32_t> ReadId(std::string_view word, uint32_t largest) {
  uint32_t id = 0;
  const char* const end = word.data() + word.size();
  const auto read = std::from_chars(word.data(), end, id);
  if (read.ec != std::errc() || read.ptr != end || id == 0 || id > largest)
    return Bad(fmt::format("begins with something else than a key's number, 1 to {}", largest));
  return id;
}

// What ntp takes as the last word, "192.0.2.1,2001:db8::/32". It tells a list of addresses from
// the rest of a key with a blank in it, and no more.
bool IsAddressList(std::string_view word) {
  return word.find_first_of(".:") != std::string_view::npos &&
         word.find_first_not_of("0123456789abcdefABCDEF.:/,") == std::string_view::npos;
}

StatusOr<Line> CutChrony(const std::vector<std::string_view>& words) {
  Line line;
  FS_ASSIGN_OR_RETURN(line.id, ReadId(words[0], UINT32_MAX));
  if (words.size() < 2) return Bad(line.id, "is missing behind its number");
  if (words.size() > 3) return Bad(line.id, "has more words than number, type and key");
  line.type = words.size() == 3 ? words[1] : "MD5";
  line.key = words.back();
  return line;
}

StatusOr<Line> CutNtp(const std::vector<std::string_view>& words) {
  Line line;
  FS_ASSIGN_OR_RETURN(line.id, ReadId(words[0], kLargestNtpId));
  if (words.size() < 3) return Bad(line.id, "needs number, type and key");
  if (words.size() > 4 || (words.size() == 4 && !IsAddressList(words[3])))
    return Bad(line.id, "has more words than number, type, key and addresses");
  line.type = words[1];
  line.key = words[2];
  line.limited_to_addresses = words.size() == 4;
  return line;
}

StatusOr<Secret> FromHex(uint32_t id, std::string_view digits) {
  if (digits.size() % 2 != 0) return Bad(id, "has an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(digits.size() / 2);  // growing would leave copies behind
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t value = 0;
    const char* const end = digits.data() + i + 2;
    if (const auto read = std::from_chars(digits.data() + i, end, value, 16);
        read.ec != std::errc() || read.ptr != end) {
      WipeString(bytes);
      return Bad(id, "holds something else than hexadecimal digits");
    }
    bytes += static_cast<char>(value);
  }
  return Secret(std::move(bytes));
}

StatusOr<Secret> DecodeChrony(const Line& line) {
  constexpr std::string_view kHex = "HEX:", kAscii = "ASCII:";
  std::string_view text = line.key;
  if (text.starts_with(kHex)) return FromHex(line.id, text.substr(kHex.size()));
  if (text.starts_with(kAscii)) text.remove_prefix(kAscii.size());
  return Secret(std::string(text));
}

StatusOr<Secret> DecodeNtp(const Line& line) {
  if (line.key.size() <= kLongestNtpText) return Secret(std::string(line.key));
  if (line.key.size() > 2 * kLongestNtpKey)
    return Bad(line.id, "has more than 32 bytes, which ntp and ntpsec read differently");
  return FromHex(line.id, line.key);
}

// What ntp makes of a key for AES that has not 16 bytes. ntpsec cuts too, but it fills with what
// its line buffer holds (1.2.2: it pads another buffer), so short keys never agree with it.
Secret FitToCmac(const Secret& key) {
  std::string bytes;
  bytes.reserve(kCmacKeySize);
  bytes = key.Reveal().substr(0, kCmacKeySize);
  bytes.resize(kCmacKeySize);
  return Secret(std::move(bytes));
}

class Parser {
 public:
  explicit Parser(KeyFileFormat format) : format_(format) {}

  Status Take(std::string_view text) {
    ++number_;
    const std::vector<std::string_view> words = SplitWords(WithoutComment(text));
    if (words.empty()) return absl::OkStatus();
    const Status status = TakeKey(words);
    return status.ok() ? status : Annotate(status, fmt::format("line {}", number_));
  }

  KeyFile Result() && { return std::move(file_); }

 private:
  bool IsChrony() const { return format_ == KeyFileFormat::kChrony; }

  // chrony's comments are whole lines, ntpd's begin anywhere.
  std::string_view WithoutComment(std::string_view text) const {
    if (!IsChrony()) return text.substr(0, text.find('#'));
    text = Trim(text);
    return text.empty() || std::string_view("#%;!").find(text[0]) != std::string_view::npos
               ? std::string_view()
               : text;
  }

  Status TakeKey(const std::vector<std::string_view>& words) {
    FS_ASSIGN_OR_RETURN(const Line line, IsChrony() ? CutChrony(words) : CutNtp(words));
    const TypeName* const name = FindType(line.type);
    if (name == nullptr) return Bad(line.id, "has an unknown type (a blank in the key?)");
    FS_ASSIGN_OR_RETURN(Secret bytes, IsChrony() ? DecodeChrony(line) : DecodeNtp(line));
    if (!name->type.has_value()) {
      Note(line.id, fmt::format("is left out: {} is not supported", name->word));
      return absl::OkStatus();
    }
    if (line.limited_to_addresses) Note(line.id, "is taken from every address");
    const size_t size = bytes.Reveal().size();
    if (!IsChrony() && *name->type == KeyType::kAesCmac128 && size != kCmacKeySize) {
      Note(line.id,
           size < kCmacKeySize
               ? fmt::format("has {} bytes; filled with zeros as ntp does (not ntpsec)", size)
               : fmt::format("has {} bytes; cut to 16 as ntp and ntpsec do", size));
      bytes = FitToCmac(bytes);
    }
    return file_.keys.Add({.id = line.id, .type = *name->type, .bytes = std::move(bytes)});
  }

  void Note(uint32_t id, std::string_view what) {
    file_.notes.push_back(fmt::format("line {}: key {} {}", number_, id, what));
  }

  const KeyFileFormat format_;
  KeyFile file_;
  int number_ = 0;
};

}  // namespace

StatusOr<KeyFile> ParseKeyFile(std::string_view text, KeyFileFormat format) {
  Parser parser(format);
  for (const std::string_view line : Split(text, '\n')) FS_RETURN_IF_ERROR(parser.Take(line));
  return std::move(parser).Result();
}

}  // namespace fleetsync::ntp
