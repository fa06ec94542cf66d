#pragma once

#include <string>
#include <string_view>

namespace fleetsync {

// A password, passphrase or key. Never prints (there is no operator<< and no formatter), is not
// copied by accident, and its bytes are overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(); }

  Secret Clone() const { return Secret(bytes_); }
  bool empty() const { return bytes_.empty(); }
  // The only way to the bytes: say where they go at each call.
  std::string_view Reveal() const { return bytes_; }

 private:
  void Wipe();

  std::string bytes_;
};

// Overwrites `bytes` in a way that the compiler keeps, and empties it.
void WipeString(std::string& bytes);

}  // namespace fleetsync
