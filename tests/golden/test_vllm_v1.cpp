// vLLM's V1 engine against vLLM's own code: for every request the same replica, cached tokens, preemptions, and times
// to the picosecond; the same number of steps, scheduled tokens and hit tokens; where there is a log, the same steps.
// Under both kernels.
#include <catch2/catch.hpp>

#include "core/cost/source.hpp"
#include "core/input/csv.hpp"
#include "policies/registry.hpp"
#include "tests/support/data.hpp"
#include "tests/support/vllm_v1_cases.hpp"

using namespace switchyard;

namespace {

// Collects steps as the reference logs them, and the most requests that ran at once.
class StepLog final : public Observer {
 public:
  explicit StepLog(bool with_planning) : with_planning_(with_planning) {}

  void on_plan(const PlannedStep& step) override {
    nlohmann::json scheduled = nlohmann::json::array(), preempted = nlohmann::json::array();
    for (const ScheduledTokens& tokens : step.scheduled) {
      scheduled.push_back({tokens.id, tokens.num_tokens, tokens.num_computed_tokens});
    }
    for (const RequestId id : step.preempted) preempted.push_back(id);
    lines.push_back({{"t", step.starts_at},
                     {"replica", step.replica},
                     {"dt", step.ends_at - step.starts_at},
                     {"scheduled", scheduled},
                     {"preempted", preempted},
                     {"free_blocks", step.blocks_free}});
    if (with_planning_) lines.back()["planned"] = step.planned_at;
    if (step.scheduled.empty()) {
      lines.back()["free_blocks_at_end"] = step.blocks_free;
    } else {
      running_.push_back(lines.size() - 1);
    }
  }
  void on_booking(Time, std::int32_t replica, const ReplicaState& state) override {
    for (auto line = running_.begin(); line != running_.end(); ++line) {
      if (lines[*line]["replica"] != replica) continue;
      lines[*line]["free_blocks_at_end"] = state.blocks_free();
      running_.erase(line);
      return;
    }
    FAIL("a booking without a step");
  }

  std::vector<nlohmann::json> lines;

 private:
  bool with_planning_;
  std::vector<std::size_t> running_;  // planned and not booked
};

void check_requests(const VllmV1Case& item, const Replay& replay) {
  CsvReader expected(item.expected());
  std::size_t i = 0, wrong = 0;
  for (; expected.next(); ++i) {
    const RequestRecord& record = replay.requests.at(i);
    const bool same = record.replica == expected.integer(expected.column("replica")) &&
                      record.num_cached_tokens == expected.integer(expected.column("num_cached_tokens")) &&
                      record.prefill_completed_at == expected.integer(expected.column("first_token_ps")) &&
                      record.completed_at == expected.integer(expected.column("completed_ps")) &&
                      record.num_restarts == expected.integer(expected.column("num_preemptions"));
    if (!same && ++wrong <= 3) {
      WARN(item.name() << " request " << i << ": replica " << record.replica << " cached " << record.num_cached_tokens
                       << " first token " << record.prefill_completed_at << " completed " << record.completed_at
                       << " preemptions " << record.num_restarts << "; expected line " << expected.line());
    }
  }
  CHECK(wrong == 0);
  CHECK(i == replay.requests.size());
}

void check_totals(const VllmV1Case& item, const Replay& replay) {
  ReplicaTotals sum;
  for (const ReplicaTotals& replica : replay.replicas) {
    sum.num_batches += replica.num_batches;
    sum.num_scheduled_tokens += replica.num_scheduled_tokens;
    sum.hit_tokens += replica.hit_tokens;
    sum.hit_tokens_resumed += replica.hit_tokens_resumed;
    sum.num_restarts += replica.num_restarts;
    sum.num_extrapolated_batches += replica.num_extrapolated_batches;
  }
  const nlohmann::json& totals = item.parameters.at("totals");
  CHECK(sum.num_batches == totals.at("num_steps"));
  CHECK(sum.num_scheduled_tokens == totals.at("scheduled_tokens"));
  CHECK(sum.hit_tokens == totals.at("hit_tokens"));
  CHECK(sum.hit_tokens_resumed == totals.at("hit_tokens_resumed"));
  CHECK(sum.num_restarts == totals.at("preemptions"));
  CHECK(sum.num_extrapolated_batches == totals.at("extrapolated_steps"));
}

void check_step_log(const VllmV1Case& item, const std::vector<nlohmann::json>& lines) {
  std::ifstream in(item.step_log());
  REQUIRE(in.good());
  std::size_t i = 0;
  for (std::string line; std::getline(in, line); ++i) {
    INFO("line " << i + 1);
    REQUIRE(i < lines.size());
    REQUIRE(lines[i] == nlohmann::json::parse(line));
  }
  CHECK(i == lines.size());
}

void check_case(const VllmV1Case& item, const CostModel& cost) {
  const Workload workload = item.workload();
  const ClusterConfig config = item.config(cost);
  const auto router = parse_policy(item.router(), "").make();
  StepLog log(item.parameters.value("async_scheduling", false));
  {
    INFO("step kernel");
    Simulation step(Kernel::step);
    const Replay& replay = step.run(config, workload, *router, 42, item.has_step_log() ? &log : nullptr);
    check_requests(item, replay);
    check_totals(item, replay);
    if (item.has_step_log()) check_step_log(item, log.lines);
  }
  INFO("leap kernel");
  Simulation leap(Kernel::leap);
  const Replay& replay = leap.run(config, workload, *router, 42);
  check_requests(item, replay);
  check_totals(item, replay);
}

// One section a case; `tables_of` says where the tables of a case are.
template <class TablesOf>
void check_cases(const std::vector<VllmV1Case>& cases, TablesOf tables_of) {
  for (const VllmV1Case& item : cases) {
    DYNAMIC_SECTION(item.name()) {
      const CostSource source = load_cost_tables(tables_of(item));
      check_case(item, *source.model);
    }
  }
}

void check_reference(const std::string& folder, std::size_t num_cases) {
  const auto reference = reference_folder();
  if (!reference) {
    WARN("SKIPPED: the reference results are not there (see SWITCHYARD_REFERENCE)");
    return;
  }
  const std::vector<VllmV1Case> cases = vllm_v1_cases(*reference / folder);
  REQUIRE(cases.size() == num_cases);
  check_cases(cases, [&](const VllmV1Case& item) {
    return *reference / "vidur" / "tables" / item.parameters.at("tables").get<std::string>();
  });
}

}  // namespace

TEST_CASE("vllm_v1: reference cases, synchronous", "[reference][vllm_v1]") { check_reference("vllm_v1", 33); }
TEST_CASE("vllm_v1: reference cases, asynchronous", "[reference][vllm_v1]") { check_reference("vllm_v1_async", 25); }
TEST_CASE("vllm_v1: shipped cases", "[vllm_v1]") {
  const std::filesystem::path folder = std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests/golden/vllm_v1";
  const std::vector<VllmV1Case> cases = vllm_v1_cases(folder);
  REQUIRE(cases.size() == 12);
  check_cases(cases, [&](const VllmV1Case&) { return folder / "tables"; });
}
