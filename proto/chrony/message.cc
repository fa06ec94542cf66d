#include "proto/chrony/message.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fleetsync::chrony {
namespace {

constexpr uint8_t kVersion = 6;
constexpr uint8_t kRequest = 1, kReply = 2;
constexpr size_t kRequestHeader = 20, kReplyHeader = 28;
constexpr uint32_t kNeverMeasured = 0xffff'ffff;

// Of whole replies, headers included.
constexpr size_t kSourceCountSize = 32, kSourceDataSize = 76, kTrackingSize = 104,
                 kSourceStatsSize = 84, kNtpDataSize = 152, kSourceNameSize = 284;

size_t ReplySize(Command command) {
  switch (command) {
    case Command::kSourceCount:
      return kSourceCountSize;
    case Command::kSourceData:
      return kSourceDataSize;
    case Command::kTracking:
      return kTrackingSize;
    case Command::kSourceStats:
      return kSourceStatsSize;
    case Command::kNtpData:
      return kNtpDataSize;
    case Command::kSourceName:
      return kSourceNameSize;
  }
  return kReplyHeader;
}

// Which kind of reply answers a command.
uint16_t KindOf(Command command) {
  switch (command) {
    case Command::kSourceCount:
      return 2;
    case Command::kSourceData:
      return 3;
    case Command::kTracking:
      return 5;
    case Command::kSourceStats:
      return 6;
    case Command::kNtpData:
      return 16;
    case Command::kSourceName:
      return 19;
  }
  return 0;
}

void Put(uint32_t value, size_t bytes, std::byte* to) {
  for (size_t i = 0; i < bytes; ++i) to[i] = std::byte(value >> 8 * (bytes - 1 - i));
}

// chronyd's floating-point number: 7 bits of exponent, 25 of coefficient, both two's complement.
double ToDouble(uint32_t bits) {
  constexpr int kCoefficientBits = 25;
  int exponent = static_cast<int>(bits >> kCoefficientBits);
  if (exponent >= 1 << 6) exponent -= 1 << 7;
  auto coefficient = static_cast<int32_t>(bits & ((1U << kCoefficientBits) - 1));
  if (coefficient >= 1 << (kCoefficientBits - 1)) coefficient -= 1 << kCoefficientBits;
  return std::ldexp(coefficient, exponent - kCoefficientBits);
}

// Reads a body from its start; whoever made it has checked the size.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint32_t Number(size_t size) {
    uint32_t value = 0;
    for (const std::byte b : Take(size)) value = value << 8 | std::to_integer<uint32_t>(b);
    return value;
  }
  uint16_t Short() { return static_cast<uint16_t>(Number(2)); }
  uint32_t Long() { return Number(4); }
  double Real() { return ToDouble(Long()); }
  double Time() {
    const double high = Long(), low = Long();
    return (high == 0x7fff'ffff ? 0 : high * 0x1p32) + low + Long() * 1e-9;
  }
  Address IpAddress() {
    Address address;
    const auto bytes = Take(address.bytes.size());
    std::memcpy(address.bytes.data(), bytes.data(), bytes.size());
    address.family = static_cast<Family>(Short());
    Take(2);
    return address;
  }
  std::span<const std::byte> Take(size_t size) {
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }

 private:
  std::span<const std::byte> bytes_;
};

std::optional<Reader> BodyOf(const Reply& reply, Command command) {
  if (reply.status != Status::kSuccess || reply.command != static_cast<uint16_t>(command) ||
      reply.kind != KindOf(command) || reply.body.size() < ReplySize(command) - kReplyHeader) {
    return std::nullopt;
  }
  return Reader(reply.body);
}

}  // namespace

std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence) {
  std::vector<std::byte> wire(ReplySize(command));
  wire[0] = std::byte{kVersion};
  wire[1] = std::byte{kRequest};
  Put(static_cast<uint32_t>(command), 2, &wire[4]);
  Put(sequence, 4, &wire[8]);
  return wire;
}

