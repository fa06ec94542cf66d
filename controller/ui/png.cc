#include <zlib.h>

#include <array>

#include "controller/ui/raster.h"
#include "fmt/format.h"

namespace fleetsync::ui {
namespace {

void AppendBigEndian(uint32_t value, std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xff);
}

// Length, type, data, checksum of type and data.
void AppendChunk(std::string_view type, std::string_view data, std::string& file) {
  AppendBigEndian(static_cast<uint32_t>(data.size()), file);
  std::string checked(type);
  checked += data;
  file += checked;
  AppendBigEndian(static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                              static_cast<uInt>(checked.size()))),
                  file);
}

}  // namespace

StatusOr<std::string> Raster::Png() const {
  std::string rows;  // each behind the number of its filter: none
  rows.reserve((width_ * 3 + 1) * height_);
  for (size_t y = 0; y < height_; ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(&pixels_[y * width_ * 3]), width_ * 3);
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  const int result =
      compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                reinterpret_cast<const Bytef*>(rows.data()), rows.size(), Z_BEST_COMPRESSION);
  if (result != Z_OK)
    return absl::InternalError(fmt::format("zlib could not pack the picture: {}", zError(result)));
  packed.resize(size);

  std::string header;
  AppendBigEndian(static_cast<uint32_t>(width_), header);
  AppendBigEndian(static_cast<uint32_t>(height_), header);
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits, true colour, no interlace
  std::string file = "\x89PNG\r\n\x1a\n";
  AppendChunk("IHDR", header, file);
  AppendChunk("IDAT", packed, file);
  AppendChunk("IEND", "", file);
  return file;
}

}  // namespace fleetsync::ui
