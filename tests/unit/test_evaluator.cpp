#include <catch2/catch.hpp>
#include <new>
#include <stdexcept>

#include "search/ledger.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;

namespace {

// Fails as it is told to.
class Failing final : public Policy {
 public:
  enum class How : std::uint8_t { never, stalls, throws, reaches, assigns_twice, no_memory };
  How how = How::never;

  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& view) override {
    const RequestId id = view.first_queued();
    switch (how) {
      case How::never:
        view.assign(id, 0);
        break;
      case How::stalls:
        break;
      case How::throws:
        throw std::runtime_error("of its own");
      case How::reaches:
        view.assign(std::vector<RequestId>().at(7), 0);
        break;
      case How::assigns_twice:
        view.assign(id, 0);
        view.assign(id, 0);
        break;
      case How::no_memory:
        throw std::bad_alloc();
    }
  }
};

// Before any test, as the registry wants it.
const bool registered = [] {
  add_policies(
      {describe<Failing>("failing_in_tests", "Fails in one way or another.")
           .choice(&Failing::how, "how", {"never", "stalls", "throws", "reaches", "assigns_twice", "no_memory"},
                   Failing::How::never, "in which way")
           .done()});
  return true;
}();

Scenario small() {
  Scenario scenario = load_scenario("azure-conv");
  scenario.workload.duration_s = 20;
  return scenario;
}

}  // namespace

TEST_CASE("evaluator: a policy's own failures are results", "[evaluator]") {
  REQUIRE(registered);
  const Experiment experiment(small());
  ThreadEvaluator evaluator({}, 2);
  const std::string key = evaluator.add(experiment);
  std::vector<Job> jobs;
  for (const char* how : {"stalls", "throws", "reaches", "assigns_twice"}) {
    jobs.push_back({key, std::string("failing_in_tests(how=") + how + ")", 1});
  }
  jobs.push_back({key, "llq", 1});
  const auto results = evaluator.run(jobs);
  CHECK_THAT(results[0].failure, Catch::Contains("stalled"));
  CHECK(results[1].failure == "of its own");
  CHECK_FALSE(results[2].failure.empty());
  CHECK_THAT(results[3].failure, Catch::Contains("not queued"));
  CHECK(results[4].failure.empty());
  CHECK(results[4].summary.num_requests > 0);
}

TEST_CASE("evaluator: what is not the policy's failure stops all, and is never stored", "[evaluator]") {
  REQUIRE(registered);
  const ScratchFolder scratch;
  const Experiment experiment(small());
  ThreadEvaluator evaluator(experiment, {}, 2);
  StudyStore store(scratch.path() / "study.db", StudyStore::Mode::create);
  Ledger ledger(experiment, {}, evaluator, &store);
  const std::size_t llq = ledger.trial(parse_policy("llq", ""));
  const std::size_t no_memory = ledger.trial(parse_policy("failing_in_tests(how=no_memory)", ""));
  CHECK_THROWS_AS(ledger.run({llq, no_memory}, {1, 2}), std::bad_alloc);
  CHECK(store.replays().empty());
  const Job unknown{"k0", "llq", 1};
  CHECK_THROWS_AS(evaluator.run(std::span(&unknown, 1)), std::logic_error);
}

TEST_CASE("evaluator: a ledger looks up replays of its own experiment only", "[evaluator]") {
  const ScratchFolder scratch;
  StudyStore store(scratch.path() / "replays.db", StudyStore::Mode::create);
  Scenario other = small();
  other.replicas = 5;
  ThreadEvaluator evaluator({}, 1);
  for (const Scenario& scenario : {small(), other, small()}) {
    const Experiment experiment(scenario);
    const std::string key = evaluator.add(experiment);
    Ledger ledger(experiment, {}, evaluator, &store);
    ledger.run({ledger.trial(parse_policy("llq", ""))}, {1, 2});
    evaluator.remove(key);
  }
  CHECK(store.replays().size() == 4);
}
