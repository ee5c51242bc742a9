// A client that benchmarks a simulated engine, and writes what `vllm bench serve --save-detailed` would.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "core/api/policy.hpp"
#include "core/cluster/simulation.hpp"
#include "core/cost/front_end.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

// Step times of another model, each off by its own error of a normal distribution.
class NoisySteps final : public StepTimes {
 public:
  NoisySteps(std::shared_ptr<const StepTimes> truth, double noise, double host_request_us)
      : truth_(std::move(truth)),
        noise_(noise),
        host_request_ms_(1e-3 * host_request_us),
        random_(17, WorkloadRandom::Purpose::model) {}

  double milliseconds(const BatchShape& step, bool& outside) const override {
    const double host = host_request_ms_ * (step.num_decodes + step.num_prefills);
    return (truth_->milliseconds(step, outside) + host) * (noise_ > 0 ? 1 + noise_ * random_.normal() : 1);
  }
  bool uneven() const override { return true; }  // so that each step is asked for
  double prefill_attention(std::int64_t processed, std::int64_t chunk, bool& outside) const override {
    return truth_->prefill_attention(processed, chunk, outside);
  }
  std::string_view kind() const override { return truth_->kind(); }
  std::string json() const override { return truth_->json(); }

 private:
  std::shared_ptr<const StepTimes> truth_;
  double noise_;
  double host_request_ms_;
  mutable WorkloadRandom random_;
};

// One engine; at most `most` requests in it, the others wait in front as behind a client's cap (0: no cap).
class CappedReplica final : public Policy {
 public:
  explicit CappedReplica(std::int32_t most = 0) : most_(most) {}
  void start(const ClusterView&, std::uint64_t) override {}
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty() && (most_ == 0 || cluster.outstanding(0) < most_)) {
      cluster.assign(cluster.first_queued(), 0);
    }
  }

 private:
  std::int32_t most_;
};

// When each token of each request comes, as the client sees it: seconds since the start.
class BenchClient final : public Observer {
 public:
  BenchClient(const Workload& workload, const FrontEnd& front_end)
      : workload_(workload), front_end_(front_end), tokens_s(workload.size()) {}

  void on_plan(const PlannedStep& step) override {
    int place = 0;
    const bool idle = step.starts_at > last_end_;  // the engine had nothing to do before
    for (const ScheduledTokens& member : step.scheduled) {
      const auto id = static_cast<std::size_t>(member.id);
      const std::int32_t known =
          workload_.requests[id].num_prefill_tokens + static_cast<std::int32_t>(tokens_s[id].size());
      if (member.num_computed_tokens + member.num_tokens < known) continue;
      tokens_s[id].push_back(seconds_from_ticks(step.ends_at) + 1e-6 * front_end_.token_us * place++ +
                             (idle ? 1e-3 * front_end_.first_step_ms : 0));
    }
    last_end_ = step.ends_at;
  }

  // The latency lies before the engine: `workload` arrives that much later than it is sent.
  std::string result() const {
    std::string inputs, outputs, ttfts, itls, starts;
    for (std::size_t i = 0; i < tokens_s.size(); ++i) {
      const char* comma = i > 0 ? ", " : "";
      const double sent = seconds_from_ticks(workload_.requests[i].arrived_at) - 1e-3 * front_end_.latency_ms;
      inputs += fmt::format("{}{}", comma, workload_.requests[i].num_prefill_tokens);
      outputs += fmt::format("{}{}", comma, tokens_s[i].size());
      starts += fmt::format("{}{:.6f}", comma, 100 + sent);
      ttfts += fmt::format("{}{:.6f}", comma, tokens_s[i].front() - sent);
      itls += comma + std::string("[");
      for (std::size_t j = 1; j < tokens_s[i].size(); ++j) {
        itls += fmt::format("{}{:.5f}", j > 1 ? ", " : "", tokens_s[i][j] - tokens_s[i][j - 1]);
      }
      itls += "]";
    }
    return fmt::format(
        "{{\"backend\": \"openai\", \"request_throughput\": 1.0, \"input_lens\": [{}],\n\"output_lens\": [{}],\n"
        "\"start_times\": [{}],\n\"ttfts\": [{}],\n\"itls\": [{}]}}\n",
        inputs, outputs, starts, ttfts, itls);
  }

 private:
  const Workload& workload_;
  FrontEnd front_end_;
  Time last_end_ = -1;

 public:
  std::vector<std::vector<double>> tokens_s;
};

}  // namespace switchyard
