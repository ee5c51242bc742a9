#include "core/api/batch_time.hpp"

#include "core/cost/cost_model.hpp"

namespace switchyard {

Time BatchTimes::decode(std::int32_t num_decodes, std::int64_t kv_tokens) const {
  if (num_decodes <= 0) return 0;
  return model_->batch_time({.num_decodes = num_decodes, .decode_kv_tokens = kv_tokens}).time;
}

Time BatchTimes::prefill(std::int64_t num_tokens) const { return mixed(num_tokens, 0, 0); }

Time BatchTimes::mixed(std::int64_t prefill_tokens, std::int32_t num_decodes, std::int64_t kv_tokens) const {
  if (prefill_tokens <= 0) return decode(num_decodes, kv_tokens);
  return model_
      ->batch_time({.num_decodes = num_decodes,
                    .decode_kv_tokens = kv_tokens,
                    .num_prefills = 1,
                    .prefill_tokens = prefill_tokens,
                    .prefill_chunk_squares = prefill_tokens * prefill_tokens})
      .time;
}

}  // namespace switchyard
