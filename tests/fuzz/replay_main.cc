// Runs a fuzz target without libFuzzer: every file of a corpus folder, then seeded mutations of
// them, 500 of each unless told. A crash, a sanitizer report or a failed check of the target ends
// the program.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMutationsOfEach = 500;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One to four edits: a byte changed, a piece removed, a piece repeated, a special byte put in.
std::string Mutate(std::string input, std::mt19937& random) {
  constexpr std::string_view kSpecial("\0\n\r\t \"'$`\\[]{}:,#!&-0\xff", 21);
  const auto below = [&random](size_t limit) { return random() % (limit + 1); };
  for (size_t edits = 1 + below(3); edits > 0; --edits) {
    const size_t at = below(input.size());
    const size_t length = below(std::min<size_t>(input.size() - at, 16));
    switch (below(3)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(below(255));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      default:
        input.insert(at, 1, kSpecial[below(kSpecial.size() - 1)]);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS_OF_EACH]\n", argv[0]);
    return 2;
  }
  const size_t mutations = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : kMutationsOfEach;
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "%s: the corpus is empty\n", argv[1]);
    return 1;
  }
  std::mt19937 random(20261120);
  for (const std::string& input : inputs) {
    Run(input);
    for (size_t i = 0; i < mutations; ++i) Run(Mutate(input, random));
  }
  std::printf("%zu inputs, %zu mutations\n", inputs.size(), inputs.size() * mutations);
  return 0;
}
