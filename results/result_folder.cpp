#include "results/result_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>
#include <vector>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"

namespace switchyard {

namespace fs = std::filesystem;

namespace {

struct Kind {
  const char* name;
  std::vector<const char*> files;  // the first ones are its own, by which it is told
};

constexpr const char* kReplays = "replays.db";  // of several kinds: it does not tell which

// Every file that a command leaves in a folder.
const std::array<Kind, 6>& kinds() {
  static const std::array<Kind, 6> all = {{
      {"a search",
       {"study.db", "leaderboard.json", "leaderboard.csv", "leaderboard.md", "study.json", "trials.csv",
        "distributions.json", "timings.json"}},
      {"a suite", {"suite.json", "suite.csv", "suite.md", kReplays, "profile_uncertainty.md"}},
      {"a sweep", {"sweep.json", "sweep.csv", "sweep.md", kReplays}},
      {"a plan", {"plan.json", "plan.csv", "plan.md", kReplays}},
      {"a validation", {"validation.json"}},
      {"a run", {"summary.json", "request_metrics.csv", "states.json", "config.json"}},
  }};
  return all;
}

bool has_file(const Kind& kind, std::string_view name) {
  return std::find(kind.files.begin(), kind.files.end(), name) != kind.files.end();
}

struct Held {
  std::string kind;  // "" if it holds no result
  std::string file;
};

// The first result that a folder holds, but for one of the kind `without`.
Held held_by(const fs::path& folder, std::string_view without = "") {
  std::error_code fault;
  const auto mine =
      std::find_if(kinds().begin(), kinds().end(), [&](const Kind& kind) { return kind.name == without; });
  for (const Kind& kind : kinds()) {
    if (kind.name == without) continue;
    for (const std::string_view file : kind.files) {
      if (file == kReplays || (mine != kinds().end() && has_file(*mine, file))) continue;
      if (fs::exists(folder / file, fault)) return {kind.name, std::string(file)};
    }
  }
  return {};
}

}  // namespace

bool is_result_file_name(const fs::path& name) {
  return std::any_of(kinds().begin(), kinds().end(), [&](const Kind& kind) { return has_file(kind, name.string()); });
}

std::vector<fs::path> result_files(const fs::path& folder) {
  std::error_code fault;
  std::vector<fs::path> files;
  for (const Kind& kind : kinds()) {
    for (const char* file : kind.files) {
      if (fs::exists(folder / file, fault)) files.push_back(folder / file);
    }
  }
  return files;
}

std::string result_of_file(const fs::path& file) {
  std::error_code fault;
  if (!fs::is_regular_file(file, fault)) return "";
  const fs::path at = fs::weakly_canonical(file, fault);
  if (!is_result_file_name(at.filename())) return "";
  for (const Kind& kind : kinds()) {
    if (fs::exists(at.parent_path() / kind.files.front(), fault)) return kind.name;
  }
  return at.filename() == kReplays ? "a suite, sweep or plan" : "";
}

ResultFolder::ResultFolder(fs::path folder, Earlier earlier, std::string_view advice, const char* replays,
                           std::string_view own, std::string_view advice_elsewhere)
    : folder_(std::move(folder)), earlier_(earlier), replays_(replays) {
  std::error_code fault;
  made_ = fs::create_directories(folder_, fault);
  if (fault || !fs::is_directory(folder_, fault)) {
    throw InputError(fmt::format("--out: cannot make the folder '{}': {}", folder_.string(),
                                 fault ? fault.message() : "a file of that name exists"));
  }
  lock_ = std::make_unique<FolderLock>(folder_, fmt::format("--out: '{}'", folder_.string()));
  const bool goes_on = earlier_ == Earlier::go_on && fs::exists(folder_ / replays_, fault);
  const auto refuse_held = [this](const Held& held, std::string_view what_then) {
    if (held.kind.empty()) return;
    throw InputError(
        fmt::format("--out: '{}' holds {} already ({}): {}", folder_.string(), held.kind, held.file, what_then));
  };
  if (earlier_ != Earlier::replace) {
    if (!own.empty()) refuse_held(held_by(folder_, own), advice_elsewhere);
    if (!goes_on) refuse_held(held_by(folder_), advice);
    const bool replays_alone = !goes_on && fs::exists(folder_ / kReplays, fault);
    if (replays_alone) refuse_held({"replays of a suite, sweep or plan", kReplays}, advice);
  }
  fs::remove_all(staging(), fault);  // of a process that was killed
  if (!fs::create_directory(staging(), fault)) {
    throw InputError(fmt::format("--out: '{}' cannot be written: {}", folder_.string(), fault.message()));
  }
}

ResultFolder::~ResultFolder() {
  std::error_code ignored;
  fs::remove_all(staging(), ignored);
  if (made_) fs::remove(folder_, ignored);  // if nothing is in it
}

void ResultFolder::commit() {
  std::error_code fault;
  std::vector<fs::path> staged;
  for (const auto& entry : fs::directory_iterator(staging())) staged.push_back(entry.path().filename());
  for (const fs::path& file : staged) {
    fs::rename(staging() / file, folder_ / file, fault);
    if (fault) {
      throw InputError(fmt::format("--out: cannot write '{}': {}", (folder_ / file).string(), fault.message()));
    }
  }
  for (const Kind& kind : kinds()) {
    for (const char* file : kind.files) {
      const bool kept = file == replays_ || std::find(staged.begin(), staged.end(), file) != staged.end();
      if (!kept) fs::remove(folder_ / file, fault);
    }
  }
  fs::remove(staging(), fault);
}

}  // namespace switchyard
