#include <catch2/catch.hpp>
#include <set>

#include "core/input/error.hpp"
#include "policies/registry.hpp"
#include "search/space.hpp"

using namespace switchyard;

namespace {

std::vector<ParamSpec> example() {
  return {{.name = "kind", .type = ParamType::choice, .high = 1, .choices = {"a", "b"}},
          {.name = "x", .default_value = 2, .low = 1, .high = 100, .scale = ParamScale::log},
          {.name = "n", .type = ParamType::integer, .default_value = 3, .low = 1, .high = 4},
          {.name = "y", .default_value = 0.25, .low = 0, .high = 1, .active_if = {{"kind", {"b"}}}}};
}

}  // namespace

TEST_CASE("coordinates become values in range", "[search]") {
  const auto params = example();
  const double low[] = {0, 0, 0, 0.5};
  CHECK(values_at(params, low) == ParamValues{0, 1, 1, 0.25});  // y does not matter for a: its default
  const double high[] = {0.999999, 0.5, 0.999999, 0.5};
  CHECK(values_at(params, high) == ParamValues{1, 10, 4, 0.5});
}

TEST_CASE("values and coordinates lead back to each other", "[search]") {
  const auto params = example();
  RandomStream random(3, "test");
  for (int i = 0; i < 1000; ++i) {
    const ParamValues values = random_values(params, random);
    std::vector<double> coordinates;
    for (std::size_t p = 0; p < params.size(); ++p) coordinates.push_back(coordinate_of(params[p], values[p]));
    CHECK(values_at(params, coordinates) == values);
  }
}

TEST_CASE("mutation and crossing stay in the space, and move something", "[search]") {
  const auto params = example();
  RandomStream random(4, "test");
  ParamValues values = default_values(params);
  std::set<ParamValues> seen;
  for (int i = 0; i < 1000; ++i) {
    const ParamValues next = mutated(params, values, 1.5, 0.2, random);
    const ParamValues child = crossed(params, values, next, random);
    for (const ParamValues& made : {next, child}) {
      for (std::size_t p = 0; p < params.size(); ++p) {
        CHECK(made[p] >= params[p].low);
        CHECK(made[p] <= params[p].high);
        if (!is_active(params, made, p)) CHECK(made[p] == params[p].default_value);
      }
    }
    CHECK(next != values);
    seen.insert(next);
    values = next;
  }
  CHECK(seen.size() > 500);
}

TEST_CASE("what does not matter is settled through chains of choices", "[search]") {
  auto params = example();
  params.push_back(
      {.name = "sub", .type = ParamType::choice, .high = 1, .choices = {"p", "q"}, .active_if = {{"kind", {"b"}}}});
  params.push_back({.name = "z", .default_value = 1, .low = 0, .high = 9, .active_if = {{"sub", {"q"}}}});
  ParamValues values = {0, 1, 1, 0.25, 1, 7};  // kind a: sub does not matter, so neither does z
  settle(params, values);
  CHECK(values == ParamValues{0, 1, 1, 0.25, 0, 1});
}

TEST_CASE("specs read back as they are written", "[search]") {
  for (const PolicyInfo& info : registered_policies()) {
    const PolicySpec spec{&info, default_values(info.params)};
    CHECK(parse_policy(spec.text(), "--policy").values == spec.values);
    for (const ParamSpec& param : info.params) {
      INFO(info.name << "." << param.name);
      CHECK(param.low <= param.default_value);
      CHECK(param.default_value <= param.high);
      CHECK_FALSE(param.doc.empty());
      if (param.scale == ParamScale::log) CHECK(param.low > 0);
    }
  }
  CHECK(parse_policy("hra(decode_ratio=0.5)", "").text() == "hra(decode_ratio=0.5,safety=0.03)");
  CHECK_THROWS_WITH(parse_policy("hrb", "--policy"), Catch::Contains("did you mean 'hra'"));
  CHECK_THROWS_WITH(parse_policy("hra(safty=0.1)", "--policy"), Catch::Contains("did you mean 'safety'"));
  CHECK_THROWS_WITH(parse_policy("hra(safety=2)", "--policy"), Catch::Contains("from 0 to 0.5"));
  CHECK_THROWS_AS(parse_policy("hra(safety=nan)", "--policy"), InputError);
  CHECK_THROWS_AS(parse_policy("hra(safety=0.1,safety=0.1)", "--policy"), InputError);
  CHECK_THROWS_AS(parse_policy("hra(safety=0.1", "--policy"), InputError);
}
