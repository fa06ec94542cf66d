#include "agent/server/responder.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/ntp/exchange.h"

namespace fleetsync::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Now kNow{MonoTime(seconds(5000)), SystemTime(seconds(1'800'000'000))};
constexpr ntp::Timestamp kCookie{0x0123456789abcdef};

ntp::Address Client(uint8_t last = 1, uint16_t port = 40'000) {
  ntp::Address address{.port = port};
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last};
  return address;
}

ServerVars Good() {
  return {.as_of = kNow,
          .offset = milliseconds(40),
          .root_delay = milliseconds(3),
          .root_dispersion = milliseconds(2),
          .reference_time = kNow.system - seconds(20),
          .reference_id = 0xc0000201,
          .stratum = 3,
          .precision = -24,
          .leap = ntp::Leap::kDelete};
}

std::vector<std::byte> Wire(const ntp::Packet& packet) {
  std::vector<std::byte> wire(ntp::kHeaderSize);
  ntp::Encode(packet, std::span(wire).first<ntp::kHeaderSize>());
  return wire;
}

std::vector<std::byte> Request(uint8_t version = 4, ntp::Mode mode = ntp::Mode::kClient) {
  return Wire({.version = version, .mode = mode, .poll = 7, .transmit = kCookie});
}

std::vector<std::byte> With(std::vector<std::byte> wire, size_t more, uint8_t fill = 0x5a) {
  wire.insert(wire.end(), more, static_cast<std::byte>(fill));
  return wire;
}

ntp::Authenticator Keys() {
  ntp::KeyStore keys;
  const std::string bytes = "0123456789abcdef";
  uint32_t id = 0;
  for (const auto type : {ntp::KeyType::kMd5, ntp::KeyType::kSha1, ntp::KeyType::kSha256,
                          ntp::KeyType::kAesCmac128}) {
    EXPECT_TRUE(keys.Add({.id = ++id, .type = type, .bytes = Secret(bytes)}).ok());
  }
  auto authenticator = ntp::Authenticator::Create(keys);
  EXPECT_TRUE(authenticator.ok());
  return *std::move(authenticator);
}

std::vector<std::byte> Signed(std::vector<std::byte> wire, uint32_t key_id) {
  std::array<std::byte, ntp::kMacRoom> mac;
  const size_t size = Keys().Append(key_id, wire, mac);
  wire.insert(wire.end(), mac.begin(), mac.begin() + static_cast<ptrdiff_t>(size));
  return wire;
}

class ResponderTest : public testing::Test {
 protected:
  Response Respond(std::span<const std::byte> request, const ntp::Address& from = Client(),
                   Now sending = kNow) {
    reply_.fill(std::byte{0xee});
    const Response response = responder_.Respond(
        vars_, {request, from, sending.system - microseconds(30)}, sending, reply_);
    EXPECT_LE(response.size, request.size());
    return response;
  }
  ntp::Packet Reply(const Response& response) {
    const ntp::Decoded decoded = ntp::Decode(std::span(reply_).first(response.size));
    EXPECT_TRUE(decoded.ok()) << ntp::Describe(decoded.error);
    return decoded.packet;
  }

  std::vector<AccessRule> rules_ = {{.network = Client(0), .prefix = 120, .allow = true},
                                    {.network = Client(66), .prefix = 128, .allow = false}};
  AccessList access_{rules_};
  Responder responder_{access_, Keys(), {.interval = seconds(10), .burst = 4}, 1};
  ServerVars vars_ = Good();
  std::array<std::byte, kLargestReply> reply_;
};

TEST_F(ResponderTest, EveryFieldOfAnAnswer) {
  const Now later{kNow.mono + seconds(1), kNow.system + seconds(1)};
  const Response response = Respond(Request(), Client(), later);
  EXPECT_EQ(response.verdict, Verdict::kAnswered);
  ASSERT_EQ(response.size, ntp::kHeaderSize);
  const ntp::Packet reply = Reply(response);
  EXPECT_EQ(reply.leap, ntp::Leap::kDelete);
  EXPECT_EQ(reply.version, 4);
  EXPECT_EQ(reply.mode, ntp::Mode::kServer);
  EXPECT_EQ(reply.stratum, 3);
  EXPECT_EQ(reply.poll, 7);
  EXPECT_EQ(reply.precision, -24);
  EXPECT_NEAR(ToSeconds(reply.root_delay), 0.003, 2e-5);
  EXPECT_NEAR(ToSeconds(reply.root_dispersion), 0.002 + 15e-6, 2e-5);
  EXPECT_GE(reply.root_dispersion, milliseconds(2) + microseconds(15));
  EXPECT_EQ(reply.reference_id, 0xc0000201u);
  EXPECT_EQ(reply.reference, ntp::ToTimestamp(kNow.system - seconds(20)));
  EXPECT_EQ(reply.origin, kCookie);
  EXPECT_EQ(reply.receive, ntp::ToTimestamp(later.system - microseconds(30) + milliseconds(40)));
  EXPECT_EQ(reply.transmit, ntp::ToTimestamp(later.system + milliseconds(40)));
}

TEST_F(ResponderTest, AnEngineTakesTheTimeThatIsServed) {
  const Response response = Respond(Request());
  const SystemTime received = kNow.system + microseconds(10);
  const auto result = ntp::Evaluate({.cookie = kCookie, .sent = kNow.system - microseconds(40)},
                                    Reply(response), received);
  ASSERT_EQ(result.verdict, ntp::Verdict::kGood) << ntp::Describe(result.verdict);
  EXPECT_EQ(result.measurement.offset, milliseconds(40));
  EXPECT_EQ(result.measurement.delay, microseconds(20));
}

TEST_F(ResponderTest, VersionsOneToFourAreAnsweredInTheirVersion) {
  for (uint8_t version = 1; version <= 4; ++version) {
    const Response response = Respond(Request(version), Client(version));
    EXPECT_EQ(response.verdict, Verdict::kAnswered);
    EXPECT_EQ(Reply(response).version, version);
  }
  EXPECT_EQ(Respond(Request(0), Client(5)).verdict, Verdict::kMalformed);
  EXPECT_EQ(Respond(Request(5), Client(5)).verdict, Verdict::kMalformed);
}

TEST_F(ResponderTest, VersionOneWithoutAModeIsAClientUnlessItComesFromAServersPort) {
  std::vector<std::byte> request = Request(1);
  request[0] = std::byte{1 << 3};
  const Response response = Respond(request);
  EXPECT_EQ(response.verdict, Verdict::kAnswered);
  EXPECT_EQ(Reply(response).mode, ntp::Mode::kServer);
  EXPECT_EQ(Reply(response).origin, kCookie);
  EXPECT_EQ(Respond(request, Client(1, 123)).verdict, Verdict::kNotARequest);
  request[0] = std::byte{2 << 3};
  EXPECT_EQ(Respond(request).verdict, Verdict::kNotARequest);
}

TEST_F(ResponderTest, ASymmetricPeerIsAnsweredAsAPeer) {
  const Response response = Respond(Request(3, ntp::Mode::kSymmetricActive));
  EXPECT_EQ(response.verdict, Verdict::kAnswered);
  EXPECT_EQ(Reply(response).mode, ntp::Mode::kSymmetricPassive);
}

TEST_F(ResponderTest, WhatIsNoRequestIsIgnored) {
  for (const auto mode :
       {ntp::Mode::kSymmetricPassive, ntp::Mode::kServer, ntp::Mode::kBroadcast}) {
    EXPECT_EQ(Respond(Request(4, mode)).verdict, Verdict::kNotARequest);
    EXPECT_EQ(Respond(Request(4, mode)).size, 0u);
  }
  for (const int mode : {6, 7}) {
    std::vector<std::byte> control = With(Request(), 100);
    control[0] = static_cast<std::byte>(2 << 3 | mode);
    EXPECT_EQ(Respond(control).verdict, Verdict::kNotARequest);
    EXPECT_EQ(Respond(control).size, 0u);
  }
}

TEST_F(ResponderTest, WhatIsMalformedIsIgnored) {
  const std::vector<std::byte> request = Request();
  for (size_t size = 0; size < request.size(); ++size) {
    EXPECT_EQ(Respond(std::span(request).first(size)).verdict, Verdict::kMalformed);
  }
  EXPECT_EQ(Respond(With(request, 7)).verdict, Verdict::kMalformed);
  EXPECT_EQ(Respond(With(request, 32)).verdict, Verdict::kMalformed) << "an extension too long";
}

TEST_F(ResponderTest, ExtensionFieldsThatNobodyKnowsAreLeftOut) {
  std::vector<std::byte> request = With(Request(), 28, 0);
  request[ntp::kHeaderSize + 3] = std::byte{28};
  const Response response = Respond(request);
  EXPECT_EQ(response.verdict, Verdict::kAnswered);
  EXPECT_EQ(response.size, ntp::kHeaderSize);
}

TEST_F(ResponderTest, TheAccessListIsAskedFirst) {
  EXPECT_EQ(Respond(Request(), Client(66)).verdict, Verdict::kDenied);
  EXPECT_EQ(Respond(std::vector<std::byte>(3), Client(66)).verdict, Verdict::kDenied);
  EXPECT_EQ(Respond(Request(), Client(66)).size, 0u);
  EXPECT_EQ(responder_.clients().size(), 0u);
}

TEST_F(ResponderTest, UnsynchronisedItSaysSo) {
  vars_ = FromSnapshot({}, -24);
  vars_.as_of = kNow;
  const Response response = Respond(Request());
  EXPECT_EQ(response.verdict, Verdict::kUnsynchronised);
  const ntp::Packet reply = Reply(response);
  EXPECT_EQ(reply.leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(reply.stratum, 16);
  EXPECT_TRUE(reply.reference.IsZero());
  EXPECT_EQ(reply.transmit, ntp::ToTimestamp(kNow.system));
}

TEST_F(ResponderTest, AStepOfTheClockByOthersIsNotServed) {
  const Now stepped{kNow.mono + milliseconds(200), kNow.system + seconds(60)};
  const Response response = Respond(Request(), Client(), stepped);
  EXPECT_EQ(response.verdict, Verdict::kUnsynchronised);
  EXPECT_EQ(Reply(response).leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(Reply(response).stratum, 16);
}

TEST_F(ResponderTest, TheReceiveStampIsNeverLaterThanTheTransmitStamp) {
  const std::vector<std::byte> request = Request();
  const Response response =
      responder_.Respond(vars_, {request, Client(), kNow.system + seconds(1)}, kNow, reply_);
  EXPECT_EQ(Reply(response).receive, Reply(response).transmit);
}

TEST_F(ResponderTest, WhoAsksTooOftenIsKissedOnceThenIgnored) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Respond(Request()).verdict, Verdict::kAnswered);
  const Response kiss = Respond(Request());
  EXPECT_EQ(kiss.verdict, Verdict::kKissed);
  const ntp::Packet packet = Reply(kiss);
  EXPECT_EQ(packet.stratum, 0);
  EXPECT_EQ(packet.leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(ntp::KissOf(packet.reference_id), ntp::Kiss::kRate);
  EXPECT_EQ(packet.mode, ntp::Mode::kServer);
  EXPECT_EQ(packet.origin, kCookie);
  EXPECT_EQ(packet.poll, 7);
  EXPECT_EQ(Respond(Request()).verdict, Verdict::kLimited);
  EXPECT_EQ(Respond(Request()).size, 0u);
  EXPECT_EQ(Respond(Request(), Client(2)).verdict, Verdict::kAnswered);
}

TEST_F(ResponderTest, AKissAsksForAPollAsLongAsTheLimit) {
  Responder slow(access_, std::nullopt, {.interval = seconds(1000), .burst = 1}, 1);
  const std::vector<std::byte> request = Request();
  slow.Respond(vars_, {request, Client(), kNow.system}, kNow, reply_);
  const Response kiss = slow.Respond(vars_, {request, Client(), kNow.system}, kNow, reply_);
  EXPECT_EQ(kiss.verdict, Verdict::kKissed);
  EXPECT_EQ(Reply(kiss).poll, 10);
}

TEST_F(ResponderTest, AnAuthenticRequestGetsAnAnswerWithTheSameKey) {
  for (const uint8_t version : {uint8_t{3}, uint8_t{4}}) {
    for (uint32_t key = 1; key <= 4; ++key) {
      const std::vector<std::byte> request = Signed(Request(version), key);
      const Response response = Respond(request, Client(static_cast<uint8_t>(version * 8 + key)));
      EXPECT_EQ(response.verdict, Verdict::kAnswered);
      EXPECT_EQ(response.size, request.size());
      const auto decoded = ntp::Decode(std::span(reply_).first(response.size));
      EXPECT_TRUE(Keys().Check(decoded.covered, decoded.mac, key).ok());
    }
  }
}

TEST_F(ResponderTest, AnAuthenticRequestWithExtensionFields) {
  std::vector<std::byte> request = With(Request(), 28, 0);
  request[ntp::kHeaderSize + 3] = std::byte{28};
  const Response response = Respond(Signed(request, 2));
  EXPECT_EQ(response.verdict, Verdict::kAnswered);
  EXPECT_EQ(response.size, ntp::kHeaderSize + 24);
}

TEST_F(ResponderTest, ABadMacIsIgnored) {
  std::vector<std::byte> request = Signed(Request(), 1);
  request.back() ^= std::byte{1};
  EXPECT_EQ(Respond(request).verdict, Verdict::kBadMac);
  EXPECT_EQ(Respond(request).size, 0u);
  EXPECT_EQ(Respond(With(Request(), 4, 0), Client(2)).verdict, Verdict::kBadMac) << "crypto-NAK";
  EXPECT_EQ(Respond(With(Request(), 24), Client(2)).verdict, Verdict::kBadMac) << "no such key";
  std::vector<std::byte> old = Signed(Request(1), 1);
  old[0] = std::byte{1 << 3};
  EXPECT_EQ(Respond(old, Client(2)).verdict, Verdict::kBadMac) << "signed with another first byte";
}

TEST_F(ResponderTest, WithoutKeysARequestWithAMacIsIgnored) {
  Responder keyless(access_, std::nullopt, {}, 1);
  const std::vector<std::byte> request = Signed(Request(), 1);
  const Response response = keyless.Respond(vars_, {request, Client(), kNow.system}, kNow, reply_);
  EXPECT_EQ(response.verdict, Verdict::kBadMac);
  EXPECT_EQ(response.size, 0u);
}

TEST_F(ResponderTest, NamesOfVerdictsAreAllDifferent) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kVerdicts; ++i) names.push_back(Name(static_cast<Verdict>(i)));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_FALSE(names.front().empty());
}

}  // namespace
}  // namespace fleetsync::server
