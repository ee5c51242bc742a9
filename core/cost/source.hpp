// Where batch times come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/cost/cost_model.hpp"

namespace switchyard {

struct ModelShape {
  std::int32_t num_layers = 0;
  std::int32_t num_q_heads = 0;
  std::int32_t num_kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t embedding_dim = 0;
  std::int32_t mlp_dim = 0;
};

struct CostSource {
  std::shared_ptr<const CostModel> model;
  ModelShape shape;
  bool shape_complete = false;  // enough to plan KV memory
  std::string description;      // for reports
};

// Prediction tables as Vidur makes them: model.json, token_ops.csv, attn_decode.csv, attn_prefill.csv.
CostSource load_cost_tables(const std::filesystem::path& folder);

// A GPU profile: an embedded name, a folder of Vidur's profile CSVs, or a roofline .json.
CostSource load_profile(const std::string& name_or_path);

std::vector<std::string> embedded_profile_names();

// The factor of grouped-query models when several members decode or prefill.
inline constexpr double kGroupedQueryFactor = 1.1;

}  // namespace switchyard
