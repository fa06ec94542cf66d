#pragma once

#include <span>

namespace fleetsync::ntp {

struct Normal {
  double weight = 1;
  double mean = 0;
  double sigma = 1;  // above 0
};

// How far from `middle` the mixture of these normal distributions reaches on both sides when
// `beyond` of its probability is to lie outside: between 1e-9 and the sum of the weights. Pure.
double Reach(std::span<const Normal> mixture, double middle, double beyond);

}  // namespace fleetsync::ntp
