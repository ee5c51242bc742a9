#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "core/metrics/summary.hpp"
#include "core/workload/random.hpp"
#include "search/plan_files.hpp"
#include "search/spec_list.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

PlannedKind kind_of(std::int32_t least, std::int32_t most, std::int32_t gpus = 1) {
  PlannedKind kind;
  kind.name = "replicas";
  kind.least = least;
  kind.most = most;
  kind.gpus = gpus;
  return kind;
}

// What a search for the cheapest finds where `keeps` says which numbers have the property, and how many it asked for.
template <class KeepsLimits>
std::pair<std::optional<Counts>, std::size_t> searched(const std::vector<PlannedKind>& kinds, KeepsLimits keeps) {
  std::map<Counts, Standing> known;
  while (true) {
    const PlanStep step = cheapest_with(kinds, known, &Standing::shown);
    if (!step.wanted) return {step.found, known.size()};
    REQUIRE_FALSE(known.contains(*step.wanted));
    known[*step.wanted].shown = keeps(*step.wanted);
  }
}

// A plan under one limit on mean end-to-end time.
Plan plan_of(std::vector<PlannedKind> kinds, const char* limits, std::size_t num_seeds) {
  Plan plan;
  plan.goal = {parse_objective("mean_e2e_s", ""), parse_constraints(limits, "")};
  plan.kinds = std::move(kinds);
  plan.num_seeds = num_seeds;
  plan.rows.resize(1);
  plan.rows[0].policy = "llq";
  return plan;
}

// Points whose only limited figure is also what is optimised.
template <class Values>
PlanMeasure measured(Values values) {
  return [=](const Counts& counts, const std::vector<std::size_t>& rows) {
    PlanPoint point;
    point.by_seed = values(counts);
    point.limits_by_seed = {point.by_seed};
    point.hours_by_seed.assign(point.by_seed.size(), 0.5);
    return std::vector<PlanPoint>(rows.size(), point);
  };
}

// Replicas that take 0.1 s for each request, whatever it is, and one request at a time: batches of one request whose
// time is all overhead. 20 requests a second come at random.
Scenario queues(const ScratchFolder& folder) {
  const auto profile = folder.write("constant.json", R"({"name": "constant", "source": "made up: 100 ms a batch",
    "model": {"num_layers": 1, "num_q_heads": 1, "num_kv_heads": 1, "head_dim": 8, "embedding_dim": 8, "mlp_dim": 8,
              "max_model_len": 64},
    "peak_flops": 1e18, "memory_bandwidth": 1e15, "compute_efficiency": 1, "memory_efficiency": 1,
    "bytes_per_weight": 2, "batch_overhead_ms": 100})");
  Scenario scenario;
  scenario.name = "queues";
  scenario.replica_scheduler = EngineKind::vllm_v0;
  scenario.batch_size_cap = 1;
  scenario.num_blocks = 64;
  scenario.max_tokens = 64;
  scenario.set_profile(profile.string());
  scenario.workload.arrivals = ArrivalKind::poisson;
  scenario.workload.qps = 20;
  scenario.workload.num_requests = 8000;
  scenario.workload.lengths = LengthKind::fixed;
  scenario.workload.prompt_min = 8;
  scenario.workload.output_min = 1;
  scenario.held_out_seeds = parse_seed_range("101-106", "");
  return scenario;
}

}  // namespace

TEST_CASE("the fewest replicas are found by bisection", "[plan]") {
  for (std::int32_t least = 1; least <= 65; ++least) {
    const auto [found, asked] = searched({kind_of(1, 64)}, [&](const Counts& counts) { return counts[0] >= least; });
    CHECK(found == (least <= 64 ? std::optional(Counts{least}) : std::nullopt));
    CHECK(asked <= 7);  // the most, and six halvings
  }
}

