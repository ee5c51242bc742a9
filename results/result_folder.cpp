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

// Every file that a command leaves in a folder.
const std::array<Kind, 6>& kinds() {
  static const std::array<Kind, 6> all = {{
      {"a search",
       {"study.db", "leaderboard.json", "leaderboard.csv", "leaderboard.md", "study.json", "trials.csv",
        "distributions.json", "timings.json"}},
      {"a suite", {"suite.json", "suite.csv", "suite.md", "replays.db"}},
      {"a sweep", {"sweep.json", "sweep.csv", "sweep.md", "replays.db"}},
      {"a plan", {"plan.json", "plan.csv", "plan.md", "replays.db"}},
      {"a validation", {"validation.json"}},
      {"a run", {"summary.json", "request_metrics.csv", "states.json", "config.json"}},
  }};
  return all;
}

}  // namespace

ResultFolder::ResultFolder(fs::path folder, Earlier earlier, std::string_view advice, const char* replays)
    : folder_(std::move(folder)), earlier_(earlier), replays_(replays) {
  std::error_code fault;
  made_ = fs::create_directories(folder_, fault);
  if (fault || !fs::is_directory(folder_, fault)) {
    throw InputError(fmt::format("--out: cannot make the folder '{}': {}", folder_.string(),
                                 fault ? fault.message() : "a file of that name exists"));
  }
  lock_ = std::make_unique<FolderLock>(folder_, fmt::format("--out: '{}'", folder_.string()));
  const bool goes_on = earlier_ == Earlier::go_on && fs::exists(folder_ / replays_, fault);
  for (const Kind& kind : kinds()) {
    for (const char* file : kind.files) {
      if (earlier_ == Earlier::replace || goes_on || !fs::exists(folder_ / file, fault)) continue;
      throw InputError(fmt::format("--out: '{}' holds {} already ({}): {}", folder_.string(), kind.name, file, advice));
    }
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
