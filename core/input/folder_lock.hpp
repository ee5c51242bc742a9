#pragma once

#include <filesystem>
#include <string_view>

namespace switchyard {

// A folder kept for one process, until this ends: so that two never write one result. It changes nothing in the folder.
class FolderLock {
 public:
  // Throws InputError that starts with `where` if another holds it, or it cannot be locked.
  FolderLock(const std::filesystem::path& folder, std::string_view where);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace switchyard
