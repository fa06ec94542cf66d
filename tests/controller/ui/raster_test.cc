#include "controller/ui/raster.h"

#include <zlib.h>

#include <cstdint>

#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

constexpr Color kWhite{255, 255, 255}, kBlack{0, 0, 0};

uint32_t BigEndian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return value;
}

// The grey of each pixel, by the format's own rules: chunks with right checksums, rows unpacked.
std::vector<std::vector<int>> Decode(const std::string& png) {
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  std::string packed;
  uint32_t width = 0, height = 0;
  for (size_t at = 8; at < png.size();) {
    const uint32_t length = BigEndian(png, at);
    const std::string type = png.substr(at + 4, 4);
    const auto* checked = reinterpret_cast<const Bytef*>(png.data() + at + 4);
    EXPECT_EQ(crc32(0, checked, length + 4), BigEndian(png, at + 8 + length)) << type;
    if (type == "IHDR") width = BigEndian(png, at + 8), height = BigEndian(png, at + 12);
    if (type == "IDAT") packed += png.substr(at + 8, length);
    at += length + 12;
  }
  std::string rows((width * 3 + 1) * height, '\0');
  uLongf size = rows.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                       reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
            Z_OK);
  EXPECT_EQ(size, rows.size());
  std::vector<std::vector<int>> pixels(height);
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < width; ++x)
      pixels[y].push_back(static_cast<uint8_t>(rows[y * (width * 3 + 1) + 1 + x * 3]));
  return pixels;
}

TEST(Raster, ARectangleCoversWhatItSays) {
  Raster raster(4, 3, kWhite);
  raster.Rectangle(1, 1, 2.5, 2, kBlack);
  const std::vector<std::vector<int>> expected = {
      {255, 255, 255, 255}, {255, 0, 128, 255}, {255, 255, 255, 255}};
  EXPECT_EQ(Decode(*raster.Png()), expected);
}

TEST(Raster, WhatIsOutsideIsLeftOut) {
  Raster raster(2, 2, kWhite);
  raster.Rectangle(-5, -5, 1, 9, kBlack);
  const StrokePoint line[] = {{-10, 5}, {20, 5}};
  raster.Line(line, 1, kBlack);
  const std::vector<std::vector<int>> expected = {{0, 255}, {0, 255}};
  EXPECT_EQ(Decode(*raster.Png()), expected);
}

TEST(Raster, ALineIsAsThickAsAsked) {
  Raster raster(5, 5, kWhite);
  const StrokePoint line[] = {{-2, 2.5}, {9, 2.5}};
  raster.Line(line, 1, kBlack);
  const auto pixels = Decode(*raster.Png());
  EXPECT_EQ(pixels[1][2], 255);
  EXPECT_EQ(pixels[2][2], 0);
  EXPECT_EQ(pixels[3][2], 255);
}

TEST(Raster, EveryPrintableCharacterHasAGlyph) {
  const std::vector<Stroke>& box = StrokesOf(U'\u4e00');
  for (char32_t c = U'!'; c <= U'~'; ++c) {
    EXPECT_FALSE(StrokesOf(c).empty()) << static_cast<char>(c);
    EXPECT_NE(&StrokesOf(c), &box) << static_cast<char>(c);
  }
  EXPECT_DOUBLE_EQ(Raster::TextWidth("±1", 6), 10);
}

}  // namespace
}  // namespace fleetsync::ui