TEST_CASE("the cheapest numbers of two and three kinds are those of asking for all", "[plan]") {
  WorkloadRandom random(5, WorkloadRandom::Purpose::policy);
  for (int round = 0; round < 200; ++round) {
    std::vector<PlannedKind> kinds;
    std::vector<double> strength;
    const int num_kinds = 2 + static_cast<int>(random.below(2));
    for (int k = 0; k < num_kinds; ++k) {
      const auto least = static_cast<std::int32_t>(random.below(3));
      kinds.push_back(kind_of(least, least + static_cast<std::int32_t>(random.below(7)),
                              1 + static_cast<std::int32_t>(random.below(4))));
      if (round % 2 == 0) kinds.back().gpu_price = 0.5 + random.uniform();
      strength.push_back(random.uniform());
    }
    const double needed = random.uniform() * 8;
    const auto keeps = [&](const Counts& counts) {
      double sum = 0;
      for (std::size_t k = 0; k < counts.size(); ++k) sum += strength[k] * counts[k];
      return sum >= needed;
    };
    std::optional<double> cheapest;
    std::size_t num_all = 0;
    for (const Counts& counts : all_counts(kinds)) {
      ++num_all;
      if (keeps(counts) && (!cheapest || rate_of(kinds, counts) < *cheapest)) cheapest = rate_of(kinds, counts);
    }
    const auto [found, asked] = searched(kinds, keeps);
    REQUIRE(found.has_value() == cheapest.has_value());
    if (found) {
      CHECK(keeps(*found));
      CHECK(rate_of(kinds, *found) == *cheapest);
    }
    CHECK(asked <= num_all);
  }
}

TEST_CASE("the best split is that of asking for all", "[plan]") {
  WorkloadRandom random(6, WorkloadRandom::Purpose::policy);
  for (int round = 0; round < 100; ++round) {
    const std::vector<PlannedKind> kinds = {kind_of(1, 63), kind_of(1, 63)};
    const std::vector<Counts> splits = splits_of(kinds, 2 + static_cast<std::int32_t>(random.below(40)));
    const double lowest = random.uniform() * static_cast<double>(splits.size());
    const auto value = [&](const Counts& split) { return std::abs(split[0] - 0.5 - lowest) + split[0] * 1e-6; };
    Counts best = splits[0];
    for (const Counts& split : splits) {
      CHECK(split[0] + split[1] == splits[0][0] + splits[0][1]);
      if (value(split) < value(best)) best = split;
    }
    std::map<Counts, SplitValue> known;
    PlanStep step = best_split(splits, known);
    for (; step.wanted; step = best_split(splits, known)) known[*step.wanted] = {0, value(*step.wanted)};
    CHECK(step.found == best);
    CHECK(known.size() <= 12);  // two for each of six halvings
  }
}

// With none that prefill answers take 2 s, and with some 3 s at best: no valley leads there.
TEST_CASE("a split with none of a kind is measured by itself", "[plan]") {
  const std::vector<Counts> splits = splits_of({kind_of(0, 8), kind_of(0, 8)}, 8);
  REQUIRE(splits.size() == 9);
  std::map<Counts, SplitValue> known;
  PlanStep step = best_split(splits, known);
  for (; step.wanted; step = best_split(splits, known)) {
    const std::int32_t prefill = (*step.wanted)[0];
    known[*step.wanted] = {0, prefill == 0 ? 2 : 3 + std::abs(prefill - 4)};
  }
  CHECK(step.found == Counts{0, 8});
  CHECK(known.contains({8, 0}));
  CHECK(known.size() < 9);
  known.clear();
  CHECK(best_split({{0, 1}}, known).wanted == Counts{0, 1});
  known[{0, 1}] = {0, 1};
  CHECK(best_split({{0, 1}}, known).found == Counts{0, 1});
}

