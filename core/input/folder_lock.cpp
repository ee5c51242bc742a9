#include "core/input/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "core/input/error.hpp"

namespace switchyard {

FolderLock::FolderLock(const std::filesystem::path& folder, std::string_view where)
    : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ >= 0 && flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const bool in_use = descriptor_ >= 0 && errno == EWOULDBLOCK;
  if (descriptor_ >= 0) close(descriptor_);
  throw InputError(
      fmt::format("{}: {}", where, in_use ? "the folder is in use by another process" : "the folder cannot be locked"));
}

FolderLock::~FolderLock() { close(descriptor_); }

}  // namespace switchyard
