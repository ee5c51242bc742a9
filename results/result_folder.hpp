// A folder holds one result. What a command writes appears there together, when it is done: a command that fails leaves
// what was there before as it was.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/input/folder_lock.hpp"

namespace switchyard {

class ResultFolder {
 public:
  // What becomes of a result that is there already: it is a mistake; it is replaced; or, if its replays were written
  // down in this file ("study.db"), it is gone on with.
  enum class Earlier : std::uint8_t { refuse, replace, go_on };

  // Makes the folder, keeps it to this process, and checks that it can be written: to be called before the work. Throws
  // InputError that starts with "--out: ". `advice` ends the message about an earlier result: what may be done.
  ResultFolder(std::filesystem::path folder, Earlier earlier, std::string_view advice, const char* replays = "");
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

}  // namespace switchyard
