#pragma once

#include <memory>
#include <string>

#include "controller/ca/authority.h"
#include "gtest/gtest.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::ca {

// An authority in a folder of its own, with a clock that the test sets.
class AuthorityTest : public testing::Test {
 protected:
  AuthorityTest() : authority_(*Authority::OpenOrCreate(Path(), Options())) {}

  std::string Path() const { return folder_.File("ca"); }
  AuthorityOptions Options() {
    return {.now = [this] { return now_; }};
  }
  // Another one, of other keys.
  std::unique_ptr<Authority> Stranger() {
    return *Authority::OpenOrCreate(folder_.File("other"), Options());
  }

  TemporaryFolder folder_;
  SystemTime now_ = std::chrono::floor<std::chrono::seconds>(ReadSystemClock());
  std::unique_ptr<Authority> authority_;
};

}  // namespace fleetsync::ca
