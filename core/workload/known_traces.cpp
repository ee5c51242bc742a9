#include "core/workload/known_traces.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include "core/input/data_folder.hpp"
#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/workload/embedded_models.hpp"
#include "core/workload/session_model.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"

namespace switchyard {

namespace {

TraceRows rows_of_file(const std::filesystem::path& file, LineReader lines, const TraceReading& reading) {
  TraceFile trace = read_trace(std::move(lines), reading);
  return {trace_source(file, trace), std::string(trace_format_name(trace.format)), std::move(trace.rows),
          std::move(trace.content), trace.sessions};
}

const EmbeddedModel* find_known(const std::string& name) {
  for (const EmbeddedModel& model : embedded_models()) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

// The rows of a model of either kind.
TraceRows rows_of_model(std::string source, const JsonFile& json) {
  if (!SessionModel::is_model(json)) return {std::move(source), "model", TraceModel(json).rows(), {}, {}};
  const SessionModel model(json);
  SessionModel::Rows made = model.rows();
  return {std::move(source), "model", std::move(made.rows), std::move(made.content), model.meaning};
}

JsonFile json_of(const EmbeddedModel& known) { return {"core/data/" + known.file, known.text}; }

// The trace itself, if it is in the data folder.
std::optional<std::filesystem::path> file_of(const EmbeddedModel& known) {
  const auto folder = data_folder();
  if (!folder) return std::nullopt;
  const JsonFile json = json_of(known);
  const std::string of = json.root().at("derived_from").get<std::string>();
  std::filesystem::path file = *folder / "traces" / of;
  std::error_code fault;
  return std::filesystem::exists(file, fault) ? std::optional(file) : std::nullopt;
}

// A model holds its own times and names.
void check_nothing_to_read(const std::string& name, const TraceReading& reading) {
  const auto refuse = [&](std::string_view flag) {
    return InputError(fmt::format("--{}: has no effect on {}: it is for trace files", flag, in_quotes(name)));
  };
  if (reading.time_unit != TimeUnit::by_format) throw refuse("time-unit");
  if (reading.mapped()) throw refuse("trace-columns");
  if (reading.hash_id_tokens != 0) throw refuse("hash-id-tokens");
}

std::string text_of(LineReader lines) {
  std::string text;
  while (lines.next()) {
    text += lines.line();
    text += '\n';
  }
  return text;
}

// What tells whether a file is still the one that was read; the same for all that is no plain file, as a pipe, which
// cannot be read twice.
using Version = std::array<std::int64_t, 5>;

Version version_of(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

const TraceContent& content_of(const TraceRows* trace) {
  static const TraceContent none;
  return trace ? trace->content : none;
}

const std::vector<std::string>& known_traces() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const EmbeddedModel& model : embedded_models()) all.push_back(model.name);
    return all;
  }();
  return names;
}

TraceRows load_trace(const std::string& name_or_file, const TraceReading& reading) {
  if (const EmbeddedModel* known = find_known(name_or_file)) {
    check_nothing_to_read(name_or_file, reading);
    if (const auto file = file_of(*known)) return rows_of_file(*file, LineReader(*file), {});
    return rows_of_model("embedded " + name_or_file, json_of(*known));
  }
  const std::filesystem::path path = name_or_file;
  std::error_code fault;
  if (!path.has_extension() && !path.has_parent_path() && !std::filesystem::exists(path, fault)) {
    throw unknown_name("--workload", "trace", name_or_file, known_traces());
  }
  LineReader lines(path);  // once: it may be a pipe
  if (!TraceModel::is_model(lines.beginning())) return rows_of_file(path, std::move(lines), reading);
  check_nothing_to_read(name_or_file, reading);
  return rows_of_model(path.filename().string(), JsonFile(path.string(), text_of(std::move(lines))));
}

std::shared_ptr<const TraceRows> shared_trace(const std::string& name_or_file, const TraceReading& reading) {
  using Key = std::tuple<std::string, std::string, TraceReading>;  // a known name may mean a file or its model
  struct Loaded {
    Version version;
    std::shared_ptr<const TraceRows> rows;
  };
  static std::mutex mutex;
  static std::map<Key, Loaded> all;
  const std::lock_guard lock(mutex);  // also while it is read: whoever else wants it waits for it
  std::string file = name_or_file;
  if (const EmbeddedModel* known = find_known(name_or_file)) file = file_of(*known).value_or("").string();
  const Version version = version_of(file);
  Loaded& loaded = all[{name_or_file, file, reading}];
  if (!loaded.rows || loaded.version != version) {
    loaded = {version, std::make_shared<const TraceRows>(load_trace(name_or_file, reading))};
  }
  return loaded.rows;
}

}  // namespace switchyard
