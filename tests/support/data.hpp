// Where tests find what the project does not ship: data_folder() and reference_folder(). A test without its folder says
// WARN("SKIPPED: ...") and returns; CTest then counts it as skipped.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "core/input/data_folder.hpp"

namespace switchyard {

// Results of real Vidur runs: the environment's SWITCHYARD_REFERENCE if it is set, else `../shared/reference` beside
// the source tree; nothing if there is no such folder.
inline std::optional<std::filesystem::path> reference_folder() {
  const char* set = std::getenv("SWITCHYARD_REFERENCE");
  const std::filesystem::path folder =
      set ? std::filesystem::path(set) : std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "../shared/reference";
  if (folder.empty() || !std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

}  // namespace switchyard