// The limit lies between 6 replicas and 7, as near to both as makes no difference: either is said wrongly as often as
// it can be. Seeds are felt at all sizes alike, as under common random numbers, or each anew.
TEST_CASE("what a plan says of the least number holds with 95%", "[plan]") {
  constexpr int kRounds = 3000;
  constexpr std::int32_t kLeast = 7;
  for (const double common : {0.0, 0.9}) {
    for (const std::size_t seeds : {3, 8}) {
      WorkloadRandom random(7, WorkloadRandom::Purpose::policy);
      int too_few = 0, too_many = 0;
      for (int round = 0; round < kRounds; ++round) {
        std::vector<double> of_seed;
        for (std::size_t i = 0; i < seeds; ++i) of_seed.push_back(random.normal());
        Plan plan = plan_of({kind_of(1, 64)}, "mean_e2e_s<=10", seeds);
        settle_plan(
            plan, measured([&](const Counts& counts) {
              const double distance = counts[0] - (kLeast - 0.5);
              const double truth = 10 - (std::abs(distance) < 1 ? 1e-9 * distance : distance / 10);
              std::vector<double> values;
              for (std::size_t i = 0; i < seeds; ++i) {
                values.push_back(truth + std::sqrt(common) * of_seed[i] + std::sqrt(1 - common) * random.normal());
              }
              return values;
            }));
        const PlanRow& row = plan.rows[0];
        too_few += row.shown && (*row.shown)[0] < kLeast;
        too_many += row.possible && (*row.possible)[0] > kLeast;
      }
      INFO("common " << common << ", seeds " << seeds);
      CHECK(100.0 * too_few / kRounds < 2.5 + 3 * 0.3);
      CHECK(100.0 * too_many / kRounds < 2.5 + 3 * 0.3);
      CHECK(100.0 * (too_few + too_many) / kRounds > 1);  // it is no empty promise
    }
  }
}

TEST_CASE("a plan says what is shown, what the means say and what it costs", "[plan]") {
  // 10/n seconds and a spread that leaves 5 replicas open at a limit of 2.1.
  const auto values = [](const Counts& counts) {
    std::vector<double> of_seed;
    for (const double noise : {-0.2, 0.1, 0.1, -0.1, 0.1}) of_seed.push_back(10.0 / counts[0] + noise);
    return of_seed;
  };
  Plan plan = plan_of({kind_of(1, 16, 2)}, "mean_e2e_s<=2.1", 5);
  plan.kinds[0].gpu_price = 3;
  settle_plan(plan, measured(values));
  const PlanRow& row = plan.rows[0];
  CHECK(row.by_means == Counts{5});
  CHECK(row.shown == Counts{6});
  CHECK(row.possible == Counts{5});
  CHECK(row.not_monotone.empty());
  CHECK(row.point({5})->keeps == Keeps::open);
  CHECK(row.point({4})->keeps == Keeps::no);
  CHECK(row.points.size() < 16);
  // 6 replicas of 2 GPUs for half an hour, at 3 an hour.
  CHECK(row.point({6})->gpu_hours == Approx(6));
  const std::string table = render(plan, TableFormat::table);
  CHECK_THAT(table,
             Contains("llq: 6 replicas shown to keep the limits; by the means 5 would do; what is cheaper than 5 "
                      "is shown to break them: 12 GPUs, 6.00 GPU hours for this workload, 288 a day; at the "
                      "prices given 18.00 for it, 864.00 a day."));
  CHECK_THAT(table, Contains("kept, least"));

  plan = plan_of({kind_of(1, 16)}, "mean_e2e_s<=0.5", 5);
  settle_plan(plan, measured(values));
  CHECK_FALSE(plan.rows[0].shown);
  CHECK_THAT(render(plan, TableFormat::table), Contains("none within 1-16 is shown to keep the limits"));
}

TEST_CASE("one seed gives a plan no verdict", "[plan]") {
  Plan plan = plan_of({kind_of(1, 16)}, "mean_e2e_s<=2.1", 1);
  settle_plan(plan, measured([](const Counts& counts) { return std::vector<double>{10.0 / counts[0]}; }));
  CHECK_FALSE(plan.rows[0].shown);
  CHECK_FALSE(plan.rows[0].possible);
  CHECK(plan.rows[0].by_means == Counts{5});
  for (const PlanPoint& point : plan.rows[0].points) CHECK(point.keeps == Keeps::unknown);
  CHECK_THAT(render(plan, TableFormat::table), Contains("5 replicas by the mean of one seed: no verdict"));
}

