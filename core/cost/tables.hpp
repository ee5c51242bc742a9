// Prediction tables: what Vidur's regressors predict, as CSV files.
#pragma once

#include <filesystem>

#include "core/cost/layer_times.hpp"

namespace switchyard {

// Reads a folder of
//   model.json       num_layers, num_q_heads, num_kv_heads; optionally head_dim, embedding_dim, mlp_dim
//   token_ops.csv    num_tokens = 1, 2, ... (a multiple of 8 in all) and a column per operator, ms per layer
//   attn_decode.csv  batch_size = 1, 2, ... and a column per KV length: 0, 64, 128, ...
//   attn_prefill.csv kv_cache_size = 0, 64, 128, ... (as far as attn_decode.csv) and a column per chunk: 1, 2, ... (as
//                    far as token_ops.csv)
// Throws InputError that names file, line and column.
LayerTimes read_cost_tables(const std::filesystem::path& folder);

}  // namespace switchyard
