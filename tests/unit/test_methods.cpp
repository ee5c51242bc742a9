// Search methods on functions whose minimum is known: what they ask for, and whether they find it.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "core/input/error.hpp"
#include "policies/random_stream.hpp"
#include "policies/registry.hpp"
#include "search/forest.hpp"
#include "search/methods/method.hpp"
#include "search/space.hpp"

using namespace switchyard;

namespace {

// Two choices, three numbers, one of them only with one choice: 0 at kind=b, x=10, n=3, y=0.7.
std::vector<ParamSpec> mixed() {
  return {{.name = "kind", .type = ParamType::choice, .high = 2, .choices = {"a", "b", "c"}},
          {.name = "x", .default_value = 90, .low = 1, .high = 100, .scale = ParamScale::log},
          {.name = "n", .type = ParamType::integer, .default_value = 8, .low = 1, .high = 9},
          {.name = "y", .default_value = 0.1, .low = 0, .high = 1, .active_if = {{"kind", {"b"}}}}};
}

double mixed_value(const ParamValues& v) {
  const double kind = v[0] == 1 ? std::abs(v[3] - 0.7) : 0.8 + 0.1 * v[0];
  return kind + std::abs(std::log10(v[1]) - 1) + 0.1 * std::abs(v[2] - 3);
}

// 24 numbers of falling weight and six choices of three; a third of the numbers matter only with a choice.
std::vector<ParamSpec> wide() {
  std::vector<ParamSpec> params;
  for (int i = 0; i < 6; ++i) {
    params.push_back({.name = fmt::format("c{}", i), .type = ParamType::choice, .high = 2, .choices = {"p", "q", "r"}});
  }
  for (int i = 0; i < 24; ++i) {
    ParamSpec param{.name = fmt::format("x{}", i), .default_value = 0.1, .low = 0, .high = 1};
    if (i % 3 == 0) {
      param.active_if = {{fmt::format("c{}", i % 6), {"q", "r"}}};
    }
    params.push_back(param);
  }
  return params;
}

double wide_value(const ParamValues& v) {
  double sum = 0;
  for (std::size_t i = 0; i < 6; ++i) sum += v[i] == 1 ? 0 : 0.3 / (1.0 + static_cast<double>(i));
  for (std::size_t i = 0; i < 24; ++i) {
    const double off = v[6 + i] - 0.8;
    sum += off * off * 4 / (1.0 + static_cast<double>(i));
  }
  return sum;
}

struct Outcome {
  double best = HUGE_VAL;  // of settings that ran on all seeds
  std::size_t replays = 0;
  std::vector<ParamValues> asked;
  std::vector<ParamValues> complete;  // of these, on all seeds
};

constexpr std::size_t kSeeds = 8;

// The cost on a seed: what it is on all, more on some seeds, and a little noise that depends on the setting.
template <class Value>
auto noisy(Value value) {
  return [value](const ParamValues& values, std::size_t seed) {
    double hash = 0;
    for (const double v : values) hash = hash * 7.31 + v;
    return (1 + 0.3 * static_cast<double>(seed)) * (0.5 + value(values)) *
           (1 + 0.02 * std::sin(1e3 * hash + 5.0 * static_cast<double>(seed)));
  };
}

// Drives a method as a study does, which takes the seeds in this order; `cost` by setting and seed.
template <class Value, class Cost>
Outcome drive(const std::string& name, const std::vector<ParamSpec>& params, Value value, Cost cost, std::size_t budget,
              std::uint64_t study_seed) {
  const auto method =
      make_method(name, "p", params, {.study_seed = study_seed, .num_seeds = kSeeds, .replays = budget});
  const ParamValues reference = default_values(params);
  std::map<ParamValues, std::size_t> run = {{reference, kSeeds}};
  Outcome outcome;
  outcome.replays = kSeeds;
  int idle = 0;
  while (idle < 20) {
    const auto queries = method->ask(budget - outcome.replays);
    if (queries.empty()) break;
    const std::size_t before = outcome.replays;
    std::vector<Answer> answers;
    for (const Query& query : queries) {
      std::size_t& known = run[query.values];
      outcome.replays += query.num_seeds - std::min(known, query.num_seeds);
      known = std::max(known, query.num_seeds);
      outcome.asked.push_back(query.values);
      Answer answer;
      double sum = 0, reference_sum = 0, reference_all = 0;
      for (std::size_t s = 0; s < kSeeds; ++s) reference_all += cost(reference, s) / kSeeds;
      for (std::size_t s = 0; s < query.num_seeds; ++s) {
        sum += cost(query.values, s);
        reference_sum += cost(reference, s);
        answer.by_seed.push_back(cost(query.values, s) / reference_all);
      }
      answer.relative = sum / reference_sum;
      answers.push_back(answer);
      if (query.num_seeds < kSeeds) continue;
      outcome.best = std::min(outcome.best, value(query.values));
      outcome.complete.push_back(query.values);
    }
    method->tell(answers);
    idle = outcome.replays == before ? idle + 1 : 0;
  }
  return outcome;
}

template <class Value>
Outcome drive(const std::string& name, const std::vector<ParamSpec>& params, Value value, std::size_t budget,
              std::uint64_t study_seed) {
  return drive(name, params, value, noisy(value), budget, study_seed);
}

template <class Value>
double median_best(const std::string& name, const std::vector<ParamSpec>& params, Value value, std::size_t budget) {
  std::vector<double> bests;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) bests.push_back(drive(name, params, value, budget, seed).best);
  std::sort(bests.begin(), bests.end());
  return bests[2];
}

}  // namespace

