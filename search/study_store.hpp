// A study on disk: an SQLite file to which trials and replays are only ever added. Whatever is in it holds, at whatever
// moment the program that wrote it was killed; see search/README.md for its tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "search/evaluator.hpp"

namespace switchyard {

struct StoredReplay {
  std::size_t trial = 0;
  std::uint64_t seed = 0;
  ReplayResult result;
};

struct StoredTrial {
  std::size_t number = 0;  // from 0, in the order in which trials were first asked for
  std::string policy;      // canonical spec
};

class StudyStore {
 public:
  enum class Mode { read, create, append };

  // `read`: no locks are kept, nothing is written; fine while another program appends. `create` and `append` keep the
  // file to themselves; `append` makes it if it is not there. Throws InputError if the file is missing (read), exists
  // (create), is not a study, comes from another version, or is in use.
  StudyStore(const std::filesystem::path& file, Mode mode);
  ~StudyStore();
  StudyStore(const StudyStore&) = delete;
  StudyStore& operator=(const StudyStore&) = delete;

  // What the study was started with, as JSON; written once. "" before that.
  std::string config() const;
  void set_config(const std::string& config);

  std::vector<StoredTrial> trials() const;    // by number
  std::vector<StoredReplay> replays() const;  // in the order in which they were added

  // All or nothing, in one transaction.
  void append(const std::vector<StoredTrial>& trials, const std::vector<StoredReplay>& replays);

 private:
  class Database;
  class FolderLock;

  std::unique_ptr<FolderLock> lock_;  // released after the database is closed
  std::unique_ptr<Database> database_;
};

}  // namespace switchyard
