// A folder holds one result. What a command writes appears there together, when it is done: a command that fails leaves
// what was there before as it was.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/input/folder_lock.hpp"

namespace switchyard {

class ResultFolder {
 public:
  // What becomes of a result that is there already: it is a mistake; it is replaced; or, if its replays were written
  // down in this file ("study.db"), it is gone on with.
  enum class Earlier : std::uint8_t { refuse, replace, go_on };

  // Makes the folder, keeps it to this process, and checks that it can be written: to be called before the work. Throws
  // InputError that starts with "--out: ". `advice` ends the message about an earlier result: what may be done. `own`
  // ("a sweep"): a result of another kind is never gone on with, and `advice_elsewhere` ends the message about it.
  ResultFolder(std::filesystem::path folder, Earlier earlier, std::string_view advice, const char* replays = "",
               std::string_view own = "", std::string_view advice_elsewhere = "");
  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  const std::filesystem::path& path() const { return folder_; }

  // Where files are written until commit(), on the same file system.
  std::filesystem::path staging() const { return folder_ / ".partial"; }

  // Moves what is staged to its place. An earlier result's other files go, but for the replays of one that is gone on
  // with.
  void commit();

 private:
  std::filesystem::path folder_;
  Earlier earlier_;
  std::string replays_;
  bool made_ = false;  // the folder is ours
  std::unique_ptr<FolderLock> lock_;
};

// Whether a command leaves files of this name in its folder.
bool is_result_file_name(const std::filesystem::path& name);

// The files in a folder that a command left there as its result.
std::vector<std::filesystem::path> result_files(const std::filesystem::path& folder);

// What the file is a part of ("a search"): the result that its folder holds; "" if it is not there, or part of none.
std::string result_of_file(const std::filesystem::path& file);

}  // namespace switchyard
