#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace fleetsync {

// In pieces, for what is too large to hold.
class Sha256 {
 public:
  Sha256();
  void Add(std::string_view bytes);
  std::string Hex();  // lower case, as sha256sum prints it; once

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Lower case, as sha256sum prints it.
std::string Sha256Hex(std::string_view bytes);

}  // namespace fleetsync
