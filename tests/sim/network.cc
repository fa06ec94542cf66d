#include "tests/sim/network.h"

#include <algorithm>
#include <cmath>

namespace fleetsync::sim {
namespace {

double Uniform(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

double Exponential(double mean, Random& random) {
  return mean > 0 ? -mean * std::log1p(-Uniform(random)) : 0;
}

double Normal(double sigma, Random& random) {
  return sigma > 0 ? std::normal_distribution<double>(0, sigma)(random) : 0;
}

}  // namespace

std::optional<double> Way::Draw(double now, Random& random) const {
  if (loss > 0 && Uniform(random) < loss) return std::nullopt;
  double delay = Shortest(now);
  delay += Exponential(exponential, random) + Normal(normal, random);
  if (IsCongested(now)) delay += Exponential(burst, random);
  return std::max(delay, 0.0);
}

bool Way::IsCongested(double now) const {
  return burst > 0 && std::fmod(now, burst_period) < burst_length;
}

SystemTime Server::At(double now) const {
  return kEpoch + FromSeconds(now + ahead + (now >= jump_at ? jump : 0));
}

std::optional<ntp::Packet> Server::Answer(const ntp::Packet& request, double now) {
  ++asked;
  if (now >= silent_from && now < silent_until) return std::nullopt;
  const ntp::Timestamp time = ntp::ToTimestamp(At(now));
  ntp::Packet answer{.leap = ntp::Leap::kNone,
                     .mode = ntp::Mode::kServer,
                     .stratum = stratum,
                     .precision = -23,
                     .root_delay = root_delay,
                     .root_dispersion = root_dispersion,
                     .reference = time,
                     .origin = request.transmit,
                     .receive = time,
                     .transmit = time};
  if (tamper) tamper(answer, now);
  return answer;
}

}  // namespace fleetsync::sim
