// Profiles fitted to a minute of light load of engines whose steps are composed of operators: how well they predict
// heavy load (core/measured/README.md). SWITCHYARD_PRINT_FITS=1 prints each error.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include "core/cost/compose.hpp"
#include "core/measured/fit_engine.hpp"
#include "tests/support/data.hpp"
#include "tests/support/light_run.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

struct Engine {
  std::string name;
  std::shared_ptr<const StepTimes> steps;
  std::string model;
  std::int32_t gpus = 1;
  double qps = 0;             // of the light load
  std::string withheld = "";  // GPU and version, like h100-vllm0.24.0, of tables that the fit shall not know
};

struct Outcome {
  double mean_e2e_s = 0;
  double tokens_per_s = 0;
};

Outcome outcome_of(const CostModel& cost, const std::vector<RawRequest>& rows) {
  const Workload workload = make_workload("load", rows);
  CappedReplica policy;
  Simulation simulation(Kernel::step);
  const Replay& replay =
      simulation.run(ClusterConfig::uniform(1, ReplicaKind(roomy_engine(), cost)), workload, policy, 1);
  Outcome outcome;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    outcome.mean_e2e_s += seconds_from_ticks(replay.requests[i].completed_at - workload.requests[i].arrived_at);
    outcome.tokens_per_s += workload.hidden.num_decode_tokens[i];
  }
  outcome.mean_e2e_s /= static_cast<double>(workload.size());
  outcome.tokens_per_s /= seconds_from_ticks(replay.makespan);
  return outcome;
}

// Features linear in tokens, as a plain regression takes them.
class LinearSteps final : public StepTimes {
 public:
  explicit LinearSteps(const LinearFit& fit) : fit_(fit) {}
  double milliseconds(const BatchShape& step, bool&) const override {
    return fit_.constant_ms + fit_.prefill_token_ms * static_cast<double>(step.prefill_tokens) +
           fit_.decode_ms * step.num_decodes + fit_.context_token_ms * static_cast<double>(step.decode_kv_tokens);
  }
  double prefill_attention(std::int64_t, std::int64_t, bool&) const override { return 0; }
  std::string_view kind() const override { return "linear"; }
  std::string json() const override { return "{}"; }

 private:
  LinearFit fit_;
};

// The greatest errors of predictions from a light run of 60 s.
struct Worst {
  double e2e = 0;     // mean, at 2, 4 and 6 times the load
  double tokens = 0;  // a second, with all requests at once
};

struct WorstOf {
  Worst fitted;
  Worst general;  // without any tables
  Worst linear;
  double client_latency_ms = 0, token_us = 0;  // as found
};

bool knows(const OperatorPrior& prior, const std::string& set) {
  const bool newest = set == "h100-vllm0.24.0" || set.starts_with("h200") || set.starts_with("a100");
  const std::string gpu = set.substr(0, set.find('-') + 1);
  return prior.name.starts_with(set) ||
         (newest && prior.name.starts_with(gpu) && !prior.name.starts_with(gpu + "vllm"));
}

