// Replays on disk: an SQLite file to which they are only ever added. Whatever is in it holds, at whatever moment the
// program that wrote it was killed; see search/README.md for its tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/input/folder_lock.hpp"
#include "search/evaluator.hpp"

namespace switchyard {

struct StoredReplay {
  std::string experiment;  // replay_key; "" in studies of format 1
  std::string policy;      // canonical spec
  std::uint64_t seed = 0;
  ReplayResult result;  // figures that were not recorded are NaN
};

class StudyStore {
 public:
  enum class Mode { read, create, append };

  // `read`: no locks are kept and nothing in the folder is changed, not even what a killed process has left unfinished;
  // fine while another program appends, and on read-only media. `create` and `append` keep the file to themselves;
  // `append` makes it if it is not there. Throws InputError if the file is missing (read), exists (create), is not a
  // study, is in use, or was written by another version in another form (append; what is only read may be older).
  // `folder_is_kept`: the caller holds the FolderLock already.
  StudyStore(const std::filesystem::path& file, Mode mode, bool folder_is_kept = false);
  ~StudyStore();
  StudyStore(const StudyStore&) = delete;
  StudyStore& operator=(const StudyStore&) = delete;

  // What the study was started with, as JSON: the last that was set, if it was continued with a larger budget. ""
  // before that.
  std::string config() const;
  void set_config(const std::string& config);

  std::vector<StoredReplay> replays() const;  // in the order in which they were added

  // All or nothing, in one transaction.
  void append(const std::vector<StoredReplay>& replays);

  // The best setting of each policy of the finished study: none before it is finished by its present config.
  std::vector<std::string> leaders() const;
  void set_leaders(const std::vector<std::string>& specs);

 private:
  class Database;
  class Copy;

  std::unique_ptr<FolderLock> lock_;  // released after the database is closed
  std::unique_ptr<Copy> copy_;        // removed after that
  std::unique_ptr<Database> database_;
  int format_ = 0;                    // 0: nothing was ever written
  std::vector<std::string> figures_;  // names of the columns of figures that are there
};

}  // namespace switchyard
