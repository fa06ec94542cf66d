#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

namespace fleetsync::ntp {

// The smallest extension field (RFC 7822 3). The last one of a packet without a MAC has 28 bytes or
// more, else it would be taken for a MAC.
inline constexpr size_t kShortestExtension = 16;

struct Extension {
  uint16_t type = 0;
  std::span<const std::byte> body;  // with its padding, in the caller's buffer

  bool operator==(const Extension& other) const {
    return type == other.type && body.data() == other.body.data() &&
           body.size() == other.body.size();
  }
};

// The field that `bytes` begin with; none when it is too short, misaligned or cut off.
std::optional<Extension> FirstExtension(std::span<const std::byte> bytes);

// for (const Extension& field : Extensions(decoded.extensions)). Types that the caller does not
// know are passed over by the caller. Ends before a field that is malformed; Decode leaves none.
class Extensions {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Extension;

    Iterator() = default;
    explicit Iterator(std::span<const std::byte> rest)
        : rest_(rest), field_(FirstExtension(rest)) {}

    const Extension& operator*() const { return *field_; }
    const Extension* operator->() const { return &*field_; }
    Iterator& operator++();
    Iterator operator++(int);
    bool operator==(const Iterator& other) const { return field_ == other.field_; }
    bool operator==(std::default_sentinel_t) const { return !field_.has_value(); }

   private:
    std::span<const std::byte> rest_;  // from the current field on
    std::optional<Extension> field_;
  };

  explicit Extensions(std::span<const std::byte> fields) : fields_(fields) {}
  Iterator begin() const { return Iterator(fields_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::span<const std::byte> fields_;
};

}  // namespace fleetsync::ntp
