#include "controller/serve/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "controller/serve/descriptors.h"

namespace fleetsync::serve {
namespace {

// The generated code is the small sort without descriptors (LITE_RUNTIME); reflection tells those
// of the pool, which are brought in here.
void RegisterDescriptors() {
  static const std::string bytes(Descriptors());
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromString(bytes)) return;
  // The pool keeps pointers to them.
  static std::set<std::string> files;
  for (const google::protobuf::FileDescriptorProto& file : set.file()) {
    const std::string& kept = *files.insert(file.SerializeAsString()).first;
    google::protobuf::DescriptorPool::InternalAddGeneratedFile(kept.data(),
                                                               static_cast<int>(kept.size()));
  }
}

}  // namespace

void OfferStandardServices() {
  static std::once_flag once;
  std::call_once(once, [] {
    RegisterDescriptors();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

}  // namespace fleetsync::serve