TEST_CASE("limits and numbers of other kinds are corrected for", "[plan]") {
  CHECK(plan_alpha(plan_of({kind_of(1, 64)}, "mean_e2e_s<=1", 4)) == 0.05);
  CHECK(plan_alpha(plan_of({kind_of(1, 64)}, "mean_e2e_s<=1,p99_ttft_s<=1", 4)) == 0.025);
  CHECK(plan_alpha(plan_of({kind_of(0, 4), kind_of(1, 64)}, "mean_e2e_s<=1", 4)) == 0.01);
}

// A share of 1 on every seed has no spread that a t test could go by; the sign test wants six seeds.
TEST_CASE("figures without a spread are told from a limit from six seeds on", "[plan]") {
  for (const std::size_t seeds : {5, 6}) {
    Plan plan = plan_of({kind_of(1, 4)}, "mean_e2e_s<=2", seeds);
    settle_plan(plan, measured([&](const Counts&) { return std::vector<double>(seeds, 1.0); }));
    CHECK(plan.rows[0].shown.has_value() == (seeds == 6));
    CHECK(plan.rows[0].by_means == Counts{1});
    const bool warns = render(plan, TableFormat::table).find("has a verdict from 6 seeds on") != std::string::npos;
    CHECK(warns == (seeds == 5));
  }
}

TEST_CASE("a plan tells that more replicas were worse, and exhaustive ones are not led astray", "[plan]") {
  const auto odd = [](const Counts& counts) {
    const double base = counts[0] == 2 || counts[0] >= 5 ? 1 : 3;  // 2 keep the limit, 3 and 4 do not
    return std::vector<double>{base, base + 0.01, base - 0.01, base};
  };
  Plan plan = plan_of({kind_of(1, 8)}, "mean_e2e_s<=2", 4);
  settle_plan(plan, measured(odd));
  CHECK(plan.rows[0].shown == Counts{5});
  plan = plan_of({kind_of(1, 8)}, "mean_e2e_s<=2", 4);
  plan.exhaustive = true;
  settle_plan(plan, measured(odd));
  CHECK(plan.rows[0].points.size() == 8);
  CHECK_THAT(plan.rows[0].not_monotone, Contains("2 replicas are shown to keep the limits, 3 to break them"));
}

TEST_CASE("the splits that are not told from the best are named", "[plan]") {
  Plan plan = plan_of({kind_of(1, 8), kind_of(1, 8)}, "mean_e2e_s<=100", 4);
  plan.total = 8;
  settle_plan(plan, measured([](const Counts& counts) {
                const double base = 5 + (counts[0] - 3) * (counts[0] - 3);
                const double noise =
                    counts[0] == 2 ? 2 : 0.02 * counts[0];  // as far from seed to seed as from the best
                return std::vector<double>{base + noise, base - noise, base + 0.01, base};
              }));
  CHECK(plan.rows[0].best == Counts{3, 5});
  CHECK(plan.rows[0].not_told_from_best == std::vector<Counts>{{2, 6}});
}

// `random` deals requests out, so that each of n replicas is an M/D/1 queue with 20/n requests a second: of load u =
// 2/n, where a request stays, by Pollaczek and Khinchine, D + D u / (2 (1 - u)) on average:
//   n = 2   u = 1    it grows without end
//   n = 3   u = 2/3  0.1 + 0.1 * 2/3 / (2/3) = 0.2
//   n = 4   u = 1/2  0.1 + 0.1 * 1/2 / 1     = 0.15
//   n = 5   u = 2/5  0.1 + 0.1 * 2/5 / (6/5) = 0.1333
//   n = 6   u = 1/3  0.1 + 0.1 * 1/3 / (4/3) = 0.125
// So 0.142 s take 5 replicas and not 4, 0.17 s take 4 and not 3, and 0.128 s take 6 and not 5.
TEST_CASE("a plan finds the number of M/D/1 queues that keep a limit", "[plan]") {
  const ScratchFolder folder;
  const Scenario scenario = queues(folder);
  for (const auto& [limit, least] : {std::pair(0.142, 5), {0.17, 4}, {0.128, 6}}) {
    Plan plan = plan_of(kinds_of(scenario), fmt::format("mean_e2e_s<={}", limit).c_str(), 0);
    plan.rows.clear();
    run_plan(plan, scenario, parse_specs("random", ""), 1);
    const PlanRow& row = plan.rows[0];
    CHECK(row.shown == Counts{least});
    CHECK(row.by_means == Counts{least});
    CHECK(row.possible == Counts{least});
    for (const PlanPoint& point : row.points) {
      const double load = 2.0 / point.counts[0];
      if (load < 1) CHECK(point.value.value == Approx(0.1 + 0.1 * load / (2 * (1 - load))).epsilon(0.03));
      // A replica is one GPU. 8000 requests come in 400 s, and take n replicas 800/n s at least.
      const double seconds = std::max(400.0, 800.0 / point.counts[0]);
      CHECK(point.gpu_hours == Approx(point.counts[0] * seconds / 3600).epsilon(0.1));
    }
  }
}

