// Batch times that somebody measured on an engine, one batch a row: what `profile fit` makes a profile of.
#pragma once

#include <filesystem>
#include <vector>

#include "core/cost/cost_model.hpp"

namespace switchyard {

struct MeasuredBatch {
  BatchShape shape;
  double milliseconds = 0;
};

// A CSV of
//   batch_tokens       tokens that the batch computed: decode_batch_size + prefill_tokens
//   decode_batch_size  requests that decoded, one token each
//   mean_kv_tokens     mean tokens in their KV caches before the batch; 0 if none decoded
//   prefill_tokens     prompt tokens computed (the sum of chunks)
//   milliseconds       what it took, above 0
// and, where they are known,
//   num_prefills       requests that prefilled; without it one, or none if there are no prefill tokens
//   prefill_kv_tokens  tokens of theirs computed by earlier batches, in sum; without it 0
// Other columns are ignored; several prefills count as chunks of equal size. Throws InputError by line and column.
std::vector<MeasuredBatch> read_measured_batches(const std::filesystem::path& file);

}  // namespace switchyard
