#pragma once

#include <string_view>

namespace fleetsync::serve {

// A serialised google.protobuf.FileDescriptorSet of proto/fleetsync/v1, made at build time.
std::string_view Descriptors();

}  // namespace fleetsync::serve
