#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fleetsync::sim {

// One line over time: seconds, and an error in seconds.
struct Panel {
  std::string title;
  std::vector<std::pair<double, double>> points;
  double scale = 0;  // the panel shows -scale to scale, seconds
};

// The panels one below the other, as SVG.
std::string PlotSvg(const std::vector<Panel>& panels);

}  // namespace fleetsync::sim
