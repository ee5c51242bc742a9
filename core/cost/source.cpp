#include "core/cost/source.hpp"

#include <fmt/format.h>

#include "core/cost/embedded_profiles.hpp"
#include "core/cost/profile.hpp"
#include "core/cost/profile_draw.hpp"
#include "core/cost/roofline.hpp"
#include "core/cost/step_profile.hpp"
#include "core/cost/tables.hpp"
#include "core/cost/vidur_profile.hpp"
#include "core/input/inputs.hpp"

namespace switchyard {

namespace {

CostSource compile(LayerTimes times, std::string description) {
  CostSource source;
  source.shape = times.shape;
  source.shape_complete = times.shape.embedding_dim > 0;
  source.model = std::make_shared<CostModel>(description, whole_model(std::move(times)));
  source.description = std::move(description);
  return source;
}

// The last part of a path that is not empty.
std::string folder_name(const std::filesystem::path& folder) {
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

LayerTimes drawn(LayerTimes times, std::uint64_t draw) {
  if (draw > 0) apply_draw(draw, times);
  return times;
}

CostSource read_json(const JsonFile& file, std::uint64_t draw, std::string description) {
  if (!is_step_profile(file)) {
    LayerTimes times = is_roofline(file) ? read_roofline(file) : compile_profile(read_profile_json(file));
    return compile(drawn(std::move(times), draw), std::move(description));
  }
  StepProfile profile = read_step_profile(file);
  if (draw > 0) apply_draw(draw, profile);
  CostSource source;
  source.model = std::make_shared<CostModel>(description, profile.times);
  source.shape = profile.shape;
  source.shape_complete = true;
  source.memory = profile.memory;
  source.front_end = profile.front_end;
  source.host_ms = profile.host_ms;
  source.num_gpus = profile.tensor_parallel;
  source.description = std::move(description);
  return source;
}

}  // namespace

CostSource load_cost_tables(const std::filesystem::path& folder) {
  return compile(read_cost_tables(folder), fmt::format("prediction tables {}", folder_name(folder)));
}

CostSource load_profile(std::string_view name_or_path) {
  const auto [wanted, draw] = split_draw(name_or_path);
  const std::string which = draw > 0 ? fmt::format(", draw {}", draw) : std::string();
  for (const EmbeddedProfile& profile : embedded_profiles()) {
    if (profile.name != wanted) continue;
    return read_json(JsonFile(profile.file, profile.json), draw, fmt::format("embedded profile {}{}", wanted, which));
  }
  const std::filesystem::path path(wanted);
  if (std::filesystem::is_directory(path)) {
    return compile(drawn(compile_profile(profile_of(read_vidur_profile(path))), draw),
                   fmt::format("profile CSVs {}{}", folder_name(path), which));
  }
  if (wanted.ends_with(".json")) {
    note_input(path);
    return read_json(JsonFile(path), draw, fmt::format("profile {}{}", path.filename().string(), which));
  }
  throw unknown_name("--profile", "profile", wanted, embedded_profile_names());
}

std::vector<std::string> embedded_profile_names() {
  std::vector<std::string> names;
  for (const EmbeddedProfile& profile : embedded_profiles()) names.push_back(profile.name);
  return names;
}

}  // namespace switchyard
