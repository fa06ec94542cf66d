// A key file as both formats: an error names its line, and what was read can be written for chrony
// and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "proto/ntp/key_file.h"
#include "proto/ntp/mac.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

std::string ForChrony(const ntp::KeyStore& keys) {
  std::string text;
  for (const ntp::Key& key : keys.keys()) {
    text += fmt::format("{} {} HEX:", key.id, ntp::ToString(key.type));
    for (const char c : key.bytes.Reveal()) {
      text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    text += '\n';
  }
  return text;
}

void CheckKeys(const ntp::KeyStore& keys) {
  uint32_t last = 0;
  for (const ntp::Key& key : keys.keys()) {
    Check(key.id > last);
    last = key.id;
    Check(!key.bytes.empty() && key.bytes.Reveal().size() <= ntp::kLongestKey);
    Check(keys.Find(key.id) == &key);
  }
  Check(ntp::Authenticator::Create(keys).ok());
}

// Digits aside it is one of our own sentences, so it is short and holds nothing of the file.
void CheckError(std::string_view message) {
  Check(message.starts_with("line ") && message.size() < 120);
  for (const char c : message) Check(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto format : {ntp::KeyFileFormat::kChrony, ntp::KeyFileFormat::kNtp}) {
    const auto file = ntp::ParseKeyFile(text, format);
    if (!file.ok()) {
      CheckError(Message(file.status()));
      continue;
    }
    for (const std::string& note : file->notes) CheckError(note);
    CheckKeys(file->keys);
    const std::string written = ForChrony(file->keys);
    const auto again = ntp::ParseKeyFile(written, ntp::KeyFileFormat::kChrony);
    Check(again.ok() && again->notes.empty());
    Check(ForChrony(again->keys) == written);
  }
  return 0;
}