WorstOf worst_of(const Engine& light, double host_request_us, std::uint64_t seed) {
  const ScratchFolder folder;
  const BenchRun run = read_bench_run(
      folder.write("result.json", client_result(light.steps, light_requests(light.qps, 60, seed), host_request_us)));
  const RebuiltSteps rebuilt = rebuild_steps(run, 8192);
  const FittedModel shape{load_transformer(light.model), 2, light.gpus, light.gpus >= 4 ? kHostMsOfMany : kHostMs};
  std::vector<OperatorPrior> priors = operator_priors(shape.shape, shape.tensor_parallel);
  if (!light.withheld.empty()) {
    std::erase_if(priors, [&](const OperatorPrior& prior) { return knows(prior, light.withheld); });
  }
  const EngineFit fit = fit_engine("result.json", rebuilt.steps, shape, priors);
  const CostModel fitted("fitted", fit.times);
  const CostModel general("general", std::make_shared<TiedRoofline>(fit.general.numbers));
  const CostModel linear("linear", std::make_shared<LinearSteps>(fit_linear(rebuilt.steps)));
  const CostModel exact("exact", std::make_shared<NoisySteps>(light.steps, 0, host_request_us));
  WorstOf worst;
  std::string all = fmt::format("{}, {} us a request, seed {} (tables: {}):", light.name, host_request_us, seed,
                                fit.tables ? fit.prior : "none");
  const auto judge = [&](const std::vector<RawRequest>& rows, bool saturated) {
    const Outcome real = outcome_of(exact, rows);
    const auto error_by = [&](const CostModel& cost, Worst& at) {
      const Outcome it = outcome_of(cost, rows);
      const double error = saturated ? it.tokens_per_s / real.tokens_per_s - 1 : it.mean_e2e_s / real.mean_e2e_s - 1;
      double& most = saturated ? at.tokens : at.e2e;
      most = std::max(most, std::abs(error));
      return 100 * error;
    };
    all += fmt::format(" {:+.1f}", error_by(fitted, worst.fitted));
    all += fmt::format(" (general {:+.1f},", error_by(general, worst.general));
    all += fmt::format(" linear {:+.1f})", error_by(linear, worst.linear));
  };
  for (const double load : {2.0, 4.0, 6.0}) judge(light_requests(load * light.qps, 60, 7), false);
  judge(light_requests(10 * light.qps, 60, 99, true), true);
  UNSCOPED_INFO(all);
  if (std::getenv("SWITCHYARD_PRINT_FITS")) fmt::print("{}\n", all);
  worst.client_latency_ms = rebuilt.client_latency_ms;
  worst.token_us = rebuilt.token_us;
  return worst;
}

// An engine whose light load is 11% of what it can take.
Engine lightly_loaded(Engine engine, double host_request_us) {
  const CostModel exact("exact", std::make_shared<NoisySteps>(engine.steps, 0, host_request_us));
  engine.qps = 0.11 * outcome_of(exact, light_requests(20, 60, 99, true)).tokens_per_s / 200;
  return engine;
}

Engine built_in(const std::string& model, double qps) {
  return {"h100-" + model, steps_of(load_profile("h100-" + model)), model, 1, qps};
}

std::vector<Engine> three_models() {
  return {built_in("qwen3-14b", 2), built_in("llama3.1-8b", 3), built_in("qwen3-32b", 0.8)};
}

// What the host takes for each request of a step, as synchronous engines showed it.
constexpr double kHostRequestUs = 30;

void check_within(const Worst& worst, double e2e, double tokens) {
  CHECK(worst.e2e < e2e);
  CHECK(worst.tokens < tokens);
}

TEST_CASE("light fits: 60 s of light load predict heavy load") {
  for (const Engine& engine : three_models()) {
    const WorstOf worst = worst_of(engine, kHostRequestUs, 1);
    check_within(worst.fitted, 0.03, 0.03);
    CHECK(worst.linear.e2e > worst.fitted.e2e);
    CHECK(worst.linear.tokens > worst.fitted.tokens);
  }
}

TEST_CASE("light fits: other minutes, and a host that takes no time for a request") {
  for (const Engine& engine : three_models()) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      for (const double host_us : {0.0, kHostRequestUs}) {
        if (seed == 1 && host_us > 0) continue;
        const WorstOf worst = worst_of(engine, host_us, seed);
        check_within(worst.fitted, 0.03, 0.03);
        check_within(worst.general, 0.15, 0.11);
        CHECK(worst.client_latency_ms == Approx(6).margin(1.5));
        CHECK(worst.token_us == Approx(22).epsilon(0.25));
      }
    }
  }
}

TEST_CASE("light fits: other GPUs, and several of them") {
  struct BuiltIn {
    std::string profile, model;
    std::int32_t gpus;
  };
  for (const BuiltIn& it : {BuiltIn{"a100-qwen3-14b", "qwen3-14b", 1}, BuiltIn{"h200-llama3.1-8b", "llama3.1-8b", 1},
                            BuiltIn{"l40s-qwen3-32b-tp2", "qwen3-32b", 2}}) {
    const Engine engine = {it.profile, steps_of(load_profile(it.profile)), it.model, it.gpus};
    check_within(worst_of(lightly_loaded(engine, 0), 0, 1).fitted, 0.03, 0.03);
  }
}

