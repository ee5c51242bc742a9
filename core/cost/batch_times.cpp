#include <algorithm>

#include "core/api/batch_time.hpp"
#include "core/cost/cost_model.hpp"

namespace switchyard {

Time BatchTimes::decode(std::int32_t num_decodes, std::int64_t kv_tokens) const {
  if (num_decodes <= 0) return 0;
  return model_->decode_time(num_decodes, CostModel::kv_step(CostModel::mean_kv(kv_tokens, num_decodes))).time;
}

Time BatchTimes::prefill(std::int64_t num_tokens) const {
  if (num_tokens <= 0) return 0;
  return mixed(num_tokens, 0, 0);
}

Time BatchTimes::mixed(std::int64_t prefill_tokens, std::int32_t num_decodes, std::int64_t kv_tokens) const {
  if (prefill_tokens <= 0) return decode(num_decodes, kv_tokens);
  num_decodes = std::max(num_decodes, 0);
  if (model_->steps()) [[unlikely]] {
    BatchShape batch;
    model_->add_prefill(batch, 0, prefill_tokens);
    return model_->batch_time(batch, num_decodes, kv_tokens).time;
  }
  const BatchShape batch{
      .num_prefills = 1, .prefill_tokens = prefill_tokens, .prefill_chunk_squares = prefill_tokens * prefill_tokens};
  return model_->table_time(batch, num_decodes, kv_tokens).time;
}

}  // namespace switchyard