TEST_CASE("grid covers ends and choices, each setting once", "[methods]") {
  auto method = make_method("grid", "p", mixed(), {.grid_points = 3});
  std::vector<ParamValues> settings;
  for (auto queries = method->ask(1'000'000); !queries.empty(); queries = method->ask(1'000'000)) {
    for (const Query& query : queries) settings.push_back(query.values);
  }
  CHECK(settings.size() == 2 * 3 * 3 + 3 * 3 * 3);  // y matters with b only
  std::set<double> xs, ns;
  for (const auto& values : settings) {
    xs.insert(values[1]);
    ns.insert(values[2]);
  }
  CHECK(xs == std::set<double>{1, 10, 100});
  CHECK(ns.size() == 3);
  CHECK(std::set<ParamValues>(settings.begin(), settings.end()).size() == settings.size());
  CHECK_THROWS_AS(make_method("grid", "p", mixed(), {.grid_points = 1000}), InputError);
  CHECK_THROWS_WITH(make_method("gird", "p", mixed(), {}), Catch::Contains("did you mean 'grid'"));
}

TEST_CASE("every method keeps to its budget and repeats itself", "[methods]") {
  for (const std::string& name : method_names()) {
    INFO(name);
    const Outcome once = drive(name, mixed(), mixed_value, 300, 5);
    const Outcome again = drive(name, mixed(), mixed_value, 300, 5);
    CHECK(once.asked == again.asked);
    if (name == "grid") continue;
    CHECK(once.replays <= 300);
    CHECK(once.replays > 200);
    CHECK(drive(name, mixed(), mixed_value, 300, 6).asked != once.asked);
  }
}

TEST_CASE("a declared width makes rounds wider, and those of some methods only", "[methods]") {
  for (const MethodInfo& info : methods()) {
    INFO(info.name);
    const auto first_round = [&](std::size_t width) {
      auto method = make_method(info.name, "p", mixed(), {.num_seeds = 4, .replays = 100'000, .width = width});
      std::size_t replays = 0;
      for (int round = 0; round < 2; ++round) {  // the default setting has a round of its own
        replays = 0;
        std::vector<Answer> answers;
        for (const Query& query : method->ask(100'000)) {
          replays += query.num_seeds;
          answers.push_back({.relative = 1, .by_seed = std::vector<double>(query.num_seeds, 1.0)});
        }
        method->tell(answers);
      }
      return replays;
    };
    CHECK((first_round(1000) >= 1000) == (info.has_width || info.name == "halving"));
    CHECK((first_round(1000) != first_round(0)) == info.has_width);
    CHECK(has_width(info.name) == info.has_width);
  }
  CHECK_FALSE(has_width("gird"));
}

TEST_CASE("random settings depend on the study seed and the trial only", "[methods]") {
  const auto few = drive("random", mixed(), mixed_value, 80, 7).asked;
  const auto many = drive("random", mixed(), mixed_value, 800, 7).asked;
  REQUIRE(few.size() == 9);
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i] == many[i]);
}

TEST_CASE("Sobol points fill each axis evenly", "[methods]") {
  std::vector<ParamSpec> params;
  for (int i = 0; i < 20; ++i) params.push_back({.name = fmt::format("x{}", i), .low = 0, .high = 1});
  const auto settings = drive(
                            "sobol", params, [](const ParamValues&) { return 0.0; }, 8 * 65, 3)
                            .asked;
  REQUIRE(settings.size() >= 64);
  for (std::size_t p = 0; p < params.size(); ++p) {
    std::vector<int> per_eighth(8, 0);
    for (std::size_t i = 0; i < 64; ++i)
      ++per_eighth[std::min<std::size_t>(7, static_cast<std::size_t>(settings[i][p] * 8))];
    for (const int count : per_eighth) CHECK(std::abs(count - 8) <= 2);  // a shift moves points over an edge
  }
}

TEST_CASE("on a mixed space the model finds the minimum, and racing does it for less", "[methods]") {
  const double random = median_best("random", mixed(), mixed_value, 800);
  const double halving = median_best("halving", mixed(), mixed_value, 800);
  const double forest = median_best("forest", mixed(), mixed_value, 800);
  const double race = median_best("race", mixed(), mixed_value, 800);
  INFO("random " << random << ", halving " << halving << ", forest " << forest << ", race " << race);
  CHECK(halving < random);
  CHECK(forest < 0.5 * random);
  CHECK(race < 0.3 * random);
  CHECK(race < 0.05);
}

TEST_CASE("thirty parameters: the model beats random settings by far at the same budget", "[methods]") {
  const double random = median_best("random", wide(), wide_value, 1000);
  const double race = median_best("race", wide(), wide_value, 1000);
  INFO("random " << random << ", race " << race);
  CHECK(race < 0.4 * random);
}

TEST_CASE("racing runs one of those that behave alike on all seeds", "[methods]") {
  std::vector<ParamSpec> params = mixed();
  params.push_back({.name = "inert", .default_value = 0.5, .low = 0, .high = 1});
  const auto cost = [](const ParamValues& values, std::size_t seed) {
    return (1 + static_cast<double>(seed)) * (1 + mixed_value(values));
  };
  const Outcome outcome = drive("race", params, mixed_value, cost, 800, 3);
  std::set<double> values;
  for (const ParamValues& setting : outcome.complete) values.insert(mixed_value(setting));
  CHECK(outcome.complete.size() > 20);
  CHECK(values.size() == outcome.complete.size());
}

TEST_CASE("racing is not flattered by the seeds that it looks at first", "[methods]") {
  // On the first two seeds a setting costs what it is worth, on the others that is little beside the rest. Relative to
  // the default, whatever was given up after two seeds looks better than the best, which ran on all.
  const auto cost = [](const ParamValues& values, std::size_t seed) {
    return (seed < 2 ? 0.1 : 5.0) + wide_value(values);
  };
  std::vector<double> bests;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    bests.push_back(drive("race", wide(), wide_value, cost, 1000, seed).best);
  }
  std::sort(bests.begin(), bests.end());
  INFO("median " << bests[2]);
  CHECK(bests[2] < 0.55);
}

