#include <catch2/catch.hpp>
#include <set>

#include "core/input/error.hpp"
#include "policies/registry.hpp"
#include "search/sampler.hpp"
#include "search/space.hpp"
#include "search/statistics.hpp"

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

TEST_CASE("grid covers ends and choices", "[search]") {
  auto sampler = make_sampler("grid", "example", example(), {.grid_points = 3});
  const auto settings = sampler->ask();
  CHECK(settings.size() == 2 * 3 * 3 * 3);
  std::set<double> xs, ns;
  for (const auto& values : settings) {
    xs.insert(values[1]);
    ns.insert(values[2]);
  }
  CHECK(xs == std::set<double>{1, 10, 100});
  CHECK(ns.size() == 3);
  CHECK(sampler->ask().empty());
  CHECK_THROWS_AS(make_sampler("grid", "example", example(), {.grid_points = 1000}), InputError);
  CHECK_THROWS_WITH(make_sampler("gird", "example", example(), {}), Catch::Contains("did you mean 'grid'"));
}

TEST_CASE("random settings depend on the study seed and the trial only", "[search]") {
  const auto few = make_sampler("random", "p", example(), {.trials = 5, .study_seed = 7})->ask();
  const auto many = make_sampler("random", "p", example(), {.trials = 50, .study_seed = 7})->ask();
  REQUIRE(few.size() == 5);
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i] == many[i]);
  CHECK(make_sampler("random", "p", example(), {.trials = 5, .study_seed = 8})->ask() != few);
}

TEST_CASE("intervals against known values", "[search]") {
  const double values[] = {1, 2, 3, 4, 5};
  const Interval mean = mean_interval(values);
  CHECK(mean.value == Approx(3));
  CHECK(mean.high == Approx(3 + 2.776445 * 0.70710678));  // t(4, 0.975) * s / sqrt(5)
  const double same_shift[] = {1.1, 2.2, 3.3, 4.4, 5.5};
  const Interval change = relative_change(same_shift, values);
  CHECK(change.value == Approx(0.1));
  CHECK(change.low == Approx(0.1));  // every pair differs by the same factor
  CHECK(change.high == Approx(0.1));
  CHECK(distinguishable(same_shift, values));
  const double noise[] = {5, 4, 3, 2, 1};
  CHECK_FALSE(distinguishable(noise, values));
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
