// --out, --force and --resume of commands that leave a folder.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "results/result_folder.hpp"
#include "search/cli/options.hpp"
#include "search/study_store.hpp"

namespace switchyard {

// The folder of --out, where --force replaces a result; none if it is not given. Throws InputError.
std::unique_ptr<ResultFolder> result_folder(const Options& options);

// Refuses a flag's file that is part of a result already, or that --out's folder of the same command takes. To be
// called before the work. Throws InputError.
void check_output_file(const Options& options, const std::string& flag);

Options& declare_resumable_out(Options& options, const std::string& files);  // --out, --resume and --force

// The folder of --out of a command that runs many replays: each is written down in replays.db as it is done, by what
// decides it, so that --resume goes on with those that are known, also with other policies, seeds or loads.
class ResumableFolder {
 public:
  // Throws InputError, also for flags that contradict each other or need --out.
  // `own` is what the command leaves, "a sweep": --resume goes on with nothing else.
  ResumableFolder(const Options& options, std::string_view own);

  StudyStore* store() { return store_ ? &*store_ : nullptr; }  // null without --out

  // Lets `write` put files into a folder, and moves them to their place. Does nothing without --out.
  void finish(const std::function<void(const std::filesystem::path&)>& write);

 private:
  std::unique_ptr<ResultFolder> folder_;
  std::optional<StudyStore> store_;
};

}  // namespace switchyard
