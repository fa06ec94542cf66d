#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"

namespace fleetsync::db {

// How often which |offset| was seen, in classes whose width is a sixteenth of where their octave
// begins: what is read from it is within 1/32 (3.2 %) of a value that was put in, exact below 32
// ns. Two of them add up to that of all values together.
class Histogram {
 public:
  void Add(Duration value);  // its absolute value counts
  void Merge(const Histogram& other);

  // The value at this fraction of the values in order, by nearest rank; zero when there are none.
  Duration Quantile(double fraction) const;

  // As it is stored: for each class that is not empty the distance of its number from the one
  // before and its count, as variable length integers (LEB128).
  std::string Encode() const;
  // What a damaged text begins with.
  static Histogram Decode(std::string_view text);

  bool operator==(const Histogram&) const = default;

 private:
  std::map<uint32_t, uint64_t> counts_;  // by the number of the class
};

}  // namespace fleetsync::db