TEST_CASE("a search begins with the settings that it is given, and goes on from them", "[methods]") {
  const std::vector<ParamSpec> params = wide();
  ParamValues good = default_values(params);
  good.back() = 0.4;
  const std::vector<ParamValues> starts = {good, default_values(params)};  // the second is known already
  for (const std::string name : {"race", "forest"}) {
    auto method = make_method(name, "p", params, {.num_seeds = kSeeds, .replays = 400, .starts = starts});
    Answer answer{.relative = 1, .by_seed = std::vector<double>(kSeeds, 1.0)};
    REQUIRE(method->ask(400).size() == 1);  // the default
    method->tell({&answer, 1});
    const std::vector<Query> first = method->ask(400);
    REQUIRE(first.size() == 1);
    CHECK(first[0].values == good);
  }
}

TEST_CASE("a search of compose begins with the named policies that are settings of it", "[methods]") {
  const PolicyInfo& compose = find_policy("compose", "");
  REQUIRE(compose.starts.size() > 5);
  const auto& hra = find_policy("hra", "").composition;
  CHECK(std::count(compose.starts.begin(), compose.starts.end(), hra) == 1);
  CHECK(compose.spec(hra) ==
        "compose(order=prompt,admit=growth,also=always,safety=0.03,place=committed,idle=as_others,scan=head,"
        "wait_for=any,decode_ratio=0.6,horizon=0,ages=mean,learn=survival)");
}

TEST_CASE("a space of few settings ends by itself", "[methods]") {
  const std::vector<ParamSpec> tiny = {
      {.name = "kind", .type = ParamType::choice, .high = 2, .choices = {"a", "b", "c"}}};
  const Outcome outcome = drive(
      "race", tiny, [](const ParamValues& v) { return v[0] == 2 ? 0.0 : 1.0; }, 5000, 1);
  CHECK(outcome.best == 0.0);
  CHECK(outcome.replays <= 24);
}

TEST_CASE("a forest learns steps, slopes and groups of choices", "[methods]") {
  const auto params = mixed();
  RandomStream random(11, "forest");
  std::vector<ParamValues> settings;
  std::vector<double> targets;
  for (int i = 0; i < 400; ++i) {
    settings.push_back(random_values(params, random));
    targets.push_back(mixed_value(settings.back()));
  }
  const Forest forest(params, settings, targets);
  double error = 0, total = 0, mean = 0;
  for (const double target : targets) mean += target / 400;
  for (int i = 0; i < 400; ++i) {
    const ParamValues values = random_values(params, random);
    const double value = mixed_value(values);
    error += std::pow(forest.predict(values).mean - value, 2);
    total += std::pow(mean - value, 2);
  }
  CHECK(error < 0.1 * total);  // nine tenths of the variance of settings that it has not seen
}