// Of the same queues b take half the time, and cost 2.5 times as much; there is one of them at most. `random` does not
// tell them apart, so that a request stays W = (a w(0.1) + b w(0.05)) / n, n = a + b, on average, w(D) = D + D u /
// (2 (1 - u)), u = 20 D / n:
//   a = 5, b = 0  W = 0.1333, at a price of 5
//   a = 6, b = 0  W = 0.125, 6
//   a = 2, b = 1  u = 2/3 and 1/3: (2 * 0.2 + 0.0625) / 3 = 0.1542, 4.5
//   a = 3, b = 1  u = 1/2 and 1/4: (3 * 0.15 + 0.05833) / 4 = 0.1271, 5.5
// 0.1303 s are kept at the lowest price by 3 and 1.
TEST_CASE("a plan finds the cheapest numbers of two kinds of M/D/1 queues, as asking for all does", "[plan]") {
  const ScratchFolder folder;
  Scenario scenario = queues(folder);
  scenario.held_out_seeds = parse_seed_range("101-108", "");
  scenario.groups = {{.count = 1, .fields = {{"slowdown", "0.5"}}}, {.count = 1, .fields = {}}};
  scenario.replicas = 2;
  std::size_t num_points = 0;
  for (const bool exhaustive : {false, true}) {
    Plan plan = plan_of(kinds_of(scenario), "mean_e2e_s<=0.1303", 0);
    plan.rows.clear();
    plan.exhaustive = exhaustive;
    REQUIRE(plan.kinds.size() == 2);
    CHECK(plan.kinds[0].name == "group 1");
    plan.kinds[0].least = 0;
    plan.kinds[0].most = 1;
    plan.kinds[0].gpu_price = 2.5;
    plan.kinds[1].least = 1;
    plan.kinds[1].most = 7;
    plan.kinds[1].gpu_price = 1;
    run_plan(plan, scenario, parse_specs("random", ""), 1);
    CHECK(plan.rows[0].by_means == Counts{1, 3});
    CHECK(plan.rows[0].shown == Counts{1, 3});
    if (exhaustive) CHECK(num_points < plan.rows[0].points.size());
    num_points = plan.rows[0].points.size();
  }
  CHECK(num_points == 14);
}

