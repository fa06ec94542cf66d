// A spool file after any damage: what is read was written, in order, and lies where it says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/report/spool_record.h"

namespace {

using namespace fleetsync::report;

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const SpoolContent content = DecodeSpoolRecords(bytes);
  Check(content.valid_bytes <= size);
  std::string again;
  uint64_t before = 0;
  for (const SpoolRecord& record : content.records) {
    Check(record.sequence > before);
    before = record.sequence;
    again += EncodeSpoolRecord(record.sequence, record.payload);
  }
  // The magic, the lengths and the CRCs are what the writer would write: nothing else is accepted.
  Check(again == bytes.substr(0, content.valid_bytes));
  const SpoolContent one = DecodeSpoolRecords(bytes, 1);
  Check(one.records.size() == (content.records.empty() ? 0 : 1));
  return 0;
}
