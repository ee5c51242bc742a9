#include "core/cost/source.hpp"

#include <fmt/format.h>

#include "core/cost/tables.hpp"

namespace switchyard {

namespace {

CostSource compile(LayerTimes times, std::string description) {
  CostSource source;
  source.shape = times.shape;
  source.shape_complete = times.shape.embedding_dim > 0;
  source.model = std::make_shared<CostModel>(description, whole_model(std::move(times.ms), times.shape));
  source.description = std::move(description);
  return source;
}

// The last part of a path that is not empty.
std::string folder_name(const std::filesystem::path& folder) {
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

}  // namespace

CostSource load_cost_tables(const std::filesystem::path& folder) {
  return compile(read_cost_tables(folder), fmt::format("prediction tables {}", folder_name(folder)));
}

}  // namespace switchyard
