// A policy's view of the cost model: how long batches take on this hardware. A router knows this from a profile; it
// says nothing about any request's output length.
#pragma once

#include "core/api/time.hpp"

namespace switchyard {

class CostModel;

class BatchTimes {
 public:
  explicit BatchTimes(const CostModel& model) : model_(&model) {}

  // One decode step of `num_decodes` requests that hold `kv_tokens` tokens in all, in ticks. 0 for no request.
  Time decode(std::int32_t num_decodes, std::int64_t kv_tokens) const;

  // A batch that computes the first `num_tokens` prompt tokens of one request, in ticks. 0 for no token.
  Time prefill(std::int64_t num_tokens) const;

  // A batch that computes `prefill_tokens` prompt tokens and decodes `num_decodes` requests beside them.
  Time mixed(std::int64_t prefill_tokens, std::int32_t num_decodes, std::int64_t kv_tokens) const;

 private:
  const CostModel* model_;
};

}  // namespace switchyard
