// The steps of an engine, rebuilt from the times at which a client saw tokens.
#pragma once

#include <vector>

#include "core/cost/cost_model.hpp"
#include "core/measured/bench_run.hpp"

namespace switchyard {

struct RebuiltStep {
  BatchShape shape;  // its sums, without prefill_attention_ms
  double ms = 0;
  std::vector<std::int64_t> prompts;  // tokens of each prompt in it
};

// What `times` would give the step, its prompts computed whole and each by itself.
double milliseconds_of(const RebuiltStep& step, const StepTimes& times);

struct RebuiltSteps {
  std::vector<RebuiltStep> steps;
  std::vector<RebuiltStep> idle_starts;  // steps of an idle engine; ms from sending to the first token
  std::int64_t num_bursts = 0;
  double client_latency_ms = 0;  // client to engine and back
  std::int64_t num_latencies = 0;
  double token_us = 0;  // between tokens of one step, as the client sees them
};

// Tokens less than 1.5 ms apart are a burst: those of one step. The time between two bursts that share a request is the
// step time of the second; a request's first token in a burst makes it a prefill there, of its whole prompt: bursts
// while a prompt above `budget` is computed are left out. A server that plans one step ahead looks at a request at the
// end of the step two before the one that yields its first token, so the least time from sending to that end (its 2%
// quantile) is what client and engine are apart.
RebuiltSteps rebuild_steps(const BenchRun& run, std::int64_t budget);

}  // namespace switchyard
