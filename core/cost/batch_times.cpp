#include "core/api/batch_time.hpp"
#include "core/cost/cost_model.hpp"

namespace switchyard {

Time BatchTimes::decode(std::int32_t num_decodes, std::int64_t kv_tokens) const {
  return mixed(0, num_decodes, kv_tokens);
}

Time BatchTimes::prefill(std::int64_t num_tokens) const { return mixed(num_tokens, 0, 0); }

Time BatchTimes::mixed(std::int64_t prefill_tokens, std::int32_t num_decodes, std::int64_t kv_tokens) const {
  BatchShape batch;
  if (num_decodes > 0) {
    batch.num_decodes = num_decodes;
    batch.decode_kv_tokens = kv_tokens;
  }
  if (prefill_tokens > 0) model_->add_prefill(batch, 0, prefill_tokens);
  if (batch.num_decodes + batch.num_prefills == 0) return 0;
  return model_->batch_time(batch).time;
}

}  // namespace switchyard
