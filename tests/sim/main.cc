#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "tests/sim/drawn.h"
#include "tests/sim/plot.h"
#include "tests/sim/scenarios.h"

// Prints what the engine reaches in each scenario, beside chronyd and ntpd, and with a second
// argument draws one run of each: fleetsync-sim [SEEDS [FILE.svg]]. Or runs scenarios drawn at
// random, and says in which the claimed bound did not hold: fleetsync-sim drawn FROM TO.

namespace fleetsync::sim {
namespace {

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return (values[n / 2] + values[(n - 1) / 2]) / 2;
}

struct Row {
  std::vector<double> rms, ideal, settled, requests, claim;
  double max = 0;
  double held = 1;
};

Row RunSeeds(const Scenario& scenario, int8_t minpoll, int8_t maxpoll, int seeds) {
  Row row;
  for (int seed = 1; seed <= seeds; ++seed) {
    const Outcome o = Run(scenario, minpoll, maxpoll, static_cast<uint64_t>(seed));
    row.rms.push_back(o.rms * 1e6);
    row.ideal.push_back(o.ideal * 1e6);
    row.settled.push_back(o.settled);
    row.requests.push_back(o.requests);
    row.max = std::max(row.max, o.max * 1e6);
    row.held = std::min(row.held, o.bound_held);
    row.claim.push_back(o.ClaimRatio());
  }
  return row;
}

std::string Ratio(double ours, double theirs) {
  return theirs > 0 ? fmt::format("{:.2f}", ours / theirs) : "-";
}

std::string Measured(double value) { return value > 0 ? fmt::format("{:.1f}", value) : "-"; }

void PrintTable(const std::vector<Scenario>& scenarios, int8_t minpoll, int8_t maxpoll, int seeds) {
  const bool fixed = minpoll == maxpoll;
  fmt::print(
      "\npoll {} to {}: true offset in microseconds, median of {} seeds; ratio to the ideal filter "
      "and to chrony\n",
      minpoll, maxpoll, seeds);
  fmt::print("{:<18}{:>8}{:>18}{:>8}{:>8}{:>7}{:>8}{:>8}{:>7}{:>8}{:>9}{:>8}{:>7}\n", "", "RMS",
             "[least..most]", "max", "ideal", "ratio", "chrony", "ntpsec", "ratio", "req/h",
             "settled", "held", "claim");
  for (const Scenario& s : scenarios) {
    const Row row = RunSeeds(s, minpoll, maxpoll, seeds);
    const double chrony = fixed ? s.chrony.rms_us : s.chrony.long_rms_us;
    const double ntpsec = fixed ? s.ntpsec.rms_us : s.ntpsec.long_rms_us;
    const double rms = Median(row.rms);
    const auto [least, most] = std::minmax_element(row.rms.begin(), row.rms.end());
    fmt::print(
        "{:<18}{:>8.2f}{:>18}{:>8.1f}{:>8.2f}{:>7}{:>8}{:>8}{:>7}{:>8.1f}{:>8.0f}s{:>7.2f}%{:>7.1f}"
        "\n",
        s.name, rms, fmt::format("[{:.2f}..{:.2f}]", *least, *most), row.max, Median(row.ideal),
        Ratio(rms, Median(row.ideal)), Measured(chrony), Measured(ntpsec), Ratio(rms, chrony),
        Median(row.requests), Median(row.settled), row.held * 100, Median(row.claim));
  }
}

void Draw(const std::vector<Scenario>& scenarios, const char* file) {
  std::vector<Panel> panels;
  for (const Scenario& s : scenarios) {
    if (s.chrony.rms_us == 0) continue;
    Outcome o = Run(s, 6, 6, 1);
    panels.push_back({s.name + ": " + s.text, std::move(o.trace), s.chrony.rms_us * 4e-6});
  }
  std::ofstream(file) << PlotSvg(panels);
}

int RunDrawnOnes(uint64_t from, uint64_t to) {
  int broken = 0;
  for (uint64_t number = from; number <= to; ++number) {
    const Scenario s = DrawScenario(number);
    const Outcome o = RunDrawn(s, number);
    if (o.bound_held == 1) continue;
    ++broken;
    fmt::print("{}: held {:.2f}%, RMS {:.1f} us, ideal {:.1f} us, {} servers\n", number,
               o.bound_held * 100, o.rms * 1e6, o.ideal * 1e6, s.world.servers.size());
  }
  fmt::print("{} of {} did not hold\n", broken, to - from + 1);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace fleetsync::sim

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "drawn")
    return fleetsync::sim::RunDrawnOnes(std::strtoull(argv[2], nullptr, 10),
                                        std::strtoull(argv[3], nullptr, 10));
  const int seeds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 10;
  const auto scenarios = fleetsync::sim::AllScenarios();
  if (argc > 2) fleetsync::sim::Draw(scenarios, argv[2]);
  fleetsync::sim::PrintTable(scenarios, 6, 6, seeds);
  fleetsync::sim::PrintTable(scenarios, 6, 10, seeds);
}
