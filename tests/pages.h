#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "gtest/gtest.h"

namespace fleetsync {

// One page of the documentation.
struct Page {
  std::string path;
  std::string text;
};

inline Page ReadPage(const std::string& path) {
  StatusOr<std::string> text = ReadFile(path, size_t{1} << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  return {path, text.ok() ? *std::move(text) : ""};
}

// README.md and docs/*.md.
inline const std::vector<Page>& Pages() {
  static const std::vector<Page> pages = [] {
    std::set<std::string> paths = {"README.md"};
    for (const auto& entry : std::filesystem::directory_iterator("docs"))
      if (entry.path().extension() == ".md") paths.insert(entry.path());
    std::vector<Page> all;
    for (const std::string& path : paths) all.push_back(ReadPage(path));
    return all;
  }();
  return pages;
}

// A fenced block: the word behind its first fence, and what is between the fences.
struct Block {
  std::string where;  // "docs/push.md:8"
  std::string language;
  std::string text;
};

inline std::vector<Block> BlocksOf(const Page& page) {
  std::vector<Block> blocks;
  bool inside = false;
  int number = 0;
  for (const std::string_view line : Split(page.text, '\n')) {
    ++number;
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside)
        blocks.push_back(
            {page.path + ":" + std::to_string(number), std::string(Trim(line.substr(3))), ""});
    } else if (inside) {
      blocks.back().text += std::string(line) + "\n";
    }
  }
  EXPECT_FALSE(inside) << page.path << ": a block without an end";
  return blocks;
}

// Those of every page with this language.
inline std::vector<Block> BlocksIn(std::string_view language) {
  std::vector<Block> blocks;
  for (const Page& page : Pages())
    for (Block& block : BlocksOf(page))
      if (block.language == language) blocks.push_back(std::move(block));
  return blocks;
}

}  // namespace fleetsync