// Eight replicas of `split-prefill`, of which 0 to 7 prefill. With few of these prompts queue, with few others answers
// crawl, and in between lies one optimum, which each split's own replays say, too.
TEST_CASE("a plan finds the best split between prefill and decode, as running all of them does", "[plan]") {
  constexpr std::int32_t kReplicas = 8;
  Scenario scenario = load_scenario("split-prefill");
  scenario.workload.duration_s = 10;
  scenario.held_out_seeds = parse_seed_range("101-103", "");
  const PolicySpec llq = parse_policy("llq", "");
  std::map<std::int32_t, double> mean_e2e_s, mean_ttft_s;           // by replicas that prefill
  for (std::int32_t prefill = 0; prefill < kReplicas; ++prefill) {  // 0: all compute whole requests
    const Experiment experiment(with_counts(scenario, {prefill, kReplicas - prefill}));
    for (const std::uint64_t seed : scenario.held_out_seeds.seeds()) {
      const auto workload = experiment.workload(seed);
      const Summary summary = summarize(Simulation().run(experiment.cluster(), *workload, llq.routed(), seed),
                                        *workload, experiment.cluster());
      mean_e2e_s[prefill] += summary.mean_e2e_s / 3;
      mean_ttft_s[prefill] += summary.mean_ttft_s / 3;
    }
  }
  const auto least = [](const auto& figures) {
    return std::min_element(figures.begin(), figures.end(), [](auto& a, auto& b) { return a.second < b.second; })
        ->first;
  };
  CHECK(least(mean_e2e_s) != least(mean_ttft_s));  // first tokens want more replicas that prefill
  for (const auto& [objective, figures] : {std::pair("mean_e2e_s", mean_e2e_s), {"mean_ttft_s", mean_ttft_s}}) {
    for (const bool exhaustive : {false, true}) {
      Plan plan;
      plan.goal.objective = parse_objective(objective, "");
      plan.kinds = kinds_of(scenario);
      REQUIRE(plan.kinds.size() == 2);
      CHECK(plan.kinds[0].name == "prefill");
      CHECK(plan.kinds[1].name == "decode");
      plan.kinds[0].least = 0;
      plan.total = kReplicas;
      plan.exhaustive = exhaustive;
      run_plan(plan, scenario, {llq}, 1);
      const PlanRow& row = plan.rows[0];
      INFO(objective << ", exhaustive " << exhaustive);
      REQUIRE(row.best);
      CHECK((*row.best)[0] == least(figures));
      CHECK(row.point(*row.best)->value.value == Approx(figures.at(least(figures))));
      CHECK((exhaustive ? row.points.size() == kReplicas : row.points.size() < kReplicas));
    }
  }
}

TEST_CASE("replicas of which none decodes keep no limit", "[plan]") {
  Scenario scenario = load_scenario("split-prefill");
  scenario.workload.duration_s = 2;
  scenario.held_out_seeds = parse_seed_range("101-102", "");
  Plan plan = plan_of(kinds_of(scenario), "mean_e2e_s<=100", 0);
  plan.rows.clear();
  plan.total = 2;
  plan.exhaustive = true;
  for (PlannedKind& kind : plan.kinds) kind.least = 0;
  run_plan(plan, scenario, parse_specs("llq", ""), 1);
  CHECK(plan.rows[0].points.size() == 3);
  CHECK(plan.rows[0].point({2, 0})->failure == "no replica decodes");
  CHECK(plan.rows[0].point({2, 0})->keeps == Keeps::no);
  CHECK(plan.rows[0].best != Counts{2, 0});
  CHECK_THAT(render(plan, TableFormat::table), Contains("Failed: llq with 2 prefill + 0 decode: no replica decodes"));
  scenario.groups.pop_back();
  CHECK_THROWS_WITH(Experiment(scenario), Contains("--group: role: all replicas have the role prefill"));
}

TEST_CASE("numbers of groups become a scenario's, and groups are named by what they differ in", "[plan]") {
  Scenario scenario = load_scenario("azure-conv-v1");
  scenario.groups = {{.count = 2, .fields = {{"profile", "a100-llama3.1-70b-tp2"}}},
                     {.count = 2, .fields = {{"profile", "h100-llama3.1-8b"}}}};
  const std::vector<PlannedKind> kinds = kinds_of(scenario);
  REQUIRE(kinds.size() == 2);
  CHECK(kinds[0].name == "a100-llama3.1-70b-tp2");
  CHECK(kinds[0].gpus == 2);
  CHECK(kinds[1].gpus == 1);
  const Scenario both = with_counts(scenario, {3, 1});
  CHECK(both.replicas == 4);
  CHECK(both.groups[0].count == 3);
  const Scenario one = with_counts(scenario, {0, 5});
  REQUIRE(one.groups.size() == 1);
  CHECK(one.groups[0].fields == scenario.groups[1].fields);
  CHECK(one.replicas == 5);
}
