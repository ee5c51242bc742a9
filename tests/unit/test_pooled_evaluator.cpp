// Replays by a pool of workers give what threads here give, whatever the workers do.
#include <catch2/catch.hpp>
#include <deque>
#include <nlohmann/json.hpp>

#include "core/input/error.hpp"
#include "search/remote/pooled_evaluator.hpp"
#include "search/remote/wire.hpp"

using namespace switchyard;

namespace {

Scenario small_scenario(std::int32_t replicas = 2) {
  Scenario scenario = load_scenario("azure-conv");
  scenario.replicas = replicas;
  scenario.workload.duration_s = 20;
  return scenario;
}

// Workers of this process that answer in an order of their own; batches for which `kills` says so kill theirs.
class FakePool final : public WorkerPool {
 public:
  explicit FakePool(std::size_t size, std::function<bool(const std::string& batch)> kills = {})
      : kills_(std::move(kills)) {
    for (std::size_t i = 0; i < size; ++i) workers_.push_back(std::make_unique<Replayer>(1));
  }
  std::size_t size() const override { return workers_.size(); }
  void send(std::size_t worker, const std::string& batch) override { sent_.push_back({worker, batch}); }
  Answer receive() override {
    REQUIRE_FALSE(sent_.empty());
    const auto [worker, batch] = sent_.back();  // the last first
    sent_.pop_back();
    if (kills_ && kills_(batch)) {
      workers_[worker] = std::make_unique<Replayer>(1);
      return {.worker = worker, .lost = true};
    }
    return {.worker = worker, .results = workers_[worker]->answer(batch)};
  }

 private:
  std::function<bool(const std::string&)> kills_;
  std::vector<std::unique_ptr<Replayer>> workers_;
  std::deque<std::pair<std::size_t, std::string>> sent_;
};

std::vector<Job> jobs_of(const std::string& key) {
  std::vector<Job> jobs;
  for (const char* policy : {"llq", "lor", "hra", "round_robin"}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) jobs.push_back({key, policy, seed});
  }
  return jobs;
}

void same(const std::vector<ReplayResult>& a, const std::vector<ReplayResult>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].failure == b[i].failure);
    CHECK(results_text({&a[i], 1}) == results_text({&b[i], 1}));
  }
}

}  // namespace

TEST_CASE("workers give the bytes that threads give", "[remote]") {
  const Experiment experiment(small_scenario());
  ThreadEvaluator threads(experiment, {}, 1);
  const auto jobs = jobs_of(replay_key(experiment, {}));
  const auto expected = threads.run(jobs);
  for (const std::size_t size : {1, 3, 40}) {
    const auto pool = std::make_shared<FakePool>(size);
    PooledEvaluator evaluator({}, pool);
    CHECK(evaluator.add(experiment) == jobs.front().experiment);
    std::size_t done = 0;
    same(evaluator.run(jobs, [&](std::size_t now, std::size_t) { done = now; }), expected);
    CHECK(done == jobs.size());
    CHECK(pool->traffic.replays == 20);
    CHECK(pool->traffic.lost_batches == 0);
  }
}

TEST_CASE("limits of goodput travel with the experiment", "[remote]") {
  const Experiment experiment(small_scenario());
  const RequestLimits limits{.ttft_s = 0.05};
  ThreadEvaluator threads(experiment, limits, 1);
  const auto jobs = jobs_of(replay_key(experiment, limits));
  PooledEvaluator evaluator(limits, std::make_shared<FakePool>(2));
  evaluator.add(experiment);
  const auto results = evaluator.run(jobs);
  same(results, threads.run(jobs));
  CHECK(results[0].summary.goodput_rps < results[0].summary.throughput_rps);
}

TEST_CASE("the batch of a worker that dies is given to another", "[remote]") {
  const Experiment experiment(small_scenario());
  ThreadEvaluator threads(experiment, {}, 1);
  const auto jobs = jobs_of(replay_key(experiment, {}));
  int deaths = 0;
  const auto pool = std::make_shared<FakePool>(3, [&](const std::string&) { return ++deaths <= 2; });
  PooledEvaluator evaluator({}, pool);
  evaluator.add(experiment);
  same(evaluator.run(jobs), threads.run(jobs));
  CHECK(pool->traffic.lost_batches == 2);
}

TEST_CASE("a job that kills three workers has failed, and takes nobody with it", "[remote]") {
  const Experiment experiment(small_scenario());
  ThreadEvaluator threads(experiment, {}, 1);
  const auto jobs = jobs_of(replay_key(experiment, {}));
  auto expected = threads.run(jobs);
  for (std::size_t i = 10; i < 15; ++i) expected[i] = {.failure = "killed three workers", .summary = {}};
  const auto pool =
      std::make_shared<FakePool>(3, [](const std::string& batch) { return batch.find("hra") != std::string::npos; });
  PooledEvaluator evaluator({}, pool);
  evaluator.add(experiment);
  const auto results = evaluator.run(jobs);
  for (std::size_t i = 0; i < jobs.size(); ++i) CHECK(results[i].failure == expected[i].failure);
}

TEST_CASE("what is wrong with a worker is said, and what is under way is waited for", "[remote]") {
  const Experiment experiment(small_scenario()), other(small_scenario(3));
  PooledEvaluator evaluator({}, std::make_shared<FakePool>(2));
  evaluator.add(experiment);
  CHECK_THROWS_WITH(evaluator.run(jobs_of("k0-none")), Catch::Contains("no such experiment"));
  CHECK_THROWS_AS(evaluator.run(std::vector<Job>{{replay_key(experiment, {}), "lqq", 1}}), InputError);

  Replayer replayer(1);
  auto described = nlohmann::ordered_json::parse(experiment_text(experiment, {}));
  described["key"] = replay_key(other, {});
  const std::vector<Job> job = {{described["key"], "llq", 1}};
  CHECK_THROWS_WITH(parse_results(replayer.answer(batch_text(described.dump(), job))),
                    Catch::Contains("differ from the driver's"));
  described["version"] = "0.0.1";
  CHECK_THROWS_WITH(parse_results(replayer.answer(batch_text(described.dump(), job))),
                    Catch::Contains("the driver 0.0.1"));
  CHECK_THROWS_WITH(parse_results(replayer.answer("{")), Catch::Contains("parse error"));
}
