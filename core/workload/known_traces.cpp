#include "core/workload/known_traces.hpp"

#include <algorithm>
#include <filesystem>

#include "core/input/data_folder.hpp"
#include "core/input/error.hpp"
#include "core/workload/embedded_models.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"

namespace switchyard {

namespace {

TraceRows rows_of_file(const std::filesystem::path& file) {
  TraceFile trace = read_trace(file);
  return {trace_source(file, trace), std::string(trace_format_name(trace.format)), std::move(trace.rows)};
}

}  // namespace

const std::vector<std::string>& known_traces() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const EmbeddedModel& model : embedded_models()) all.push_back(model.name);
    return all;
  }();
  return names;
}

TraceRows load_trace(const std::string& name_or_file) {
  const auto& models = embedded_models();
  const auto known = std::find_if(models.begin(), models.end(),
                                  [&](const EmbeddedModel& model) { return model.name == name_or_file; });
  if (known != models.end()) {
    const TraceModel model(JsonFile("core/data/" + known->file, known->text));
    if (const auto folder = data_folder()) {
      const std::filesystem::path file = *folder / "traces" / model.derived_from();
      std::error_code fault;
      if (std::filesystem::exists(file, fault)) return rows_of_file(file);
    }
    return {"embedded " + name_or_file, "model", model.rows()};
  }
  const std::filesystem::path path = name_or_file;
  std::error_code fault;
  if (!path.has_extension() && !path.has_parent_path() && !std::filesystem::exists(path, fault)) {
    throw unknown_name("--workload", "trace", name_or_file, known_traces());
  }
  if (TraceModel::is_model(path)) return {path.filename().string(), "model", TraceModel(JsonFile(path)).rows()};
  return rows_of_file(path);
}

}  // namespace switchyard
