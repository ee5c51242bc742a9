#include "core/input/data_folder.hpp"

#include <cstdlib>

namespace switchyard {

std::optional<std::filesystem::path> data_folder() {
  const char* set = std::getenv("SWITCHYARD_DATA");  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  std::filesystem::path folder = set ? set : SWITCHYARD_DATA_DIR;
  std::error_code fault;  // a folder that cannot be looked at is none
  if (folder.empty() || !std::filesystem::is_directory(folder, fault)) return std::nullopt;
  return folder;
}

}  // namespace switchyard
