// Where batch times come from: one entry point for every kind of source.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cost/cost_model.hpp"
#include "core/cost/front_end.hpp"
#include "core/cost/kv_memory.hpp"
#include "core/cost/model_shape.hpp"

namespace switchyard {

struct CostSource {
  std::shared_ptr<const CostModel> model;
  ModelShape shape;
  bool shape_complete = false;     // whether memory can be planned from `shape`
  std::optional<KvMemory> memory;  // what the source itself says of KV memory; goes before planning from `shape`
  FrontEnd front_end;
  double host_ms = 0;         // of each step, as far as the source tells it apart
  std::int32_t num_gpus = 1;  // of a replica, as far as the source says it
  std::string description;    // for reports
};

// A folder of prediction tables (core/cost/tables.hpp). Throws InputError.
CostSource load_cost_tables(const std::filesystem::path& folder);

// An embedded profile by name, else a folder of Vidur's profiling CSVs (core/cost/profile.hpp), else a file of an
// embedded or roofline profile, which ends in .json. "~3" behind any of them takes the third draw of its uncertainty
// (profile_draw.hpp). Throws InputError, with the nearest embedded name if it is none of these.
CostSource load_profile(std::string_view name_or_path);

// In alphabetical order.
std::vector<std::string> embedded_profile_names();

}  // namespace switchyard
