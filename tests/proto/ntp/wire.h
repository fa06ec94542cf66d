#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace fleetsync::ntp {

// The bytes of "24 08 06 e8…"; spaces are for the reader.
inline std::vector<std::byte> FromHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    if (high < 0) {
      high = digit(c);
    } else {
      bytes.push_back(static_cast<std::byte>(high * 16 + digit(c)));
      high = -1;
    }
  }
  return bytes;
}

// Captured from real servers, asked with the transmit timestamp 01 23 45 67 89 ab cd ef.
inline constexpr std::string_view kChronydAnswer =  // chronyd 4.3, local stratum 8
    "24 08 06 e8 00000000 00000000 7f7f0101 eeab4a24ddec6a0b 0123456789abcdef "
    "eeab4a53c0bef5ab eeab4a53c0c35c96";
inline constexpr std::string_view kNtpdAnswer =  // ntpd 4.2.8p15, of that chronyd
    "24 09 06 e8 00000003 0005000d c6120103 eeab4a494b9eddfa 0123456789abcdef "
    "eeab4a4f4283f94e eeab4a4f428881f4";
inline constexpr std::string_view kNtpdKiss =  // the same, asked again too soon
    "dc 00 03 00 00000000 00000000 52415445 0000000000000000 e76aed9d00000001 "
    "e76aed9d00000001 e76aed9d00000001";

}  // namespace fleetsync::ntp
