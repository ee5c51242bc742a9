#include "core/input/inputs.hpp"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <system_error>

#include "core/input/error.hpp"

namespace switchyard {

namespace fs = std::filesystem;

namespace {

std::mutex mutex;
std::set<fs::path>& noted() {
  static std::set<fs::path> files;
  return files;
}

}  // namespace

void note_input(const fs::path& file) {
  std::error_code fault;
  if (!fs::is_regular_file(file, fault)) return;  // a device or pipe holds nothing that could be lost
  const fs::path name = fs::absolute(file, fault);
  const std::lock_guard lock(mutex);
  noted().insert(fault ? file : name);
}

void check_not_an_input(const fs::path& file) {
  std::error_code fault;
  if (!fs::is_regular_file(file, fault)) return;
  const std::lock_guard lock(mutex);
  for (const fs::path& input : noted()) {
    if (!fs::equivalent(input, file, fault) || fault) continue;
    throw InputError(
        fmt::format("{}: is read by this command: nothing is written over it (give another name)", file.string()));
  }
}

}  // namespace switchyard
