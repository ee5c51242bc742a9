#include <catch2/catch.hpp>
#include <cmath>

#include "policies/registry.hpp"
#include "search/importance.hpp"
#include "search/space.hpp"

using namespace switchyard;

TEST_CASE("importance: the parameter that decides has nearly all of it", "[importance]") {
  const PolicyInfo& hra = find_policy("hra", "");
  RandomStream random(1, "test");
  for (std::size_t decisive = 0; decisive < 2; ++decisive) {
    std::vector<std::string> specs;
    std::vector<double> values;
    for (int i = 0; i < 120; ++i) {
      const PolicySpec spec{&hra, random_values(hra.params, random)};
      specs.push_back(spec.text());
      values.push_back(1 + coordinate_of(hra.params[decisive], spec.values[decisive]));
    }
    const auto importance = parameter_importance(specs, values);
    REQUIRE(importance.size() == 2);
    CHECK(importance[0].first == "decode_ratio");
    CHECK(importance[1].first == "safety");
    CHECK(importance[decisive].second > 0.8);
    CHECK(importance[1 - decisive].second < 0.1);
    CHECK(parameter_importance(specs, values) == importance);
  }
}

TEST_CASE("importance: nothing is said of too little", "[importance]") {
  CHECK(parameter_importance({}, {}).empty());
  CHECK(parameter_importance({"hra", "hra(safety=0.1)"}, {1, 2}).empty());
  CHECK(parameter_importance(std::vector<std::string>(20, "llq"), std::vector<double>(20, 1)).empty());
  std::vector<double> values(20, 1);
  values[3] = -1;
  CHECK(parameter_importance(std::vector<std::string>(20, "hra"), values).empty());
  values[3] = 1;
  for (const auto& [name, share] : parameter_importance(std::vector<std::string>(20, "hra"), values)) CHECK(share == 0);
}
