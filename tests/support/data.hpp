// Where tests find data that the project does not ship.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace switchyard {

inline std::optional<std::filesystem::path> existing_folder(const char* variable, const char* beside) {
  const char* set = std::getenv(variable);
  const std::filesystem::path folder = set ? std::filesystem::path(set) : std::filesystem::path(SWITCHYARD_SOURCE_DIR) / beside;
  if (folder.empty() || !std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline std::optional<std::filesystem::path> reference_folder() {
  return existing_folder("SWITCHYARD_REFERENCE", "../shared/reference");
}

}  // namespace switchyard