std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence, int32_t index) {
  std::vector<std::byte> wire = EncodeRequest(command, sequence);
  Put(static_cast<uint32_t>(index), 4, &wire[kRequestHeader]);
  return wire;
}

std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence, const Address& source) {
  std::vector<std::byte> wire = EncodeRequest(command, sequence);
  std::memcpy(&wire[kRequestHeader], source.bytes.data(), source.bytes.size());
  Put(static_cast<uint32_t>(source.family), 2, &wire[kRequestHeader + source.bytes.size()]);
  return wire;
}

std::optional<Reply> DecodeReply(std::span<const std::byte> wire) {
  if (wire.size() < kReplyHeader) return std::nullopt;
  Reader reader(wire);
  Reply reply;
  reply.version = static_cast<uint8_t>(reader.Number(1));
  if (reader.Number(1) != kReply) return std::nullopt;
  reader.Take(2);
  reply.command = reader.Short();
  reply.kind = reader.Short();
  reply.status = static_cast<Status>(reader.Short());
  reader.Take(6);
  reply.sequence = reader.Long();
  reply.body = wire.subspan(kReplyHeader);
  if (reply.version != kVersion && reply.status != Status::kBadVersion) return std::nullopt;
  return reply;
}

std::optional<uint32_t> ReadSourceCount(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kSourceCount);
  if (!reader) return std::nullopt;
  return reader->Long();
}

std::optional<Tracking> ReadTracking(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kTracking);
  if (!reader) return std::nullopt;
  Tracking t;
  t.reference_id = reader->Long();
  t.address = reader->IpAddress();
  t.stratum = reader->Short();
  t.leap = reader->Short();
  t.reference_time = reader->Time();
  for (double* number :
       {&t.correction, &t.last_offset, &t.rms_offset, &t.frequency_ppm, &t.residual_frequency_ppm,
        &t.skew_ppm, &t.root_delay, &t.root_dispersion, &t.update_interval})
    *number = reader->Real();
  return t;
}

std::optional<SourceData> ReadSourceData(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kSourceData);
  if (!reader) return std::nullopt;
  SourceData s;
  s.address = reader->IpAddress();
  s.poll = static_cast<int16_t>(reader->Short());
  s.stratum = reader->Short();
  s.state = reader->Short();
  s.mode = reader->Short();
  reader->Take(2);  // flags
  s.reach = reader->Short();
  if (const uint32_t since = reader->Long(); since != kNeverMeasured) s.since_sample = since;
  s.original_offset = reader->Real();
  s.offset = reader->Real();
  s.error = reader->Real();
  return s;
}

std::optional<SourceStats> ReadSourceStats(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kSourceStats);
  if (!reader) return std::nullopt;
  SourceStats s;
  s.reference_id = reader->Long();
  reader->IpAddress();
  s.samples = reader->Long();
  reader->Take(8);  // runs, span
  s.standard_deviation = reader->Real();
  return s;
}

std::optional<NtpData> ReadNtpData(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kNtpData);
  if (!reader) return std::nullopt;
  NtpData d;
  reader->Take(2 * 20 + 2 + 3);  // addresses, port, leap, version, mode
  d.stratum = static_cast<uint8_t>(reader->Number(1));
  reader->Take(2 + 2 * 4);  // poll, precision, root delay, root dispersion
  d.reference_id = reader->Long();
  reader->Take(12);  // reference time
  d.offset = reader->Real();
  d.peer_delay = reader->Real();
  return d;
}

std::optional<std::string> ReadSourceName(const Reply& reply) {
  std::optional<Reader> reader = BodyOf(reply, Command::kSourceName);
  if (!reader) return std::nullopt;
  const auto bytes = reader->Take(kSourceNameSize - kReplyHeader);
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
  std::string name(static_cast<size_t>(end - bytes.begin()), '\0');
  std::memcpy(name.data(), bytes.data(), name.size());
  return name;
}

}  // namespace fleetsync::chrony
