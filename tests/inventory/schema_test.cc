// docs/fleet.schema.json has the keys of inventory/variables.h, and no others; schema_test.py tries
// what it takes and refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "base/file.h"
#include "inventory/variables.h"
#include "nlohmann/json.hpp"

namespace fleetsync::inventory {
namespace {

using ::testing::ContainerEq;
using Names = std::set<std::string>;

const nlohmann::json& Definitions() {
  static const nlohmann::json definitions = [] {
    const StatusOr<std::string> text = ReadFile("docs/fleet.schema.json", size_t{1} << 20);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? nlohmann::json::parse(*text)["definitions"] : nlohmann::json();
  }();
  return definitions;
}

Names PropertiesOf(const char* place) {
  Names names;
  for (const auto& [name, property] : Definitions()[place]["properties"].items())
    names.insert(name);
  return names;
}

enum class Of { kOneHost, kManyHosts };

Names ConnectionKeyNames(Of of, Names others) {
  for (const Key& key : Keys())
    if (!key.name.starts_with("time.") && (of == Of::kOneHost || !key.of_one_host))
      others.emplace(key.name);
  return others;
}

TEST(Schema, HasEveryKeyWhereItBelongsAndNoOther) {
  Names of_time;
  for (const Key& key : Keys())
    if (key.name.starts_with("time.")) of_time.emplace(key.name.substr(5));
  EXPECT_THAT(PropertiesOf("time"), ContainerEq(of_time));
  EXPECT_THAT(PropertiesOf("settings"), ContainerEq(ConnectionKeyNames(Of::kOneHost, {})));
  EXPECT_THAT(PropertiesOf("host"), ContainerEq(ConnectionKeyNames(Of::kOneHost, {"time"})));
  EXPECT_THAT(PropertiesOf("defaults"), ContainerEq(ConnectionKeyNames(Of::kManyHosts, {"time"})));
  EXPECT_THAT(PropertiesOf("group"),
              ContainerEq(ConnectionKeyNames(Of::kManyHosts, {"time", "hosts", "children"})));
}

TEST(Schema, EveryKeyIsDescribed) {
  for (const char* place : {"settings", "time"})
    for (const auto& [name, property] : Definitions()[place]["properties"].items())
      EXPECT_FALSE(property.value("description", "").empty()) << name;
}

}  // namespace
}  // namespace fleetsync::inventory
