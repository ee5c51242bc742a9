#pragma once

#include <filesystem>
#include <optional>

namespace switchyard {

// The folder with traces and profiles: the environment's SWITCHYARD_DATA if it is set (empty or missing folder: none),
// else the one that the build was configured with: `../shared/data` beside the source tree, if it is there.
std::optional<std::filesystem::path> data_folder();

}  // namespace switchyard