// A plain roofline with the numbers that were fitted to 46,259 steps of Qwen3-14B on an H100 by vLLM 0.23. It has
// nothing of what the fit takes for known of kernels.
TEST_CASE("light fits: an engine of another form, with the numbers of a real one") {
  RooflineNumbers numbers;
  numbers.overhead_ms = 0.6;
  numbers.weights_ms = 10.466;
  numbers.token_ms = 0.03907;
  numbers.context_token_ms = 6.13e-5;
  numbers.attention_ratio = 4.0 * 40 * 128 * 40 / (2 * 13.21e9);
  numbers.most_tokens = numbers.most_requests = 1e9;
  for (const double request_us : {35.0, 48.0}) {
    const Engine engine = {"plain roofline", std::make_shared<TiedRoofline>(numbers), "qwen3-14b", 1, 2};
    for (const std::uint64_t seed : {1, 2, 3}) {
      const WorstOf worst = worst_of(engine, request_us, seed);
      check_within(worst.fitted, 0.05, 0.03);
    }
  }
}

// All sets of operators, by the fit that knows them and by one from which they are withheld; minutes long on a busy
// machine, so only by name.
TEST_CASE("light fits of all sets of operators", "[.]") {
  const auto data = data_folder();
  REQUIRE(data);
  struct Split {
    const char* model;
    std::int32_t gpus;
  };
  for (const double host_us : {0.0, kHostRequestUs}) {
    std::map<std::string, std::vector<double>> errors;
    for (const auto& [gpu, version] :
         {std::pair{"h100", "0.14.0"}, std::pair{"h100", "0.19.0"}, std::pair{"h100", "0.24.0"},
          std::pair{"h200", "0.19.0"}, std::pair{"a100", "0.14.0"}}) {
      const OperatorTables tables(*data / "operators", gpu, version);
      for (const Split& it : {Split{"llama3.1-8b", 1}, Split{"qwen3-14b", 1}, Split{"qwen3-32b", 1},
                              Split{"codellama-34b", 2}, Split{"llama3.1-70b", 4}}) {
        const OperatorSum sum = compose_step(tables, load_transformer(it.model), {gpu_by_name(gpu), it.gpus, "bf16"});
        Engine engine = lightly_loaded(
            {fmt::format("{} {} {}", gpu, version, it.model), std::make_shared<ComposedTimes>(sum), it.model, it.gpus},
            host_us);
        for (const std::uint64_t seed : {1, 2}) {
          const auto add = [&](const std::string& how, const Worst& worst) {
            errors[how + ", e2e"].push_back(worst.e2e);
            errors[how + ", throughput"].push_back(worst.tokens);
          };
          engine.withheld.clear();
          const WorstOf known = worst_of(engine, host_us, seed);
          fmt::print("{} {} {}, {} us, seed {}: e2e {:.1f}%, throughput {:.1f}%\n", gpu, version, it.model, host_us,
                     seed, 100 * known.fitted.e2e, 100 * known.fitted.tokens);
          add(it.model == std::string("codellama-34b") ? "model not in the tables" : "tables known", known.fitted);
          add("general", known.general);
          engine.withheld = fmt::format("{}-vllm{}", gpu, version);
          add("tables withheld", worst_of(engine, host_us, seed).fitted);
        }
      }
    }
    for (auto& [how, list] : errors) {
      std::sort(list.begin(), list.end());
      fmt::print("{} us a request, {}: median {:.1f}%, 80% within {:.1f}%, worst {:.1f}%\n", host_us, how,
                 100 * list[list.size() / 2], 100 * list[list.size() * 4 / 5], 100 * list.back());
    }
    CHECK(errors["tables known, e2e"][20] < 0.05);
    CHECK(errors["tables withheld, e2e"][20] < 0.10);
  }
}

}  // namespace
}  // namespace switchyard
