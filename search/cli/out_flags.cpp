#include "search/cli/out_flags.hpp"

#include <fmt/format.h>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr const char* kReplays = "replays.db";

}  // namespace

std::unique_ptr<ResultFolder> result_folder(const Options& options) {
  if (!options.has("out")) {
    if (options.has("force")) throw InputError("--force: needs --out");
    return nullptr;
  }
  using Earlier = ResultFolder::Earlier;
  return std::make_unique<ResultFolder>(options.text("out"), options.has("force") ? Earlier::replace : Earlier::refuse,
                                        "choose another folder, or --force to replace it");
}

void check_output_file(const Options& options, const std::string& flag) {
  if (!options.has(flag)) return;
  namespace fs = std::filesystem;
  const fs::path file = options.text(flag);
  const std::string named = fmt::format("--{}: {}", flag, in_quotes(file.string()));
  std::error_code fault;
  if (flag != "out" && options.has("out")) {
    const fs::path at = fs::weakly_canonical(fs::absolute(file, fault), fault);
    const fs::path folder = fs::weakly_canonical(fs::absolute(options.text("out"), fault) / "", fault);
    if (at.parent_path() / "" == folder / "" && is_result_file_name(at.filename())) {
      throw InputError(fmt::format("{} is a file of --out's result, too: give another name", named));
    }
  }
  if (options.has("force")) return;
  if (const std::string result = result_of_file(file); !result.empty()) {
    throw InputError(fmt::format("{} is part of {}: nothing is written over it (give another name)", named, result));
  }
}

Options& declare_resumable_out(Options& options, const std::string& files) {
  return options.file("out", fmt::format("folder for {} and {}", kReplays, files))
      .toggle("resume", fmt::format("go on with {} in --out: what it knows is not run again", kReplays))
      .toggle("force", "replace a result that --out holds already");
}

ResumableFolder::ResumableFolder(const Options& options, std::string_view own) {
  using Earlier = ResultFolder::Earlier;
  for (const char* flag : {"resume", "force"}) {
    if (options.has(flag) && !options.has("out")) throw InputError(fmt::format("--{}: needs --out", flag));
  }
  if (options.has("resume") && options.has("force")) throw InputError("--force: contradicts --resume");
  if (!options.has("out")) return;
  const Earlier earlier = options.has("resume")  ? Earlier::go_on
                          : options.has("force") ? Earlier::replace
                                                 : Earlier::refuse;
  folder_ = std::make_unique<ResultFolder>(
      options.text("out"), earlier, "choose another folder, or --resume to go on with it, or --force to replace it",
      kReplays, own, "choose another folder, or --force to replace it");
  const bool anew = earlier == Earlier::replace;  // what is there stays whole until this is done
  store_.emplace((anew ? folder_->staging() : folder_->path()) / kReplays, StudyStore::Mode::append, true);
}

void ResumableFolder::finish(const std::function<void(const std::filesystem::path&)>& write) {
  if (!folder_) return;
  store_.reset();  // before it may be moved
  write(folder_->staging());
  folder_->commit();
}

}  // namespace switchyard
