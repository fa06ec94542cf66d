#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/ntp/key_store.h"

namespace fleetsync::ntp {

enum class KeyFileFormat : uint8_t {
  kChrony,  // chrony.keys(5): ID [TYPE] [ASCII:|HEX:]KEY; without a type MD5
  kNtp,     // ntp.keys(5) of ntp and ntpsec: ID TYPE KEY [ADDRESSES]
};

struct KeyFile {
  KeyStore keys;
  std::vector<std::string> notes;  // "line 3: …": keys left out, lengthened or cut; no secrets
};

// The keys of `text`, the whole of a file, as the daemon would take them. Names of types are taken
// in any case and in the words of either daemon. A key of a type that the daemons have and we have
// not is left out, with a note. InvalidArgument for the first line that is wrong: "line 3: " and
// the cause, never a word of the line but the key's number, since any other may be a secret.
StatusOr<KeyFile> ParseKeyFile(std::string_view text, KeyFileFormat format);

}  // namespace fleetsync::ntp
